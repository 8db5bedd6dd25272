"""The keys that may change when a command goes on with a run folder.

These are the keys that change the result by no more than rounding, and the keys whose change another part of the run checks: the length
(`engine.plan`), the data set (`engine.known_data`), the weights of a VGG (`engine.frozen`). A change of any other key makes another run.
"""

import os
from collections.abc import Collection, Mapping
from typing import Any

from gan_style.config.load import flatten

# A name that ends in a dot stands for a whole section.
MAY_CHANGE = (
    "run_dir",
    "data.root",
    "data.root_b",
    "data.source",
    "data.changed",
    "data.workers",
    "data.cache",
    "data.cache_gb",
    "method.generator.activation_checkpointing",
    "method.vgg.weights",
    "optim.extend",
    "train.steps",
    "train.epochs",
    "train.minutes",
    "train.channels_last",
    "train.compile",
    "train.cudnn_benchmark",
    "train.max_minutes",
    "train.checkpoint_every",
    "train.keep",
    "train.validate_every",
    "train.on_nonfinite",
    "train.max_skips",
    "validation.",
    "logging.",
)
DIVISION = "train.accumulate"  # may change if the method does not depend on the division of a batch
_ABSENT = "(absent)"
PLACES = ("method.add_to", "method.coarse_from", "train.init_from")  # paths, or mappings to paths, which may be written in another way


def differences(old: Mapping[str, Any], new: Mapping[str, Any], divisible: bool = False, kept: Collection[str] = ()) -> list[str]:
    """The differences that make two configurations different runs: `key: old -> new` for each key that may not change.

    divisible: does the method give the same result for any division of a batch?
    kept: keys of files that the run has stored; the method compares them with the files at a new place
    """
    before, after = flatten(old), flatten(new)
    pairs = {key: (before.get(key, _ABSENT), after.get(key, _ABSENT)) for key in sorted(before.keys() | after.keys())}
    return [
        f"{key}: {old_value} -> {new_value}"
        for key, (old_value, new_value) in pairs.items()
        if not _same(key, old_value, new_value, kept) and not may_change(key, divisible)
    ]


def may_change(key: str, divisible: bool = False) -> bool:
    """May this key change when a run goes on?"""
    return (divisible and key == DIVISION) or any(key == free or (free.endswith(".") and key.startswith(free)) for free in MAY_CHANGE)


def _same(key: str, old: Any, new: Any, kept: Collection[str]) -> bool:
    places = isinstance(old, str) and isinstance(new, str) and _ABSENT not in (old, new)
    if places and any(key == place or key.startswith(f"{place}.") for place in PLACES):
        return os.path.realpath(old) == os.path.realpath(new)
    return old == new or (places and key in kept)
