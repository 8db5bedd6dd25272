"""What keeps a test from depending on those before it: a random order shows it, and each test must leave the process as it was."""

import os
import random
import resource
import signal
import sys
import warnings
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Protocol, TypeVar


class Placed(Protocol):
    """A test; `path`: of its file."""

    @property
    def path(self) -> Any: ...


T = TypeVar("T", bound=Placed)

_OF_OTHERS = (
    "PYTEST_CURRENT_TEST",
    "NO_ALBUMENTATIONS_UPDATE",
    "SVT_LOG",
    "TORCHINDUCTOR_CACHE_DIR",
    "LD_LIBRARY_PATH",
)  # set by pytest and when libraries load
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGALRM")
_LIMITS = ("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE")


def shuffled(tests: Sequence[T], seed: int) -> list[T]:
    """The files in random order, and so the tests in each. A file stays together: what its tests share is made once."""
    chance = random.Random(seed)
    files = [list(group) for _, group in groupby(tests, lambda test: test.path)]
    chance.shuffle(files)
    for file in files:
        chance.shuffle(file)
    return [test for file in files for test in file]


def seed_everything() -> None:
    """Begin each test with the same global random numbers, whatever drew before it."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.manual_seed(0)


def process_state() -> dict[str, Any]:
    """What one test could leave behind for the next, by name."""
    state: dict[str, Any] = {
        "the working folder": os.getcwd(),  # noqa: PTH109
        "warnings.formatwarning": warnings.formatwarning,
        "sys.path": list(sys.path),
        "sys.argv": list(sys.argv),
        **{f"the handler of {name}": signal.getsignal(getattr(signal, name)) for name in _SIGNALS},
        **{name: resource.getrlimit(getattr(resource, name)) for name in _LIMITS},
        "the alarm clock": signal.getitimer(signal.ITIMER_REAL) == (0, 0),
        **{f"${name}": value for name, value in os.environ.items() if name not in _OF_OTHERS},
    }
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        tiny = torch.tensor(1e-310, dtype=torch.float64)
        state |= {
            "torch's default dtype": torch.get_default_dtype(),
            "torch's number of threads": torch.get_num_threads(),
            "torch.is_grad_enabled": torch.is_grad_enabled(),
            "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
            "torch.is_autocast_enabled": torch.is_autocast_enabled("cpu"),
            "flushing of denormal numbers": bool(tiny * 1 == 0),
        }
    if "PIL.Image" in sys.modules:
        image = sys.modules["PIL.Image"]
        state |= {"PIL.Image.MAX_IMAGE_PIXELS": image.MAX_IMAGE_PIXELS}
    return state


def leftovers(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What differs, in words. What a module brings when it is loaded, as torch its settings, is nothing that was left."""
    return [
        f"{name}: {before.get(name, 'unset')!r} -> {after.get(name, 'unset')!r}"
        for name in sorted(before.keys() | after.keys())
        if (name in before or name.startswith("$")) and before.get(name, "unset") != after.get(name, "unset")
    ]
