"""Overrides: `dotted.key=value` of the command line replaces values of a YAML file."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan_style.config.yaml_file import parse_yaml, plain, short
from gan_style.errors import UserError

Overrides = Sequence[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Override:
    """One override: its text, the place that it sets, and its value, which is parsed as YAML."""

    text: str
    place: tuple[str, ...]
    value: Any

    def sets(self, place: Sequence[int | str]) -> bool:
        """Does the value at `place` come from this override?"""
        return tuple(map(str, place[: len(self.place)])) == self.place


def parse_overrides(given: Overrides) -> list[Override]:
    """Parse the overrides, in order. If two set the same key, the first one is dropped with a warning: scripts append their overrides.

    given: texts `dotted.key=value`, or a mapping of dotted keys to values
    `UserError` for a text that is not an override.
    """
    parsed = [_of(key, value) for key, value in given.items()] if isinstance(given, Mapping) else [_parsed(text) for text in given]
    overrides: list[Override] = []
    for override in parsed:
        for earlier in [each for each in overrides if override.sets(each.place)]:
            overrides.remove(earlier)
            if earlier != override:
                warnings.warn(f"command line: {short(earlier.text)} has no effect: {short(override.text)} comes after it", stacklevel=2)
        overrides.append(override)
    return overrides


def apply_override(tree: dict[str, Any], override: Override) -> None:
    """Set one value in `tree`, in place."""
    *parents, last = override.place
    for parent in parents:
        if tree.get(parent) is None:  # absent, or a section in which every line is commented out
            tree[parent] = {}
        child = tree[parent]
        if not isinstance(child, dict):
            raise UserError(f"{short(override.text)}: {parent} is a value, not a section")
        tree = child
    tree[last] = override.value


def _of(key: str, value: Any) -> Override:
    try:
        return Override(f"{key}={short(value)}", tuple(key.split(".")), plain(value))
    except ValueError as problem:
        raise UserError(f"{key}: {problem}") from None


def _parsed(text: str) -> Override:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"{short(text)} is not an override: write dotted.key=value, for example train.steps=1000")
    try:
        return Override(text, tuple(key.split(".")), parse_yaml(value))
    except ValueError as problem:
        raise UserError(f"{short(text)}: the value is not valid YAML ({problem}); in a shell, {key}='\"text\"' quotes it") from None
