"""Values beyond the range of training are told where a bundle is used: they may have another unit."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_bundles import tiny_bundle

import gan_style
from gan_style.translation import beyond


@pytest.fixture(autouse=True)
def _bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(beyond, "_told", [])
    values = {"values_in": {"low": 0, "high": 500}, "values_out": {"low": -1000, "high": 2000, "type": "int16"}}
    tiny_bundle(Path("ct.safetensors"), in_channels=1, out_channels=1, **values)
    Path("in").mkdir()


def values() -> np.ndarray:
    return np.linspace(0, 500, 64 * 64, dtype=np.float32).reshape(64, 64)


@pytest.mark.parametrize("options", [(), ("--tile", "32")])
def test_infer_names_the_first_file(options: tuple[str, ...], main: Callable[..., int]) -> None:
    command = ["--model", "ct.safetensors", "--input", "in", "--output", "out", "--device", "cpu", "--overwrite", *options]
    few = values()
    few[0, :5] = 9000
    few[10:] = -499  # as the air around a body whose range was found inside masks
    np.save("in/a.npy", few)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert main(command) == 0
    for name in "bc":
        np.save(f"in/{name}.npy", 1001 + values())
    with pytest.warns(UserWarning, match="have they the unit") as told:
        assert main(command) == 0
    (line,) = (str(each.message) for each in told if "beyond" in str(each.message))
    assert line.startswith("in/") and "100 % of its values lie far beyond the range of the network, 0..500, and are cut" in line


def test_python_tells_of_arrays() -> None:
    network = gan_style.load("ct.safetensors", device="cpu")
    with pytest.warns(UserWarning, match=r"the array: 100 % of its values lie far beyond the range of the network, 0\.\.500, and are cut"):
        network(values() + 1001)
