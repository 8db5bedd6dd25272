"""YAML files as plain trees, with the line of each key. A key that stands twice is refused."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from gan_style.errors import UserError, short
from gan_style.files.opening import read_regular

MAX_CONFIG_BYTES = 2**18
MAX_DEPTH = 32
MAX_DIGITS = 300  # of a whole number; a float has at most 308
BASE = "base"
INCLUDE = "write base: OTHER.yaml at the top of a file, which takes the keys of another file; there is no other way"


@dataclass(frozen=True)
class YamlFile:
    """A YAML file and the files that it is based on.

    tree: the merged values; the file's own replace those of its bases
    root: the parsed text of the file alone; base: the file that its key `base` names
    """

    path: Path
    tree: dict[str, Any]
    root: yaml.Node
    base: "YamlFile | None" = None

    def line(self, place: Sequence[int | str]) -> int | None:
        """The line, from 1, of the key at `place` or of the deepest section above it, in `written_in(place)`; None if there is none."""
        return lines[-1] if (lines := self.written_in(place)._lines(place)) else None

    def written_in(self, place: Sequence[int | str]) -> "YamlFile":
        """The file with the value at `place`: this one or a base. If no file has it, the file with the deepest section above it."""
        if self.base is None:
            return self
        if self._hides(place):
            return self
        below = self.base.written_in(place)
        return below if len(below._lines(place)) > len(self._lines(place)) else self

    def value(self, place: Sequence[str]) -> Any:
        """The value at `place`; None if there is none."""
        value: Any = self.tree
        for part in place:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def has(self, place: Sequence[int | str]) -> bool:
        """Does the key at `place` stand in it or in a base?"""
        return len(self.written_in(place)._lines(place)) == len(place)

    def _hides(self, place: Sequence[int | str]) -> bool:
        """Does a value on the way to `place`, which is no section (null, a list), replace the section of the base?"""
        node = self.root
        for part in place:
            found = _child(node, part)
            if found is None:
                return not isinstance(node, yaml.MappingNode)
            node = found[1]
        return False

    def _lines(self, place: Sequence[int | str]) -> list[int]:
        """The lines in this file of the keys that lead to `place`. The list ends at the first key that the file does not have."""
        lines, node = [], self.root
        for part in place:
            found = _child(node, part)
            if found is None:
                break
            mark, node = found
            lines.append(mark.line + 1)
        return lines


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the mapping of a YAML file. `UserError` if it is not a YAML file with a mapping."""
    return read_yaml_file(path).tree


