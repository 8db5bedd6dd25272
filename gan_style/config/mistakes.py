"""The mistakes of a configuration, in words: who wrote the value, its key and line, and a value that is right."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gan_style.config.network import Kinds, NetworkConfig, OneOf, choice_of, having, having_key, kinds_of
from gan_style.config.overrides import Override
from gan_style.config.schema import MethodConfig
from gan_style.config.yaml_file import INCLUDE, YamlFile
from gan_style.errors import nearest, short, wrong_value, wrong_values

MAX_MISTAKES = 8  # in one message

# The keys by which other programs read a configuration from another file. `base` is ours; it stands at the top of a file alone.
INCLUDES = ("include", "includes", "import", "imports", "extends", "inherits", "parent", "base", "_base_", "defaults")


@dataclass(frozen=True)
class Origin:
    """The sources of a configuration: a file, and the overrides that replace some of its values.

    source: the name of the file in messages
    """

    source: str
    file: YamlFile | None = None
    overrides: Sequence[Override] = ()

    def blamed(self, place: Sequence[int | str], words: str) -> str:
        """The source of the mistake at `place`: a file, or the source of an override. words: the message about the mistake"""
        override = self._override(place, words)
        if override:
            return override.source
        return self._called(self.file.written_in(place)) if self.file else self.source

    def line(self, place: Sequence[int | str], words: str) -> int | None:
        """The line of the mistake at `place` in the file; None if an override made the mistake."""
        return self.file.line(place) if self.file and not self._override(place, words) else None

    def _override(self, place: Sequence[int | str], words: str) -> Override | None:
        """The override that made the mistake at `place`; None if the file made it.

        An override makes a mistake at its own place. It makes a mistake of a whole section if it sets a key that the words name, or if
        the file has no such section.
        """
        names = set(re.findall(r"\w+", words))
        depth = len(place)
        made = self.file is not None and not self.file.has(place)
        for override in self.overrides:
            within = override.place[:depth] == tuple(place)
            if override.sets(place) or (within and (made or names & set(override.place[depth:]))):
                return override
        return None

    def files(self, file: YamlFile | None) -> list[str]:
        """The names of `file` and its bases in messages."""
        names: list[str] = []
        while file:
            names.append(self._called(file))
            file = file.base
        return names

    def _called(self, file: YamlFile) -> str:
        return self.source if file is self.file else str(file.path)


@dataclass(frozen=True)
class Mistake:
    """A mistake at the key `place`. words: the message; blamed: who wrote the value; line: its line in the file, from 1"""

    place: tuple[int | str, ...]
    words: str
    blamed: str
    line: int | None = None

    def __str__(self) -> str:
        key = ".".join(map(str, self.place))
        return f"{key} (line {self.line}): {self.words}" if self.line else f"{key}: {self.words}"


def joined(mistakes: Sequence[Mistake]) -> str:
    """Join mistakes to one message, grouped by source. It shows the first MAX_MISTAKES of them."""
    parts: dict[str, list[str]] = {}
    for mistake in mistakes[:MAX_MISTAKES]:
        parts.setdefault(mistake.blamed, []).append(str(mistake))
    more = f"; and {len(mistakes) - MAX_MISTAKES} more" if len(mistakes) > MAX_MISTAKES else ""
    return "; ".join(f"{source}: {'; '.join(words)}" for source, words in parts.items()) + more


class Reader:
    """Turns errors of pydantic into mistakes.

    schema: the class that refused the configuration; method: the name of its method; methods: configuration classes by method name
    """

    def __init__(self, origin: Origin, schema: type[BaseModel], method: str, methods: Mapping[str, type[MethodConfig]]) -> None:
        self.origin, self.schema, self.method, self.methods = origin, schema, method, methods

    def mistakes(self, errors: Sequence[Any]) -> list[Mistake]:
        """The mistakes behind `ValidationError.errors()`. The errors of a key of several types, one for each type, are one mistake."""
        together: dict[tuple[int | str, ...], list[Any]] = {}
        for error in errors:
            together.setdefault(place_of(self.schema, error["loc"]), []).append(error)
        return [self._mistake(of_one) for of_one in together.values()]

    def _mistake(self, errors: Sequence[Any]) -> Mistake:
        """The mistake behind the errors of one key."""
        error = errors[0]
        known = _located(self.schema, error["loc"])
        place = (*known.place, "name") if error["type"].startswith("union_tag") else known.place
        return found(self.origin, place, self._words(error, known) if len(errors) == 1 else wrong_values(errors))

    def kinds(self, place: Sequence[str]) -> Kinds:
        """The networks that the key at `place` takes; empty if it takes no network."""
        return _located(self.schema, (*place, "")).choice.kinds

    def _words(self, error: Mapping[str, Any], known: "_Located") -> str:
        kind = error["type"]
        if kind == "extra_forbidden":
            return self._unknown(known)
        if kind in ("model_type", "model_attributes_type"):
            return no_section(error["input"], _nested(known.section, str(known.place[-1])))
        if kind.startswith("union_tag"):
            choice = _located(self.schema, (*known.place, "")).choice
            name = error["input"].get("name") if isinstance(error["input"], Mapping) else None
            near = "" if isinstance(name, str) and any(name in kinds for kinds in self._everywhere()) else nearest(str(name), choice.kinds)
            asks = f" (networks with `{choice.asks}`)" if choice.asks else ""
            return f"{self.method} takes no network {short(name)} here{near}; it takes {', '.join(choice.kinds)}{asks}"
        return wrong_value(error)

    def _unknown(self, known: "_Located") -> str:
        """The message about a key that its section does not have."""
        *above, key = map(str, known.place)
        section = known.section
        keys = section.model_fields if section else {}
        if key in INCLUDES:
            return INCLUDE
        if above == ["method"] and (others := [name for name, config in self.methods.items() if key in config.model_fields]):
            return f"{self.method} has no such key; {having(others)} it"
        if section and issubclass(section, NetworkConfig) and (others := self._networks_with(key, known.choice.kinds)):
            return f"{section.model_fields['name'].default} has no such key; {having(others)} it"
        if near := nearest(key, keys):
            return f"unknown key{near}"
        elsewhere = [name for name in dict.fromkeys(_keys(self.schema)) if name.rpartition(".")[2] == key]
        if elsewhere:
            return f"unknown key; there is {', '.join(elsewhere)}"
        return f"unknown key; there are {', '.join(keys)}"

    def _networks_with(self, key: str, kinds: Kinds) -> list[str]:
        """The networks that have the key. Networks of `kinds` come first; if none has it, those of all methods follow."""
        return having_key(kinds, key) or list(dict.fromkeys(name for each in self._everywhere() for name in having_key(each, key)))

    def _everywhere(self) -> list[Kinds]:
        """The networks of each key of each method."""
        return [kinds_of(field) for config in self.methods.values() for field in config.model_fields.values()]


def found(origin: Origin, place: Sequence[int | str], words: str) -> Mistake:
    """Make a mistake at `place`, with its source and line."""
    return Mistake(tuple(place), words, origin.blamed(place, words), origin.line(place, words))


def no_section(value: Any, section: type[BaseModel] | None) -> str:
    """The message about a value in the place of a section."""
    keys = list(section.model_fields) if section else []
    if isinstance(value, str) and "name" in keys:
        return f"a section of keys belongs here, not {short(value)}; write {{name: {short(value)[1:-1]}}}"
    return f"a section of keys ({', '.join(keys[:2])}, ...) belongs here, not {short(value)}"


@dataclass(frozen=True)
class _Located:
    """The place of an error of pydantic.

    place: the keys of its `loc`. Pydantic adds the network's name after a key that takes one of several networks, and a type's name after a
        key that takes one of several types; `place` is without them
    section: the class of the section with the last key; choice: the networks that this section is one of
    """

    place: tuple[int | str, ...]
    section: type[BaseModel] | None
    choice: OneOf


def place_of(schema: type[BaseModel], loc: Sequence[int | str]) -> tuple[int | str, ...]:
    """The keys in the `loc` of an error of `schema`, without the names of networks and types."""
    return _located(schema, loc).place


def _located(schema: type[BaseModel], loc: Sequence[int | str]) -> _Located:
    place: list[int | str] = []
    section: type[BaseModel] | None = schema
    choice = OneOf({})
    rest = list(loc)
    while rest:
        key = rest.pop(0)
        place.append(key)
        if rest:
            field = section.model_fields.get(str(key)) if section else None
            choice = choice_of(field)
            if _has_types(field):
                rest.pop(0)
            section = choice.kinds.get(str(rest.pop(0))) if rest and rest[0] in choice.kinds else _nested(section, str(key))
    return _Located(tuple(place), section, choice)


def _has_types(field: FieldInfo | None) -> bool:
    """Does a key take values of several types? null beside one type does not count."""
    members = get_args(field.annotation) if field and get_origin(field.annotation) in (Union, UnionType) else ()
    return len([member for member in members if member is not type(None)]) > 1


def _nested(section: type[BaseModel] | None, key: str) -> type[BaseModel] | None:
    """The class of the section at `key`; None if the key is not a section."""
    field = section.model_fields.get(key) if section else None
    candidates = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """All dotted keys of a section and of the sections in it."""
    for key, field in section.model_fields.items():
        nested = [*kinds_of(field).values()] or [each for each in [_nested(section, key)] if each]
        for each in nested:
            yield from _keys(each, f"{prefix}{key}.")
        if not nested:
            yield f"{prefix}{key}"
