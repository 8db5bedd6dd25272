"""Each translator of every method is exported. Its file gives the bundle's results at sizes and batches that were not traced."""

from pathlib import Path

import torch
from test_serving_every_network import bundled
from test_tracing import each_generator, each_translator
from torch import Tensor

from gan_style.bundles.exported import ExportInfo
from gan_style.conditions import Exemplar, Label, Mix, Noise
from gan_style.exporting.formats import FORMATS
from gan_style.exporting.write import export
from gan_style.translation.predictor import Predictor

SIZES = [(1, 1, 3), (3, 70, 33), (1, 41, 96), (5, 32, 64)]  # batch, height, width


def conditions(info: ExportInfo, batch: int) -> list[Tensor]:
    """What the network takes beside the pictures: the whole style, where it takes a strength."""
    match info.condition:
        case Label() | Mix():
            shares = torch.eye(len(info.condition.names))[torch.arange(batch) % len(info.condition.names)]
            return [shares] if isinstance(info.condition, Label) else [shares, torch.ones(batch, 1)]
        case Exemplar():
            return [torch.rand(batch, 3, 48, 61) * 2 - 1, torch.ones(batch, 1)]
        case Noise():
            return [torch.stack([info.condition.latent(1, number) for number in range(batch)])]
        case _:
            return []


def translated(predictor: Predictor, info: ExportInfo, photos: Tensor, beside: list[Tensor]) -> Tensor:
    """What the bundle makes of the same."""
    match info.condition:
        case Noise():
            return predictor.from_noise(*beside)
        case Exemplar():
            return predictor.translate(photos, beside[0])
        case _:
            return predictor.translate(photos, *beside[:1])


def check(bundle: Path, output: Path) -> None:
    info = export(bundle, output, "float")
    assert info.accuracy is not None and info.accuracy.error <= info.accuracy.allowed == 1e-4
    predictor, run = Predictor.load(bundle, "cpu"), FORMATS[output.suffix].open(output)
    for batch, height, width in SIZES:
        photos, beside = torch.rand(batch, 3, height, width) * 2 - 1, conditions(info, batch)
        given = beside if isinstance(info.condition, Noise) else [photos, *beside]
        result, expected = run(*given), translated(predictor, info, photos, beside)
        assert result.shape == expected.shape, (batch, height, width)
        # A picture of one pixel is padded to a constant one, of which instance normalisation divides rounding errors by 0.003.
        if height > 1:
            assert (result - expected).abs().max() <= 2e-4, (batch, height, width)


@each_translator
def test_in_onnx(method: str, name: str, tmp_path: Path) -> None:
    bundle, *_ = bundled(method, name, tmp_path)
    check(bundle, tmp_path / "network.onnx")


@each_generator
def test_in_the_format_of_torch_export(method: str, name: str, tmp_path: Path) -> None:
    bundle, *_ = bundled(method, name, tmp_path)
    check(bundle, tmp_path / "network.pt2")


@each_generator
def test_in_torchscript(method: str, name: str, tmp_path: Path) -> None:
    bundle, *_ = bundled(method, name, tmp_path)
    check(bundle, tmp_path / "network.ts")


@each_generator
def test_under_spectral_normalisation_and_with_each_images_own_batch_statistics(method: str, name: str, tmp_path: Path) -> None:
    norm = "instance" if method == "fast_style" else "batch"
    bundle, *_ = bundled(method, name, tmp_path, norm=norm, spectral_norm=True, dropout=True)
    check(bundle, tmp_path / "network.onnx")
