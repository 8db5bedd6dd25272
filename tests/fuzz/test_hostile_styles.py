"""Bundles that take styles or noise, and what a user may write behind --style, --mask and --strength."""

from pathlib import Path

import pytest
import torch
from fuzzing import fuzz
from hypothesis import strategies as st
from mutations import INTEGERS, JSON_VALUES, changed
from pictures import draw
from PIL import Image
from test_hostile_bundles import join, split
from tiny_bundles import tiny_bundle

from gan_style.bundles.file import METADATA_KEY
from gan_style.commands.infer import infer_command
from gan_style.commands.running import run_command
from gan_style.conditions import Exemplar, Label, Mix, Noise
from gan_style.translation.inputs import Job
from gan_style.translation.picture import read_source
from gan_style.translation.predictor import Predictor
from gan_style.translation.stylist import StyleOptions
from gan_style.translation.translators import translator_for

WORDS = ["waves", "dusk", "style.png", "mask.png", "photo.png", "0.5", "1", "0", "-1", "nan", "1e999", ":", ",", " ", "\0", "é", "/", ""]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map("".join) | st.text(max_size=20)
PICTURES = [["style.png"], ["style.png:1"], ["style.png:0.25", "photo.png:0.75"]]
DOMAINS = {"domain_names": ["blue", "red"]}
GOOD = {
    "named": [["waves"], ["waves:0.5,dusk:0.5"], ["waves", "dusk"]],
    "pictures": PICTURES,
    "gatys": PICTURES,
    "noise": [[]],
    "domains": [[]],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """named, pictures and noise .safetensors, photo.png, style.png and mask.png."""
    folder = tmp_path_factory.mktemp("styles")
    styles = {"styles": {"waves": "", "dusk": ""}}
    tiny_bundle(folder / "named.safetensors", {"base_channels": 2, "num_blocks": 0}, "fast_style", keys=styles)
    tiny_bundle(folder / "pictures.safetensors", {"base_channels": 1, "depth": "relu2_1"}, "adain", style=True)
    tiny_bundle(folder / "noise.safetensors", {"name": "mlp", "base_channels": 1}, "gan", keys={"size": 8, "latent": 2})
    tiny_bundle(folder / "domains.safetensors", {"name": "resnet", "base_channels": 2, "num_blocks": 0}, "stargan", keys=DOMAINS)
    for number, name in enumerate(("photo", "style", "mask")):
        Image.fromarray(draw(number, 12)).save(folder / f"{name}.png")
    return folder


def serve(path: Path, photo: Path) -> None:
    """What loads can also stylize, or draw."""
    predictor = Predictor.load(path, "cpu")
    condition = predictor.condition
    if isinstance(condition, Noise):
        predictor.from_noise(torch.zeros(1, condition.size))
        return
    pictures = isinstance(condition, Exemplar)
    names = list(condition.names) if isinstance(condition, Mix) else []
    styles = [str(photo)] if pictures else [name for name in names[:1] if ":" not in name]
    stylist = translator_for(predictor, StyleOptions(style=styles), condition.names[0] if isinstance(condition, Label) else None)
    source = read_source(Job(photo, photo), predictor.info, "none")
    assert stylist([source], torch.zeros(1, 3, *source.pixels.shape[:2])).shape[1] == 3


@fuzz(data=st.data(), name=st.sampled_from(["named", "pictures", "noise", "domains"]))
def test_metadata(tmp_path: Path, folder: Path, data: st.DataObject, name: str) -> None:
    header, tensors = split((folder / f"{name}.safetensors").read_bytes())
    metadata = header["__metadata__"]
    metadata[METADATA_KEY] = data.draw(changed(metadata[METADATA_KEY], JSON_VALUES | INTEGERS))
    path = tmp_path / "a2b.safetensors"
    path.write_bytes(join(header, tensors))
    serve(path, folder / "photo.png")


@fuzz(data=st.data(), name=st.sampled_from(sorted(GOOD)))
def test_options(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject, name: str) -> None:
    """Any text behind the options, as the command reads it; half of the time sense, or nothing would get past the first check."""
    monkeypatch.chdir(folder)
    styles = data.draw(st.sampled_from(GOOD[name]) | st.lists(TEXTS, max_size=3))
    masks = data.draw(st.just([]) | st.just(["mask.png"] * len(styles)) | st.lists(TEXTS, max_size=3))
    given = [part for text in styles for part in ("--style", text)] + [part for text in masks for part in ("--mask", text)]
    model = "gatys" if name == "gatys" else f"{name}.safetensors"
    extra = (
        ["--vgg", "random", "--style-layers", "relu1_1", "--content-layers", "relu1_1", "--steps", "1", "--size", "12"]
        if name == "gatys"
        else []
    )
    extra += ["--to", data.draw(st.sampled_from(["red", "blue"]) | TEXTS)] if name == "domains" else []
    command = ["--model", model, "--input", "photo.png", "--output", str(tmp_path / "out"), "--overwrite", *extra, *given]
    assert run_command(lambda: infer_command(command)) in (0, 2)
