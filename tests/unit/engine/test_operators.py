"""The number of operators that a step dispatches: on a GPU each is a kernel to launch, which at batch 1 may take longer than its work."""

from pathlib import Path
from typing import Any

import pytest
from tiny import make_trainer, micro_batches, tiny_config
from torch.utils._python_dispatch import TorchDispatchMode

VIEWS = {
    "view",
    "_unsafe_view",
    "t",
    "transpose",
    "expand",
    "permute",
    "slice",
    "select",
    "split",
    "detach",
    "alias",
    "unsqueeze",
    "squeeze",
}
MOST = {"pix2pix": 205, "cyclegan": 743, "cut": 804, "pix2pixhd": 363}


class Counted(TorchDispatchMode):
    """While entered, counts the operators that are no views."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        namespace, _, name = func.name().partition("::")
        self.count += namespace == "aten" and name.split(".")[0] not in VIEWS
        return func(*args, **(kwargs or {}))


def operators(name: str, tmp_path: Path, logged: bool) -> int:
    trainer = make_trainer(tiny_config(name, tmp_path))
    trainer.step(0, micro_batches(0, 2), logged)
    with Counted() as counted:
        trainer.step(1, micro_batches(1, 2), logged)
    return counted.count


@pytest.mark.parametrize("name", MOST)
def test_a_step_dispatches_no_more_operators_than_it_did(name: str, tmp_path: Path) -> None:
    count = operators(name, tmp_path, logged=False)
    assert count <= MOST[name], (
        f"{name} dispatches {count} operators a step, not {MOST[name]}: find the new ones, or say why they are needed"
    )
    assert count > 0.9 * MOST[name], f"{name} dispatches {count} operators a step: lower the bound, so that it stays so"


def test_health_is_measured_in_logged_steps_alone(tmp_path: Path) -> None:
    assert operators("cyclegan", tmp_path, logged=True) > operators("cyclegan", tmp_path / "other", logged=False) + 10
