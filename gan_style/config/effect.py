"""Keys that have an effect only with certain values of other keys. An override without effect is refused (docs/decisions/0022)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

ON = ()  # any value but 0, false, null and none at all


@dataclass(frozen=True, eq=False)
class OnlyWith:
    """An annotation of a key that has no effect unless one of `keys` has one of the given values.

    keys: name -> values, or `ON`. A name without a dot belongs to the same section, a name with dots begins at the top. For a list, its
    entries count as its values.
    refused: refuse an override without effect; False only warns, for keys that scripts set for every run
    words: (without, with), for a property of a method that is not a key; None: the keys and their values
    """

    keys: Mapping[str, tuple[Any, ...]]
    refused: bool = True
    words: tuple[str, str] | None = None

    def unmet(self, config: BaseModel, section: Sequence[str]) -> str | None:
        """Why a key of `section` has no effect, in words; None if it has an effect."""
        now: list[str] = []
        wanted: list[str] = []
        for name, values in self.keys.items():
            place = name.split(".") if "." in name else [*section, name]
            try:
                value = value_at(config, place)
            except AttributeError:  # a key of other methods
                continue
            if _has(value, values):
                return None
            key = ".".join(place)
            now.append(f"{key} {'null' if value is None else value}")
            wanted.append(f"{key}={' or '.join(map(str, values))}" if values else key)
        if self.words:
            name = value_at(config, ("method", "name"))
            without, having = self.words
            return f"has no effect with method.name {name}, which {without}; leave it out, or set method.name to one that {having}"
        return f"has no effect with {' and '.join(now)}; leave it out, or set {' or '.join(wanted)}"


def without_effect(config: BaseModel, place: Sequence[str]) -> tuple[str, bool] | None:
    """(why the key at `place` has no effect in `config`, whether it is refused for that); None if it has an effect."""
    section: Any = config
    for depth, key in enumerate(place):
        if not isinstance(section, BaseModel) or key not in type(section).model_fields:  # inside a mapping of names
            return None
        for rule in type(section).model_fields[key].metadata:
            if isinstance(rule, OnlyWith) and (why := rule.unmet(config, place[:depth])):
                return why, rule.refused
        section = getattr(section, key)
    return None


def leaves(place: Sequence[str], value: Any) -> Iterator[tuple[str, ...]]:
    """The places of the keys that a value at `place` sets. A key that is set to null or false is off and does not count."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from leaves((*place, key), child)
    elif value is not None and value is not False:
        yield tuple(place)


def value_at(config: BaseModel, place: Sequence[str]) -> Any:
    """The value at `place`. `AttributeError` if there is none."""
    value: Any = config
    for key in place:
        value = getattr(value, key)
    return value


def _has(value: Any, values: tuple[Any, ...]) -> bool:
    if not values:
        return bool(value)
    if isinstance(value, list | tuple):
        return not set(values).isdisjoint(value)
    return value in values
