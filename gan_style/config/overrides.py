"""Overrides: `dotted.key=value` of the command line replaces values of a YAML file."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gan_style.config.yaml_file import parse_yaml, plain
from gan_style.errors import UserError, short

COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Override:
    """One override: its text, the place that it sets, and its value, which is parsed as YAML.

    source: what messages call the place where it was given
    """

    text: str
    place: tuple[str, ...]
    value: Any
    source: str = COMMAND_LINE

    def sets(self, place: Sequence[int | str]) -> bool:
        """Does the value at `place` come from this override?"""
        return tuple(map(str, place[: len(self.place)])) == self.place


Overrides = Sequence[str | Override] | Mapping[str, Any]


def parse_overrides(given: Overrides, source: str = COMMAND_LINE) -> list[Override]:
    """Parse the overrides, in order. If two set the same key, the first one is dropped with a warning: scripts append their overrides.

    given: texts `dotted.key=value` and overrides that were parsed before, or a mapping of dotted keys to values
    source: what messages call the place where the texts or the mapping were given
    `UserError` for a text that is not an override.
    """
    if isinstance(given, Mapping):
        parsed = [_of(key, value, source) for key, value in given.items()]
    else:
        parsed = [_parsed(each, source) if isinstance(each, str) else each for each in given]
    overrides: list[Override] = []
    for override in parsed:
        for earlier in [each for each in overrides if override.sets(each.place)]:
            overrides.remove(earlier)
            if earlier != override:
                warnings.warn(
                    f"{override.source}: {short(earlier.text)} has no effect: {short(override.text)} comes after it", stacklevel=2
                )
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
            key = ".".join(override.place)
            raise UserError(f"{override.source}: {key}: {parent} is a value, not a section; give a key of a section")
        tree = child
    tree[last] = override.value


def _of(key: str, value: Any, source: str) -> Override:
    place = tuple(key.split("."))
    try:
        return Override(f"{key}={short(value)}", place, plain(value, place), source)
    except ValueError as problem:
        raise UserError(f"{source}: {problem}") from None


def _parsed(text: str, source: str) -> Override:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"{short(text)} is not an override: write dotted.key=value, for example train.steps=1000")
    try:
        return Override(text, tuple(key.split(".")), parse_yaml(value), source)
    except ValueError as problem:
        raise UserError(f"{short(text)}: the value is not valid YAML ({problem}); in a shell, {key}='\"text\"' quotes it") from None
