"""What is wrong with a configuration, in words: where the value was written, which key it is of, and what would do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from gan_style.config.architectures import having
from gan_style.config.overrides import Override
from gan_style.config.schema import MethodConfig
from gan_style.config.yaml_file import INCLUDE, YamlFile, short
from gan_style.errors import nearest

MAX_MISTAKES = 8  # that one message names
COMMAND_LINE = "command line"

# How other programs take a configuration from another file; `base` is ours, at the top of a file, which takes it out.
INCLUDES = ("include", "includes", "import", "imports", "extends", "inherits", "parent", "base", "_base_", "defaults")


@dataclass(frozen=True)
class Origin:
    """Where the values of a configuration were written: in a file, and in the overrides laid over it.

    source: what messages call the file
    """

    source: str
    file: YamlFile | None = None
    overrides: Sequence[Override] = ()

    def blamed(self, place: Sequence[int | str], words: str) -> str:
        """Who wrote what is wrong at `place`: the file, or the command line.

        What is wrong with a whole section is the fault of an override of one of its keys which the words name, and where the file has
        no such section, of the override that made it.
        """
        names = set(re.findall(r"\w+", words))
        depth = len(place)
        made = self.file is not None and not self.file.has(place)
        for override in self.overrides:
            within = override.place[:depth] == tuple(place)
            if override.sets(place) or (within and (made or names & set(override.place[depth:]))):
                return COMMAND_LINE
        return self._called(self.file.written_in(place)) if self.file else self.source

    def files(self, file: YamlFile | None) -> list[str]:
        """What messages call `file` and its bases."""
        names: list[str] = []
        while file:
            names.append(self._called(file))
            file = file.base
        return names

    def _called(self, file: YamlFile) -> str:
        return self.source if file is self.file else str(file.path)

    def line(self, place: Sequence[int | str]) -> int | None:
        """The file's line."""
        return self.file.line(place) if self.file else None


@dataclass(frozen=True)
class Mistake:
    """One mistake."""

    place: tuple[int | str, ...]
    words: str
    blamed: str
    line: int | None = None

    def __str__(self) -> str:
        key = ".".join(map(str, self.place))
        return f"{key} (line {self.line}): {self.words}" if self.line else f"{key}: {self.words}"


def joined(mistakes: Sequence[Mistake]) -> str:
    """The message of all, those of one source together."""
    parts: dict[str, list[str]] = {}
    for mistake in mistakes[:MAX_MISTAKES]:
        parts.setdefault(mistake.blamed, []).append(str(mistake))
    more = f"; and {len(mistakes) - MAX_MISTAKES} more" if len(mistakes) > MAX_MISTAKES else ""
    return "; ".join(f"{source}: {'; '.join(words)}" for source, words in parts.items()) + more


class Reader:
    """Puts pydantic's errors into words.

    schema: the class that refused the tree; methods: configuration classes by method name
    """

    def __init__(self, origin: Origin, schema: type[BaseModel], method: str, methods: Mapping[str, type[MethodConfig]]) -> None:
        self.origin, self.schema, self.method, self.methods = origin, schema, method, methods

    def mistake(self, error: Mapping[str, Any]) -> Mistake:
        """One mistake."""
        place = error["loc"]
        return found(self.origin, place, self._words(error))

    def _words(self, error: Mapping[str, Any]) -> str:
        place, kind = error["loc"], error["type"]
        if kind == "extra_forbidden":
            return self._unknown(place)
        words = error["msg"].removeprefix("Value error, ")
        if kind in ("missing", "value_error"):
            return words
        if kind == "model_type":
            return no_section(error["input"], _section(self.schema, list(map(str, place))))
        near = nearest(str(error["input"]), re.findall("'([^']*)'", error["ctx"]["expected"])) if kind == "literal_error" else ""
        return f"{words}, not {short(error['input'])}{near}"

    def _unknown(self, place: tuple[int | str, ...]) -> str:
        """What to say of a key that its section does not have."""
        *above, key = map(str, place)
        section = _section(self.schema, above)
        known = section.model_fields if section else {}
        if key in INCLUDES:
            return INCLUDE
        if above == ["method"] and (others := [name for name, config in self.methods.items() if key in config.model_fields]):
            return f"{self.method} has no such key; {having(others)} it"
        if near := nearest(key, known):
            return f"unknown key{near}"
        elsewhere = [name for name in _keys(self.schema) if name.rpartition(".")[2] == key]
        if elsewhere:
            return f"unknown key; there is {', '.join(elsewhere)}"
        return f"unknown key; there are {', '.join(known)}"


def found(origin: Origin, place: Sequence[int | str], words: str) -> Mistake:
    """A mistake at `place`, with who wrote it and where."""
    blamed = origin.blamed(place, words)
    return Mistake(tuple(place), words, blamed, None if blamed == COMMAND_LINE else origin.line(place))


def no_section(value: Any, section: type[BaseModel] | None) -> str:
    """What to say of a value that stands where a section belongs."""
    keys = list(section.model_fields) if section else []
    if isinstance(value, str) and "name" in keys:
        return f"a section of keys belongs here, not {short(value)}; write {{name: {short(value)[1:-1]}}}"
    return f"a section of keys ({', '.join(keys[:2])}, ...) belongs here, not {short(value)}"


def _section(schema: type[BaseModel], place: Sequence[str]) -> type[BaseModel] | None:
    """The section that a place in the configuration belongs to."""
    section: type[BaseModel] | None = schema
    for part in place:
        section = _nested(section, part) if section else None
    return section


def _nested(section: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The class of a key that is a section."""
    field = section.model_fields.get(key)
    candidates = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted keys of all values."""
    for key in section.model_fields:
        nested = _nested(section, key)
        yield from _keys(nested, f"{prefix}{key}.") if nested else (f"{prefix}{key}",)