def read_yaml_file(path: Path) -> YamlFile:
    """Read the mapping of a YAML file with the lines of its keys. `UserError` as `read_yaml`."""
    try:
        content = read_regular(path, MAX_CONFIG_BYTES + 1)
        if len(content) > MAX_CONFIG_BYTES:
            raise UserError(f"{path}: has more than the {MAX_CONFIG_BYTES} bytes that a configuration may have; check the path")
        root, tree = _parse(content.decode("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the path") from None
    except OSError as problem:
        raise UserError(f"{path}: cannot be read as text ({problem.strerror}); check the path") from None
    except UnicodeDecodeError as problem:
        raise UserError(f"{path}: cannot be read as text ({problem}); save it as UTF-8") from None
    except ValueError as problem:
        raise UserError(f"{path}: not valid YAML ({problem}); correct the file") from None
    if root is None or not isinstance(tree, dict):
        raise UserError(f"{path}: holds {_kind(tree)}, not a mapping of keys; see configs/ for examples")
    return YamlFile(path, tree, root)


def parse_yaml(text: str) -> Any:
    """Parse a YAML text to mappings with text keys, lists, texts, numbers, booleans and None.

    An alias becomes a copy of its anchor, so that a change in one place does not change another.
    `ValueError`, in one line, if the text is not valid, has a key twice, has a value of another type (such as a date), or has aliases
    that repeat more than MAX_CONFIG_BYTES values.
    """
    return _parse(text)[1]


def plain(value: Any, place: Sequence[int | str] = ()) -> Any:
    """Convert a program's value to a value of YAML. `ValueError` as `parse_yaml`; its message names the key.

    The copy has tuples as lists, paths as texts, and scalars of NumPy and torch (arrays without dimensions too) as numbers.
    place: the keys that lead to the value
    """
    return _plain(_as_yaml(value), place)


def _as_yaml(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_yaml(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_as_yaml(child) for child in value]
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _parse(text: str) -> tuple[yaml.Node | None, Any]:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        _check_extent(node)
        return node, _plain(loader.construct_document(node))
    except Exception as problem:  # PyYAML raises the errors of Python's types too, from KeyError to OverflowError
        name = "" if isinstance(problem, yaml.YAMLError) or type(problem) is ValueError else f"{type(problem).__name__}: "
        hint = f"; {INCLUDE}" if "the tag '!include" in str(problem) else ""
        raise ValueError(name + " ".join(str(problem).split()) + hint) from None


def _check_extent(root: yaml.Node) -> None:
    """`ValueError` for a document whose aliases make it huge or endless, or that has a key twice. No value is built before."""
    extent, rest = 0, [(root, 0)]
    while rest:
        node, depth = rest.pop()
        extent += 1 + len(node.value)
        if extent > MAX_CONFIG_BYTES or depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} levels deep, or repeated to more than {MAX_CONFIG_BYTES} values by its aliases")
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            rest += [(child, depth + 1) for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            rest += [(child, depth + 1) for child in node.value]


def _check_keys(mapping: yaml.MappingNode) -> None:
    """`ValueError` for a key that stands twice. PyYAML would keep the second value alone."""
    seen: dict[tuple[str, str], int] = {}
    for key, _ in mapping.value:
        if isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            if first := seen.get((key.tag, key.value)):
                where = f"in line {line}" if first == line else f"in lines {first} and {line}"
                raise ValueError(f"the key {short(key.value)} stands twice, {where}: keep one")
            seen[key.tag, key.value] = line


def _plain(value: Any, place: Sequence[int | str] = ()) -> Any:
    """Copy a value without shared parts. `ValueError` names the key of a value that a configuration cannot hold."""
    if isinstance(value, dict):
        if strange := [key for key in value if not isinstance(key, str)]:
            words = f"the key {short(strange[0])} is read as {_kind(strange[0])}, not as text: quote it"
            raise ValueError(_named(place, words))
        return {key: _plain(child, (*place, key)) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child, (*place, number)) for number, child in enumerate(value)]
    if why := _why_no_value(value):
        raise ValueError(_named(place, why))
    return value


def _named(place: Sequence[int | str], words: str) -> str:
    return f"{short('.'.join(map(str, place)))[1:-1]}: {words}" if place else words


def _why_no_value(value: Any) -> str | None:
    """The reason why a configuration cannot hold a value that is no mapping and no list; None if it can."""
    if isinstance(value, str):
        return f"{short(value)} holds a NUL character" if "\0" in value else None
    if isinstance(value, date | bytes):
        return f"{value if isinstance(value, date) else short(value)} is read as {_kind(value)}, not as text: quote it"
    if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        return f"a whole number of more than {MAX_DIGITS} digits"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number"
    if value is None or isinstance(value, int | float):
        return None
    return f"a configuration holds no {type(value).__name__}; give a number, a text, a list or a mapping"


def _kind(value: Any) -> str:
    """The type of a parsed value, in words."""
    return _KINDS.get(type(value), type(value).__name__)


_KINDS = {type(None): "nothing", bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", date: "a date"}


def _child(node: yaml.Node, part: int | str) -> tuple[yaml.Mark, yaml.Node] | None:
    """The start and the value of the entry `part` of a mapping or list; None if it has none, or takes it by a merge (`<<`)."""
    if isinstance(node, yaml.SequenceNode):
        return (node.value[part].start_mark, node.value[part]) if isinstance(part, int) and part < len(node.value) else None
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value == part:
            return key.start_mark, value
    return None
