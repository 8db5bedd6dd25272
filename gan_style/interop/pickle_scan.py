"""What a pickle of torch would make, found without making it.

torch's `weights_only` runs no code, but it makes whatever storages and shapes a file claims: a few bytes may claim terabytes. The
operations of the pickle are read here first. They must be those that `torch.save` writes for tensors in plain containers.
"""

import math
import pickletools
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

MAX_PICKLE = 2**20  # bytes of names and shapes; each may become an object of a hundred bytes

_ALLOWED = re.compile(
    r"torch\._utils\._rebuild_(tensor|tensor_v2|parameter)|collections\.OrderedDict|torch\.(Size|device)|torch\.\w+Storage|torch\.[a-z]+\d+"
)
_WIDTHS = {"Double": 8, "Long": 8, "Float": 4, "Int": 4, "Half": 2, "BFloat16": 2, "Short": 2}  # bytes; 1 for the others
_TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "UNICODE", "SHORT_BINSTRING", "BINSTRING", "STRING")
_NUMBERS = ("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4")
_TUPLES = ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_TUPLE")
_MEMO = ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE")
_RECALL = ("BINGET", "LONG_BINGET", "GET")

Operations = Iterator[tuple[str, Any]]


class NotPlain(Exception):
    """Why a pickle is not read, in words."""


def check_pickles(stream: BytesIO, count: int, size: int) -> None:
    """`NotPlain` if `count` pickles in a row need code, or claim more than `size` bytes. `ValueError` if they are torn."""
    for _ in range(count):
        _check(_operations(stream), size)


def _operations(stream: BytesIO) -> Operations:
    """The operations of one pickle. `NotPlain` where a number is remembered: torch never does that, and it could be recalled as a size."""
    before = ""
    for operation, argument, _ in pickletools.genops(stream):
        if operation.name in _MEMO and before in _NUMBERS:
            raise NotPlain("was not written by torch.save as it is; save the state_dict alone")
        before = operation.name
        yield before, argument


def _check(operations: Operations, size: int) -> None:
    storages: dict[str, int] = {}  # key -> bytes
    memo: dict[Any, str] = {}
    recent: list[str] = []  # texts and names of classes since the last storage
    number: Any = 0
    for name, argument in operations:
        if name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ", "PERSID"):
            raise NotPlain("was not written by torch.save as it is; save the state_dict alone")
        if name == "GLOBAL":
            argument = argument.replace(" ", ".")
            if not _ALLOWED.fullmatch(argument):
                raise NotPlain(
                    f"needs {argument[:80]}, and only tensors are unpickled, since a pickle can run code; save the state_dict alone"
                )
        if name == "GLOBAL" or name in _TEXTS:
            recent.append(str(argument))
        elif name in _NUMBERS:
            number = argument
        elif name in _MEMO:
            if recent:
                memo[argument] = recent[-1]
        elif name in _RECALL:
            recent.append(memo.get(argument, ""))
        elif name == "BINPERSID":
            key, kind = (recent[-2], recent[-3]) if len(recent) >= 3 else ("", "")
            width = _WIDTHS.get(kind.removeprefix("torch.").removesuffix("Storage"), 1)
            storages[key] = max(storages.get(key, 0), width * _whole(number, size))
            _check_claim(sum(storages.values()), size)
            _check_claim(width * math.prod(_shape(operations, size)), size)
            recent.clear()


def _shape(operations: Operations, size: int) -> list[int]:
    """The shape of the tensor that reads a storage: its offset and its shape follow the storage."""
    numbers: list[int] = []
    for name, argument in operations:
        if name in _NUMBERS:
            numbers.append(_whole(argument, size))
        elif name in _TUPLES and numbers:
            return numbers[1:]
        elif name != "MARK" and name not in _MEMO:
            break
    raise NotPlain("holds a storage without a tensor; save the state_dict alone")


def _whole(number: Any, size: int) -> int:
    if not isinstance(number, int) or number < 0:
        raise NotPlain("claims a tensor of a negative size; save it again")
    _check_claim(number, size)
    return number


def _check_claim(claimed: int, size: int) -> None:
    if claimed > size:
        raise NotPlain(
            f"claims tensors of {claimed if claimed < 10**15 else 'countless'} bytes, more than the {size} of the file; save it again"
        )
