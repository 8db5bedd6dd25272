"""`gan-style convert` from pix2pixHD, SPADE and pytorch-AdaIN to pictures of infer."""

from pathlib import Path

import numpy as np
import pytest
import torch
from foreign_files import saved, scrambled
from PIL import Image
from reference_adain import drawn, their_decoder, their_encoder, their_transfer
from reference_networks import Norms
from reference_networks_hd import TheirSpade, their_global
from torch import Tensor, nn

import gan_style
from gan_style.__main__ import run
from gan_style.bundles.file import load_bundle

CLASSES = 5


@pytest.fixture(autouse=True)
def _elsewhere(elsewhere: None) -> None:
    pass


def label_map(height: int, width: int) -> np.ndarray:
    """[height, width] with areas of the classes 0 to 4, as gray levels."""
    rng = np.random.default_rng(0)
    return np.kron(rng.integers(0, CLASSES, (height // 8, width // 8)), np.ones((8, 8), np.int64)).astype(np.uint8)


def encoded(labels: np.ndarray, edges: bool) -> Tensor:
    """[1, K, H, W]: a map for each class, then one of edges, as pix2pixHD makes them."""
    classes = torch.from_numpy(labels.astype(np.int64))
    maps = torch.nn.functional.one_hot(classes, CLASSES).permute(2, 0, 1).float()
    edge = torch.zeros_like(maps[:1])
    for axis in (0, 1):
        first, second = (classes.narrow(axis, start, classes.shape[axis] - 1) for start in (0, 1))
        differ = (first != second).float()
        for start in (0, 1):
            part = edge[0].narrow(axis, start, classes.shape[axis] - 1)
            part.copy_(torch.maximum(part, differ))
    return torch.cat([maps, edge] if edges else [maps])[None]


def eight_bits(translation: Tensor) -> np.ndarray:
    return ((translation[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).numpy()


@pytest.mark.parametrize("edges", ["labels", "none"])
@torch.no_grad()
def test_pix2pixhd_translates_gray_label_maps(edges: str, capsys: pytest.CaptureFixture[str]) -> None:
    theirs: nn.Module = their_global(Norms("instance"), channels=CLASSES + (edges == "labels")).eval()
    theirs.load_state_dict(scrambled(theirs))
    saved(Path("latest_net_G.pth"), theirs.state_dict())
    given = [] if edges == "labels" else ["--set", "edges=none"]
    assert run(["convert", "--from", "latest_net_G.pth", "--to", "city.safetensors", *given]) == 0
    assert "colours         #00,#01,#02,#03,#04 (by default: gray level n is class n, of 5" in capsys.readouterr().out
    labels = label_map(32, 48)
    Image.fromarray(labels).save("labels.png")
    assert run(["infer", "--model", "city.safetensors", "--input", "labels.png", "--output", "out"]) == 0
    expected = eight_bits(theirs(encoded(labels, edges == "labels")))
    assert np.abs(np.asarray(Image.open("out/labels.png"), np.float32) - expected).max() <= 0.51


@torch.no_grad()
def test_spade_translates_with_the_statistics_of_its_training() -> None:
    theirs = TheirSpade(labels=CLASSES + 1, spectral=False).eval()
    theirs.load_state_dict(scrambled(theirs))
    saved(Path("latest_net_G.pth"), theirs.state_dict())
    assert run(["convert", "--from", "latest_net_G.pth", "--to", "city.safetensors"]) == 0
    assert load_bundle(Path("city.safetensors"))[0].statistics == "running"
    labels = label_map(64, 96)
    expected = theirs(encoded(labels, True))[0].permute(1, 2, 0)
    ours = gan_style.load("city.safetensors")(torch.from_numpy(labels)[None].float() / 127.5 - 1, value_range=(-1, 1), channels_first=True)
    torch.testing.assert_close(ours.permute(1, 2, 0), expected, rtol=0, atol=1e-4)


@torch.no_grad()
def test_adain_stylizes_with_its_own_encoder() -> None:
    encoder, decoder = drawn(their_encoder(), 0), drawn(their_decoder(), 1)
    saved(Path("vgg_normalised.pth"), encoder.state_dict(), old=True)
    saved(Path("decoder.pth"), decoder.state_dict(), old=True)
    assert run(["convert", "--from", "decoder.pth", "--to", "adain.safetensors", "--set", "vgg=vgg_normalised.pth"]) == 0
    rng = np.random.default_rng(0)
    for name, size in (("photo", (40, 48)), ("style", (37, 51))):
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(f"{name}.png")
    assert run(["infer", "--model", "adain.safetensors", "--input", "photo.png", "--style", "style.png", "--output", "out"]) == 0
    content, style = (torch.from_numpy(np.array(Image.open(f"{name}.png"))).permute(2, 0, 1)[None] / 255 for name in ("photo", "style"))
    expected = (their_transfer(encoder, decoder, content, style)[0].permute(1, 2, 0).clamp(0, 1) * 255).numpy()
    assert np.abs(np.asarray(Image.open("out/photo.png"), np.float32) - expected).max() <= 0.6
    assert run(["convert", "--from", "adain.safetensors", "--to", "back.pth"]) == 0
    back = torch.load("back.pth", weights_only=True)
    assert back.keys() == decoder.state_dict().keys()
    assert all(torch.equal(value, decoder.state_dict()[name]) for name, value in back.items())


def test_a_network_of_classes_needs_a_method_that_encodes_them(capsys: pytest.CaptureFixture[str]) -> None:
    saved(Path("net.pth"), their_global(Norms("instance"), channels=CLASSES).state_dict())
    assert run(["convert", "--from", "net.pth", "--to", "b.safetensors", "--method", "pix2pix"]) == 2
    assert "--method pix2pix: labels: unknown key; take pix2pixhd" in capsys.readouterr().err
