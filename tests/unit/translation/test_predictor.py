"""A bundle becomes a function, or an error that names what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_bundles import GENERATORS, UNET_BATCH, tiny_bundle

from gan_style.errors import UserError
from gan_style.machine.memory import OutOfMemory
from gan_style.methods import METHODS
from gan_style.networks import per_image_statistics
from gan_style.translation.predictor import Predictor


def rewrite(path: Path, weights: dict[str, torch.Tensor] | None = None, **changes: Any) -> Path:
    """The bundle with other weights or metadata fields."""
    with safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()["gan_style"])
    weights = load_file(path) if weights is None else weights
    save_file(weights, path, metadata={"gan_style": json.dumps({**metadata, **changes})})
    return path


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
@pytest.mark.parametrize("size", [(32, 32), (19, 45), (1, 3)])
def test_any_size_alone_and_in_a_batch(tmp_path: Path, generator: dict, size: tuple[int, int]) -> None:
    predictor = Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors", generator, in_channels=3, out_channels=1), device="cpu")
    images = torch.rand(3, 3, *size) * 2 - 1
    together = predictor(images)
    assert together.shape == (3, 1, *size) and together.dtype == torch.float32
    for image, result in zip(images, together, strict=True):
        alone = predictor(image)
        assert alone.shape == (1, *size)
        torch.testing.assert_close(alone, result, atol=1e-5, rtol=0)
    assert together.abs().max() <= 1 and not together.requires_grad


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_it_is_the_trained_network_with_the_statistics_of_each_image(tmp_path: Path, generator: dict) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", generator)
    predictor = Predictor.load(bundle, device="cpu")
    config = METHODS["pix2pix"].Config.model_validate(predictor.info.translator)
    trained = METHODS["pix2pix"].translator(config, 3, 3)
    trained.load_state_dict(load_file(bundle))
    image = torch.rand(1, 3, 32, 48) * 2 - 1
    with torch.no_grad():
        own, running = per_image_statistics(trained).eval()(image), trained.eval()(image)
    torch.testing.assert_close(predictor(image), own, atol=1e-5, rtol=0)
    apart = (predictor(image) - running).abs().max()
    assert (apart > 0.1) if generator is UNET_BATCH else (apart < 1e-5), "the running statistics must not be used"


@pytest.mark.parametrize(
    "precision", ["bf16", pytest.param("fp16", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]
)
@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_half_precision_is_close(tmp_path: Path, generator: dict, precision: Any) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", generator)
    image = torch.rand(2, 3, 32, 32) * 2 - 1
    exact, half = Predictor.load(bundle)(image), Predictor.load(bundle, precision=precision)(image)
    assert half.dtype == torch.float32
    assert 0 < (exact - half).abs().mean() < 0.03


def test_fp16_is_refused_on_a_cpu(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--precision: fp16 needs a GPU"):
        Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors"), "cpu", "fp16")


def test_wrong_channels_are_a_fault_of_the_caller(tmp_path: Path) -> None:
    predictor = Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors"), "cpu")
    with pytest.raises(ValueError, match="3 channels"):
        predictor(torch.zeros(1, 8, 8))


def test_weights_must_fit_exactly(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    weights = load_file(bundle)

    rewrite(bundle, {name: weight for name, weight in weights.items() if name != "head.bias"})
    with pytest.raises(UserError, match=r"a2b\.safetensors: .*head\.bias missing$"):
        Predictor.load(bundle, "cpu")
    rewrite(bundle, {**weights, "head.extra": torch.zeros(2)})
    with pytest.raises(UserError, match=r"head\.extra unexpected$"):
        Predictor.load(bundle, "cpu")
    rewrite(bundle, {**weights, "head.bias": torch.zeros(5)})
    with pytest.raises(UserError, match=r"head\.bias of the wrong shape \(\[5\], not \[3\]\)$"):
        Predictor.load(bundle, "cpu")
    rewrite(bundle, {**weights, "head.bias": torch.tensor([0.0, float("nan"), 0.0])})
    with pytest.raises(UserError, match=r"head\.bias not finite"):
        Predictor.load(bundle, "cpu")
    rewrite(bundle, weights)
    Predictor.load(bundle, "cpu")


def test_a_header_that_claims_a_huge_network_allocates_nothing(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    claimed = METHODS["pix2pix"].Config.model_validate(
        {"name": "pix2pix", "generator": {"name": "unet", "base_channels": 1024, "num_downs": 12}}
    )
    rewrite(bundle, translator=claimed.model_dump(mode="json"))
    with pytest.raises(UserError, match="do not fit the network"):
        Predictor.load(bundle, "cpu")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"method": "pix3pix"}, "'pix3pix'"),
        ({"method": "cyclegan"}, "translator.name"),
        ({"translator": {"name": "pix2pix", "generator": {"name": "resnet", "num_blocks": 1000}}}, r"translator\.generator\.num_blocks"),
        ({"translator": {"name": "pix2pix", "depth": 3}}, r"translator\.depth"),
        ({"style": True}, "style image"),
        ({"value_range": [0, 1]}, "value_range"),
        ({"in_channels": 7}, "in_channels is 7"),
        ({"format": 2}, "format"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_metadata_that_cannot_be_served(tmp_path: Path, changes: dict, named: str) -> None:
    bundle = rewrite(tiny_bundle(tmp_path / "a2b.safetensors"), **changes)
    with pytest.raises(UserError, match=named) as mistake:
        Predictor.load(bundle, "cpu")
    assert str(bundle) in str(mistake.value) and "\n" not in str(mistake.value)


def test_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors"), "cpu")

    def full(_: torch.Tensor) -> torch.Tensor:
        return torch.empty(2**60)  # the allocator's own error

    monkeypatch.setattr(predictor, "network", full)
    with pytest.raises(OutOfMemory, match=r"smaller --batch-size.*--resize"):
        predictor(torch.zeros(2, 3, 8, 9))

    def broken(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("something else")

    monkeypatch.setattr(predictor, "network", broken)
    with pytest.raises(RuntimeError, match="something else"):
        predictor(torch.zeros(2, 3, 8, 9))


def test_a_ribbon_is_not_padded_to_gigabytes(tmp_path: Path) -> None:
    predictor = Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors", {**UNET_BATCH, "base_channels": 1, "num_downs": 9}), "cpu")
    assert predictor(torch.zeros(3, 1, 1000)).shape == (3, 1, 1000), "padded to 512 x 1024"
    with pytest.raises(UserError, match=r"has 100000 x 1 pixels, which the network pads to 100352 x 512, more than") as caught:
        predictor(torch.zeros(3, 1, 100_000))
    assert not isinstance(caught.value, OutOfMemory), "a smaller batch would not help"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--device cuda"):
        Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors"), "cuda")
    assert Predictor.load(tmp_path / "a2b.safetensors").device.type == "cpu"
