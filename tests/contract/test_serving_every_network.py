"""A bundle of every method and network is served as it was trained: no value is drawn in vain, none is missing, and half is autocast's."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from test_tracing import config_with, each_generator, each_translator
from tiny import SIZE, make_method
from torch import nn

from gan_style.bundles.file import METADATA_KEY, BundleInfo, Resize, save_bundle
from gan_style.conditions import Given, Noise
from gan_style.errors import UserError
from gan_style.methods import CONFIGS, METHODS
from gan_style.networks import per_image_statistics
from gan_style.translation.predictor import Predictor


def bundled(method: str, name: str, folder: Path, **keys: Any) -> tuple[Path, nn.Module, tuple[torch.Tensor, ...]]:
    """A bundle, the network that was trained, and what it is given for one image."""
    trained = make_method(config_with(method, "generator", name, folder, **keys))
    config = trained.served_config()
    network = trained.networks[trained.translators["a2b"]]
    info = BundleInfo(
        method=method,
        direction="a2b",
        translator=config,
        in_channels=3,
        out_channels=3,
        size_multiple=1,
        style=method == "adain",
        resize=Resize(preprocess="none", load_size=SIZE, crop_size=SIZE),
        step=1,
    )
    save_bundle(folder / "a2b.safetensors", info, network.state_dict())
    image = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    inputs = METHODS[method].takes(CONFIGS[method].model_validate(config)).inputs(Given(image, other=image.flip(2)))
    served = per_image_statistics(network) if METHODS[method].per_image_statistics else network
    laid_out = served.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return folder / "a2b.safetensors", laid_out, tuple(each[None] for each in inputs)


@torch.no_grad()
def translated(predictor: Predictor, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
    if isinstance(predictor.condition, Noise):
        return predictor.from_noise(*inputs)
    return predictor.translate(*inputs)


@each_translator
def test_a_bundle_gives_the_bits_of_the_trained_network(method: str, name: str, tmp_path: Path) -> None:
    bundle, trained, inputs = bundled(method, name, tmp_path)
    with torch.no_grad():
        expected = trained(*inputs).clamp(-1, 1)
    predictor = Predictor.load(bundle, "cpu")
    assert torch.equal(translated(predictor, inputs), expected)


@each_generator
def test_so_does_one_of_a_network_under_spectral_normalisation(method: str, name: str, tmp_path: Path) -> None:
    bundle, trained, inputs = bundled(method, name, tmp_path, spectral_norm=True)
    with torch.no_grad():
        expected = trained(*inputs).clamp(-1, 1)
    assert torch.equal(translated(Predictor.load(bundle, "cpu"), inputs), expected)


@each_translator
def test_half_precision_is_autocasts(method: str, name: str, tmp_path: Path) -> None:
    """To a rounding of bfloat16, whose steps are 1/128 at 1; some operations are float32 in autocast alone."""
    bundle, trained, inputs = bundled(method, name, tmp_path)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        expected = trained(*inputs).float().clamp(-1, 1)
    predictor = Predictor.load(bundle, "cpu", "bf16")
    assert {weight.dtype for weight in predictor.network.parameters()} >= {torch.bfloat16}
    half = translated(predictor, inputs)
    assert half.dtype == torch.float32
    with torch.no_grad():
        exact = trained(*inputs).clamp(-1, 1)
    rounding = (expected - exact).abs().max().item()
    assert (half - exact).abs().max() <= 2 * rounding + 1 / 128
    assert (half - expected).abs().mean() <= rounding


@each_generator
def test_a_bundle_that_lacks_a_weight_is_refused(method: str, name: str, tmp_path: Path) -> None:
    bundle, _, _ = bundled(method, name, tmp_path)
    weights = load_file(bundle)
    lost = next(iter(weights))
    with safe_open(bundle, framework="pt") as file:
        metadata = file.metadata()
    assert METADATA_KEY in metadata
    save_file({key: weight for key, weight in weights.items() if key != lost}, bundle, metadata=metadata)
    with pytest.raises(UserError, match=f"{lost} missing"):
        Predictor.load(bundle, "cpu")
