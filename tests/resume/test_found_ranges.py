"""A run keeps the ranges that it found, and refuses a key `range` that would have found another."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from runs import arguments

from gan_style.commands.train import train_command
from gan_style.config.yaml_file import read_yaml
from gan_style.engine.known_data import KnownData
from gan_style.errors import UserError


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for domain in "AB":
        (tmp_path / f"scans/train{domain}").mkdir(parents=True)
        for number in range(4):
            values = np.random.default_rng(number).normal(100, 50, (24, 24)).astype(np.float32)
            tifffile.imwrite(tmp_path / f"scans/train{domain}/{number}.tif", values, metadata=None)
    return tmp_path / "scans"


def command(scans: Path, run_dir: Path, steps: int, **keys: str) -> list[str]:
    settings = {"channels": "1", "range": "[0, 200]", **keys}
    overrides = [f"data.domain_a.{key}={value}" for key, value in settings.items()]
    of_b = ["data.domain_b.channels=1", "data.domain_b.range=[0, 200]"]
    return arguments("pix2pix", scans, run_dir, *overrides, *of_b, f"train.steps={steps}", "data.workers=0")


@pytest.mark.parametrize(
    ("key", "first", "then"),
    [
        ("range", "auto", "percentiles"),
        ("range", "percentiles", "auto"),
        ("range", "[0.0, 200.0]", "auto"),
        ("type", "int16", "auto"),
    ],
)
def test_another_way_to_find_values_is_another_run(key: str, first: str, then: str, scans: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"

    def found() -> str:
        return str(read_yaml(run_dir / "config.yaml")["data"]["domain_a"][key])

    assert train_command(command(scans, run_dir, 1, **{key: first})) == 0
    kept = found()
    changed = f"data.domain_a.{key}: {first} -> {then}"
    told = f"run_dir {run_dir} was made with another configuration: {changed}; take the old value, or another run_dir"
    for steps, same in ((2, kept), (3, first)):  # the value itself does not make the run forget how it was found
        with pytest.raises(UserError) as refused:
            train_command(command(scans, run_dir, steps, **{key: then}))
        assert str(refused.value) == told
        assert train_command(command(scans, run_dir, steps, **{key: same})) == 0
        assert found() == kept


def test_a_checkpoint_that_does_not_say_how_values_were_found_is_not_refused(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of earlier versions."""
    with monkeypatch.context() as earlier:
        earlier.setattr(KnownData, "state", lambda known: {"data": known.fingerprint})
        assert train_command(command(scans, tmp_path / "run", 1, range="auto")) == 0
    assert train_command(command(scans, tmp_path / "run", 2, range="percentiles")) == 0
    with pytest.raises(UserError, match="range: percentiles -> auto"):
        train_command(command(scans, tmp_path / "run", 3, range="auto"))
