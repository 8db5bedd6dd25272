"""`--sweep key=value,value`: parses the values of each key, and makes a named run of every combination."""

import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gan_style.config.overrides import Override, parse_overrides
from gan_style.errors import UserError, short

MAX_RUNS = 1000
_MAX_NAME = 40  # characters of a value in a name
_MAX_FOLDER = 200  # characters of a whole name; file systems allow 255 bytes
_RANGE = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})")


@dataclass(frozen=True)
class Axis:
    """A key and the values that it takes. values: one override for each"""

    key: str
    values: tuple[Override, ...]

    @property
    def place(self) -> tuple[str, ...]:
        return self.values[0].place


@dataclass(frozen=True)
class Member:
    """One run of a sweep. name: of its folder; overrides: what it adds to the command's."""

    name: str
    overrides: tuple[Override, ...]


def members(sweeps: Sequence[str], overrides: Sequence[str]) -> list[Member]:
    """The runs of a sweep; the values of the last key vary fastest. sweeps: `key=value,value` or `key=0..4`; overrides: the command's

    The name of a run is a function of its own values, so that a sweep with further values recognises its earlier runs.
    `UserError` names the key if a value is missing or empty, if the key is also set by an override or another sweep, or if it is `run_dir`;
    also for more than MAX_RUNS runs.
    """
    axes: list[Axis] = []
    count = 1
    for text in sweeps:
        axis = _axis(text)
        _check_alone(axis, axes, overrides)
        axes.append(axis)
        count *= len(axis.values)
        if count > MAX_RUNS:
            raise UserError(f"--sweep: {count} runs and more, more than the {MAX_RUNS} allowed; give fewer values")
    labels = _labels([axis.key for axis in axes])
    found: list[Member] = []
    for values in itertools.product(*(axis.values for axis in axes)):
        name = "_".join(f"{label}={_readable(value)}" for label, value in zip(labels, values, strict=True))
        found.append(Member(_short(name), values))
    return found


def _axis(text: str) -> Axis:
    key, separator, listed = text.partition("=")
    if not separator or not key:
        raise UserError(f"--sweep {short(text)}: write key=value,value or key=0..4, for example optim.lr=1e-4,2e-4")
    if key == "run_dir":
        raise UserError("--sweep run_dir: each run has a folder of its own below run_dir; sweep another key")
    values: list[Override] = []
    for part in _parts(key, listed):
        given = f"{key}={part}"
        try:
            values += parse_overrides([given], f"--sweep {short(given)[1:-1]}")
        except UserError as problem:
            raise UserError(f"--sweep {problem}") from None
    return Axis(key, tuple(values))


def _parts(key: str, listed: str) -> Iterator[str]:
    """Split at commas outside of brackets and quotes. `0..4` yields the whole numbers from 0 to 4."""
    for part in _split(listed):
        if not part.strip():
            raise UserError(f"--sweep {key}: an empty value; write {key}=value,value (null sets none)")
        if not (counted := _RANGE.fullmatch(part.strip())):
            yield part.strip()
            continue
        low, high = int(counted[1]), int(counted[2])
        if high < low or high - low >= MAX_RUNS:
            raise UserError(
                f"--sweep {key}: {part.strip()} counts up by ones, over at most {MAX_RUNS} values; put the smaller number first"
            )
        yield from map(str, range(low, high + 1))


def _split(listed: str) -> list[str]:
    parts, depth, quote = [""], 0, ""
    for character in listed:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth <= 0:
            parts.append("")
            continue
        parts[-1] += character
    return parts


def _check_alone(axis: Axis, others: Sequence[Axis], overrides: Sequence[str]) -> None:
    """`UserError` if another sweep or an override sets the same key, a section that contains it, or a key inside it."""
    for other in others:
        if other.key == axis.key:
            raise UserError(f"--sweep {axis.key}: given twice; write all its values behind one")
        if _within(axis.place, other.place) or _within(other.place, axis.place):
            raise UserError(f"--sweep {axis.key}: sets the same value as --sweep {other.key}; sweep one of them")
    for override in parse_overrides(overrides):
        if _within(axis.place, override.place):
            raise UserError(f"--sweep {axis.key}: {short(override.text)} would have no effect; leave one of them out")


def _within(section: Sequence[str], place: Sequence[str]) -> bool:
    return tuple(place[: len(section)]) == tuple(section)


def _labels(keys: Sequence[str]) -> list[str]:
    """The last parts of each dotted key, as many as tell it from the others."""

    def tail(key: str, parts: int) -> str:
        return ".".join(key.split(".")[-parts:])

    def label(key: str) -> str:
        for parts in range(1, key.count(".") + 1):
            if [tail(other, parts) for other in keys].count(tail(key, parts)) == 1:
                return tail(key, parts)
        return key

    return [label(key) for key in keys]


def _short(name: str) -> str:
    """A folder's name of at most _MAX_FOLDER characters; digits of a hash stand for the rest."""
    if len(name) <= _MAX_FOLDER:
        return name
    return f"{name[: _MAX_FOLDER - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _readable(value: Override) -> str:
    """A value as part of a folder's name. If characters must be replaced, digits of a hash are added, so that names stay unique."""
    text = value.text.partition("=")[2]
    plain = re.sub(r"[^A-Za-z0-9.+-]+", "-", text)
    if plain == text and len(text) <= _MAX_NAME:
        return text
    return f"{plain.strip('-')[:_MAX_NAME]}-{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:6]}"
