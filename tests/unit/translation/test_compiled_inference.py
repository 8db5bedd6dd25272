"""`compile=True`: a compiled translator gives the results of the plain one; what cannot be compiled runs as it is."""

from pathlib import Path
from typing import Any

import pytest
import torch
from compilers import recording, refusing
from tiny_bundles import GENERATORS, RESNET_INSTANCE, tiny_bundle

from gan_style.conditions import Label, Noise
from gan_style.tiling.tiled import Tiling
from gan_style.translation.predictor import Predictor


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the compiler is given; its code is that of the plain network."""
    return recording(monkeypatch)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_results_are_those_of_the_plain_network(tmp_path: Path, generator: dict, precision: Any, graphs: list[Any]) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", generator)
    plain, quick = (Predictor.load(bundle, "cpu", precision, compile) for compile in (False, True))
    for count, size in enumerate([(32, 32), (19, 45)], 1):
        images = torch.rand(2, 3, *size) * 2 - 1
        for _ in range(2):
            assert torch.equal(quick(images), plain(images))
        assert len(graphs) == count, "compiled once for each size"


@pytest.mark.parametrize("method", ["stargan", "gan"])
def test_a_condition_is_an_input_of_the_compiled_network(tmp_path: Path, method: str, graphs: list[Any]) -> None:
    keys = {"stargan": {"domain_names": ["day", "dusk"]}, "gan": {"size": 16, "latent": 3}}[method]
    generator = {"stargan": RESNET_INSTANCE, "gan": {"name": "dcgan", "base_channels": 4}}[method]
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", generator, method, keys=keys)
    plain, quick = (Predictor.load(bundle, "cpu", compile=compile) for compile in (False, True))
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    match plain.condition:
        case Label() as label:
            results = [[each(image, label.of(name)[None]) for name in label.names] for each in (plain, quick)]
        case Noise() as noise:
            results = [[each.from_noise(noise.latent(0, number)[None]) for number in range(2)] for each in (plain, quick)]
        case _:
            raise AssertionError
    assert torch.equal(torch.cat(results[0]), torch.cat(results[1]))
    assert not torch.equal(*results[1])
    assert len(graphs) == 1


def test_what_cannot_be_compiled_runs_as_it_is_with_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch)
    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    quick = Predictor.load(bundle, "cpu", compile=True)
    image = torch.rand(3, 16, 16) * 2 - 1
    with pytest.warns(UserWarning, match=r"^--compile: the network is not compiled \(.*no kernel for this.*\); it runs as it is$") as told:
        results = [quick(image) for _ in range(2)]
    assert len(told) == 1
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], Predictor.load(bundle, "cpu")(image))


def test_a_picture_that_is_translated_by_regions_is_not_compiled(tmp_path: Path, graphs: list[Any]) -> None:
    """The network is traced for it, and torch refuses to trace what it compiles."""
    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    plain, quick = (Predictor.load(bundle, "cpu", compile=compile) for compile in (False, True))
    image = torch.rand(3, 40, 48) * 2 - 1
    for predictor in (plain, quick):
        predictor.tiling = Tiling(tile=16)
    assert torch.equal(quick(image), plain(image)) and not graphs
    quick.tiling = plain.tiling = Tiling()
    assert torch.equal(quick(image), plain(image)) and len(graphs) == 1
