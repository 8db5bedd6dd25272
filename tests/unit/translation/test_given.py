"""What a program may give a predictor, and what becomes of the rest: a word that says what to do, never a wrong picture."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_bundles import tiny_bundle

from gan_style.files import images
from gan_style.translation.predictor import Predictor


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    return Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors"), "cpu")


@pytest.fixture
def dreamer(tmp_path: Path) -> Predictor:
    generator = {"name": "dcgan", "base_channels": 4, "norm": "batch"}
    return Predictor.load(tiny_bundle(tmp_path / "gan.safetensors", generator, "gan", keys={"size": 16, "latent": 3}), "cpu")


PIXELS = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
WHOLE = images.to_tensor(PIXELS)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int32, torch.int64, torch.bool, torch.complex64])
def test_whole_numbers_are_refused(dtype: torch.dtype, predictor: Predictor) -> None:
    with pytest.raises(TypeError, match=rf"not {dtype}: gan_style\.files\.images\.to_tensor makes one of pixels"):
        predictor(torch.zeros(3, 8, 9, dtype=dtype))


@pytest.mark.parametrize("given", [PIXELS, None, [[0.0]], "photo.png"])
def test_what_is_no_tensor_is_refused(given: Any, predictor: Predictor) -> None:
    with pytest.raises(TypeError, match=rf"float tensors, not {type(given).__name__}"):
        predictor(given)


@pytest.mark.parametrize("wrong", [(WHOLE + 1) * 127.5, WHOLE * 1.01, WHOLE - 0.01, WHOLE * torch.nan, WHOLE / 0.0, WHOLE * 2.6])
def test_values_out_of_range_are_refused(wrong: torch.Tensor, predictor: Predictor) -> None:
    with pytest.raises(ValueError, match=r"a picture with values from .* to .*; give values in \[-1, 1\]"):
        predictor(wrong)


@pytest.mark.parametrize("shape", [(8, 9), (1, 8, 9), (4, 8, 9), (1, 1, 3, 8, 9), (0, 3, 8, 9), (3, 0, 9), (3,), ()])
def test_other_shapes_are_refused(shape: tuple[int, ...], predictor: Predictor) -> None:
    with pytest.raises(ValueError, match=r"a translator of 3 channels was given a tensor of shape .*; give \[C, H, W\] or \[B, C, H, W\]$"):
        predictor(torch.zeros(shape))


def test_channels_at_the_end_are_recognised(predictor: Predictor) -> None:
    with pytest.raises(ValueError, match=r"channels come before height and width$"):
        predictor(torch.zeros(8, 9, 3))


def test_values_from_0_to_1_are_warned_about_once(predictor: Predictor) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(3):
            predictor((WHOLE + 1) / 2)
    assert [str(each.message).partition(",")[0] for each in said] == ["all values of this picture lie in [0"]
    assert said[0].filename == __file__  # the caller's line


@pytest.mark.filterwarnings("error")
def test_pictures_in_their_range_pass(predictor: Predictor) -> None:
    expected = predictor(WHOLE)
    assert torch.equal(predictor(WHOLE.double()), expected)
    assert torch.equal(predictor(WHOLE[None])[0], expected)
    for half in (torch.bfloat16, torch.float16):  # 1 and -1 are exact, rounding stays within
        assert (predictor(WHOLE.to(half)) - expected).abs().mean() < 0.02
    predictor(torch.zeros(3, 8, 9))
    predictor(torch.full((3, 8, 9), -1.0))


def test_noise_and_pictures_are_told_apart(predictor: Predictor, dreamer: Predictor) -> None:
    with pytest.raises(ValueError, match="a bundle of gan makes pictures from noise: call from_noise"):
        dreamer(WHOLE)
    with pytest.raises(ValueError, match="a bundle of pix2pix translates pictures"):
        predictor.from_noise(torch.zeros(1, 3))
    for wrong in (torch.zeros(3), torch.zeros(1, 4), torch.full((1, 3), torch.nan)):
        with pytest.raises(ValueError, match=r"give finite numbers of shape \[B, 3\]"):
            dreamer.from_noise(wrong)
    with pytest.raises(TypeError, match=r"not torch\.int64"):
        dreamer.from_noise(torch.zeros(1, 3, dtype=torch.int64))
    assert dreamer.from_noise(torch.zeros(2, 3, dtype=torch.float64)).shape == (2, 3, 16, 16)


def test_noise_is_drawn_in_the_precision_asked_for(dreamer: Predictor, tmp_path: Path) -> None:
    half = Predictor.load(tmp_path / "gan.safetensors", "cpu", "bf16")
    latents = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    seen: list[torch.dtype] = []
    for module in half.network.modules():
        if isinstance(module, torch.nn.ConvTranspose2d):
            module.register_forward_hook(lambda module, given, made: seen.append(made.dtype))
    exact, rough = dreamer.from_noise(latents), half.from_noise(latents)
    assert seen and set(seen) == {torch.bfloat16}
    assert rough.dtype == torch.float32
    assert 0 < (exact - rough).abs().mean() < 0.03
