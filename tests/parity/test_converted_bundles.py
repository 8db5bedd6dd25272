"""`gan-style convert` on the reference's weights: the bundle gives the reference's output, and the weights come back byte for byte."""

from pathlib import Path

import pytest
import torch
from foreign_files import same
from vectors import Vectors

from gan_style import networks
from gan_style.__main__ import run
from gan_style.interop import read_foreign
from gan_style.networks import DISCRIMINATORS
from gan_style.translation.predictor import Predictor

RANGES = {None: (1.0, 0.0), "RGB 0..255 in and out": (127.5, 127.5)}  # value range of the vectors -> (scale, offset) from [-1, 1]


def converted(vectors: Vectors, folder: Path) -> Path:
    """The bundle, or the discriminator's file. Batch normalisation uses the statistics of the vectors' mode."""
    torch.save(vectors.under("state_dict"), folder / "net.pth")
    batch = vectors.spec["norm"] == "batch" and vectors.spec["network"] in ("resnet", "unet")
    given = ["--set", "statistics=running"] if batch and vectors.spec["mode"] == "eval" else []
    assert run(["convert", "--from", str(folder / "net.pth"), "--to", str(folder / "ours.safetensors"), *given]) == 0
    return folder / "ours.safetensors"


@torch.no_grad()
def test_the_bundle_gives_the_output(forward_vectors: Vectors, tmp_path: Path) -> None:
    path = converted(forward_vectors, tmp_path)
    scale, offset = RANGES[forward_vectors.spec.get("value_range")]
    source, expected = (forward_vectors.tensors["input"] - offset) / scale, forward_vectors.tensors["output"]
    if forward_vectors.spec["network"] in DISCRIMINATORS:
        foreign = read_foreign(path)
        network = networks.build(DISCRIMINATORS, foreign.config, in_channels=foreign.in_channels).eval()
        network.load_state_dict(foreign.weights)
        found = network(source)
    else:
        predictor = Predictor.load(path, "cpu")
        found, expected = predictor(source.clamp(-1, 1)) * scale + offset, expected.clamp(offset - scale, offset + scale)
    span = (expected.max() - expected.min()).item()
    assert (found - expected).abs().max().item() <= 1e-5 * span


def test_the_weights_come_back_byte_for_byte(forward_vectors: Vectors, tmp_path: Path) -> None:
    assert run(["convert", "--from", str(converted(forward_vectors, tmp_path)), "--to", str(tmp_path / "back.pth")]) == 0
    assert same(torch.load(tmp_path / "back.pth", weights_only=True), forward_vectors.under("state_dict"))


@pytest.mark.parametrize("moment", ["init", "final"])
def test_trained_networks_come_back_byte_for_byte(train_vectors: Vectors, moment: str, tmp_path: Path) -> None:
    """Generators and discriminators of a whole training in one checkpoint."""
    states = {name: train_vectors.under(f"{moment}.{name}") for name in train_vectors.spec["networks"]}
    torch.save(states, tmp_path / "checkpoint.pth")
    for name, state in states.items():
        given = ["--set", f"network_in_file={name}"]
        assert run(["convert", "--from", str(tmp_path / "checkpoint.pth"), "--to", str(tmp_path / f"{name}.safetensors"), *given]) == 0
        assert run(["convert", "--from", str(tmp_path / f"{name}.safetensors"), "--to", str(tmp_path / f"{name}.pth")]) == 0
        assert same(torch.load(tmp_path / f"{name}.pth", weights_only=True), state)
