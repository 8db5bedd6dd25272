"""Many keys in little memory: all names of a data set in one array of bytes, and the place where each one ends."""

import operator
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

import numpy as np


class Keys(Sequence[str]):
    """A read-only sequence of texts that is stored in two arrays, not as one object for each text.

    text: uint8, all keys in UTF-8, one after the other; bytes that are not UTF-8 are kept as os.fsencode keeps them
    ends: int64, the end of each key in `text`
    recall: (function, arguments) that finds the same keys in another process; None: pickling sends the arrays
    """

    def __init__(self, text: np.ndarray, ends: np.ndarray, recall: tuple[Callable[..., "Keys"], tuple[Any, ...]] | None = None) -> None:
        self.text = text
        self.ends = ends
        self.recall = recall

    @classmethod
    def of(cls, keys: Iterable[str]) -> "Keys":
        if isinstance(keys, Keys):
            return keys
        gathered = Gathering()
        for key in keys:
            gathered.add(key)
        return gathered.keys()

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        place = range(len(self))[operator.index(index)]  # an IndexError where there is none
        start = int(self.ends[place - 1]) if place else 0
        return self.text[start : int(self.ends[place])].tobytes().decode("utf-8", "surrogateescape")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Keys({', '.join(map(repr, self[:3]))}{', ...' if len(self) > 3 else ''}: {len(self)})"

    def __reduce__(self) -> tuple[Callable[..., "Keys"], tuple[Any, ...]]:
        return self.recall or (Keys, (self.text, self.ends))


class Gathering:
    """Collects keys one by one."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("q")

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, key: str) -> None:
        self._text += key.encode("utf-8", "surrogateescape")
        self._ends.append(len(self._text))

    def keys(self) -> Keys:
        return Keys(np.frombuffer(self._text, np.uint8), np.frombuffer(self._ends, np.int64))
