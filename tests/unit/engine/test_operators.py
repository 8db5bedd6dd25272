"""The number of operators that a step dispatches: on a GPU each is a kernel to launch, which at batch 1 may take longer than its work."""

from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from tiny import ROOT, make_trainer, micro_batches, tiny_config

MOST = {"pix2pix": 205, "cyclegan": 743, "cut": 804, "pix2pixhd": 363}


def operators(name: str, tmp_path: Path, logged: bool) -> int:
    trainer = make_trainer(tiny_config(name, tmp_path))
    trainer.step(0, micro_batches(0, 2), logged)
    return floor().operators_of(lambda: trainer.step(1, micro_batches(1, 2), logged)).count


@cache
def floor() -> Any:
    """benchmarks/floor.py. Its folder is not on the path, where benchmarks/infer.py would stand for infer.py."""
    spec = spec_from_file_location("floor", ROOT / "benchmarks/floor.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", MOST)
def test_a_step_dispatches_no_more_operators_than_it_did(name: str, tmp_path: Path) -> None:
    count = operators(name, tmp_path, logged=False)
    assert count <= MOST[name], (
        f"{name} dispatches {count} operators a step, not {MOST[name]}: find the new ones, or say why they are needed"
    )
    assert count > 0.9 * MOST[name], f"{name} dispatches {count} operators a step: lower the bound, so that it stays so"


def test_health_is_measured_in_logged_steps_alone(tmp_path: Path) -> None:
    assert operators("cyclegan", tmp_path, logged=True) > operators("cyclegan", tmp_path / "other", logged=False) + 10
