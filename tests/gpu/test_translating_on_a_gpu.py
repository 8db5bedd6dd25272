"""Translation on a CUDA GPU: its pictures are those of the CPU, plain and compiled."""

from pathlib import Path

import pytest
import torch
from tiny_bundles import GENERATORS, tiny_bundle

from gan_style.translation.predictor import Predictor


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_translations_are_those_of_the_cpu(generator: dict, device: str, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", generator)
    images = torch.rand(2, 3, 19, 45) * 2 - 1
    torch.testing.assert_close(Predictor.load(bundle, device)(images), Predictor.load(bundle, "cpu")(images), rtol=0, atol=1e-4)


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_a_compiled_translator_gives_the_same(generator: dict, device: str, tmp_path: Path) -> None:
    torch._dynamo.reset()
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", generator)
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    quick = Predictor.load(bundle, device, compile=True)
    torch.testing.assert_close(quick(images), Predictor.load(bundle, device)(images), rtol=0, atol=1e-4)
