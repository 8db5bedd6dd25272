"""Two processes that begin from weights: all begin alike, frozen networks included, and train to the weights of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pictures import draw_folders
from test_two_processes import largest_difference, train

from gan_style.engine.beginning.start import RECORD, check_same_everywhere
from gan_style.errors import UserError
from gan_style.types import Kept


def test_two_processes_begin_as_one(tmp_path: Path) -> None:
    """`generator_ba` is frozen as a whole, so nothing broadcasts its weights."""
    data = draw_folders(tmp_path / "data")
    old = train("cyclegan", 1, data, tmp_path / "old")
    keys = [
        f"train.init_from={old}",
        "train.freeze=[generator_ba, generator_ab.stem, discriminator_b.layers.0]",
        "train.ema_decay=0.9",
        "train.seed=9",
        "optim.warmup=0.5",
    ]
    one, two = (train("cyclegan", processes, data, tmp_path / str(processes), *keys) for processes in (1, 2))
    assert largest_difference(one, two) <= 1e-9
    assert largest_difference(old, one) > 1e-6, "the rest learns"


class Stub:
    """The agreement of a process with one that has read another file."""

    main = True

    def gathered(self, value: Any) -> list[Any]:
        return [value, {"generator": {"path": "x", "sha256": "other", "step": 1}}]

    @contextmanager
    def together(self) -> Iterator[None]:
        yield


def test_processes_that_read_different_files_are_refused() -> None:
    kept = Kept()
    kept.keep(RECORD, {"generator": {"path": "x", "sha256": "one", "step": 1}})
    agreement: Any = Stub()
    with pytest.raises(UserError, match=r"train\.init_from: not all processes have read the same file; give every node one copy of it"):
        check_same_everywhere(kept, agreement)
