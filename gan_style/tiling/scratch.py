"""What must wait between two passes over an image: arrays in memory, or in files of a folder that outlive the process."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.files.lock import FileLock, Held
from gan_style.tiling.spans import Region, whole

# NumPy has no bfloat16: its bits wait as whole numbers.
_NUMPY = {
    torch.bfloat16: np.uint16,
    torch.float16: np.float16,
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.uint8: np.uint8,
    torch.uint16: np.uint16,
    torch.int8: np.int8,
    torch.int16: np.int16,
    torch.int32: np.int32,
}


@contextmanager
def told_where_refused(path: Path) -> Iterator[None]:
    """`UserError` where the system refuses a scratch file: its disk is full, or the folder cannot be written."""
    try:
        yield
    except OSError as failure:
        words = f"{path}: a scratch file cannot be written ({failure.strerror or failure})"
        raise UserError(f"{words}; free the disk, or give --scratch another folder") from failure


class Waiting:
    """An image [H, W, C] that waits. Reading and writing take regions."""

    def __init__(self, height: int, width: int, channels: int, dtype: torch.dtype, path: Path | None) -> None:
        self.height, self.width, self.channels, self.dtype = height, width, channels, np.dtype(_NUMPY[dtype])
        self.path = path
        self._file: int | None = None
        self._array: np.ndarray | None = None
        if path is None:
            self._array = np.zeros((height, width, channels), self.dtype)
        else:
            with told_where_refused(path):
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
                there, wanted = os.fstat(self._file).st_size, height * width * channels * self.dtype.itemsize
                if not there:
                    os.ftruncate(self._file, wanted)
            if there not in (0, wanted):
                raise UserError(f"{path}: has {there} bytes in place of {wanted}; remove its folder and begin again")

    def write(self, region: Region, values: np.ndarray) -> None:
        """values: [h, w, C]"""
        rows, columns = region
        if self._array is not None:
            self._array[rows.start : rows.stop, columns.start : columns.stop] = values
            return
        values = np.ascontiguousarray(values, self.dtype)
        if columns.length == self.width:
            self._put(memoryview(values.data).cast("B"), rows.start, 0)
            return
        for row, line in zip(range(rows.start, rows.stop), values, strict=True):
            self._put(memoryview(line.data).cast("B"), row, columns.start)

    def read(self, region: Region) -> np.ndarray:
        """[h, w, C]"""
        rows, columns = region
        if self._array is not None:
            return self._array[rows.start : rows.stop, columns.start : columns.stop].copy()  # a view would be computed in another order
        values = np.empty((rows.length, columns.length, self.channels), self.dtype)
        if columns.length == self.width:
            self._get(memoryview(values.data).cast("B"), rows.start, 0)
            return values
        for row, line in zip(range(rows.start, rows.stop), values, strict=True):
            self._get(memoryview(line.data).cast("B"), row, columns.start)
        return values

    def all(self) -> np.ndarray:
        """[H, W, C]"""
        return self.read(whole(self.height, self.width))

    def close(self, forget: bool) -> None:
        """forget: also remove its file"""
        self._array = None
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if forget and self.path is not None:
            self.path.unlink(missing_ok=True)

    def _place(self, row: int, column: int) -> int:
        return (row * self.width + column) * self.channels * self.dtype.itemsize

    def _put(self, part: memoryview, row: int, column: int) -> None:
        assert self._file is not None
        place = self._place(row, column)
        assert self.path is not None
        with told_where_refused(self.path):
            while part:
                written = os.pwrite(self._file, part, place)
                part, place = part[written:], place + written

    def _get(self, part: memoryview, row: int, column: int) -> None:
        assert self._file is not None
        place = self._place(row, column)
        while part:
            count = os.preadv(self._file, [part], place)
            if not count:
                raise UserError(f"{self.path}: is shorter than it was; remove the folder and begin again")
            part, place = part[count:], place + count


class Scratch:
    """Names what waits. folder: None keeps it in memory; a folder outlives the process, and `begin` goes on with what it holds.

    in_memory: what waits lies in memory all the same; the folder is for the caller's files
    """

    def __init__(self, folder: Path | None, in_memory: bool = False) -> None:
        self.folder, self._in_memory = folder, in_memory
        self._waiting: dict[str, Waiting] = {}
        # Beside the folder, which is removed and made anew while the lock is held.
        self._lock = None if folder is None else FileLock(folder.with_name(f"{folder.name}.lock"))

    def begin(self, identity: Mapping[str, Any], beside: Sequence[str] = ()) -> bool:
        """Is there earlier work with the same identity, to go on with? Other work in the folder is removed.

        beside: names of files in the folder without which the work cannot go on
        `UserError` if another process works there.
        """
        if self.folder is None or self._lock is None:
            return False
        said = json.dumps(identity, sort_keys=True)
        record = self.folder / "plan.json"
        with told_where_refused(self.folder):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.acquire()
            except Held as owner:
                raise UserError(f"{self.folder}: scratch files in use by {owner}; wait for it, or stop it") from None
            there = record.is_file() and record.read_text() == said and all((self.folder / name).is_file() for name in beside)
            if there and not self._in_memory:  # what was in memory is lost
                return True
            if self.folder.is_dir():
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True)
            record.write_text(said)
        return False

    def acquire(self) -> None:
        """Let the folder belong to this process. `Held` if it is another's."""
        if self._lock is not None:
            self._lock.acquire()

    def waiting(self, name: str, height: int, width: int, channels: int, dtype: torch.dtype) -> Waiting:
        """The array of this name; it keeps what an earlier process wrote into it."""
        if name not in self._waiting:
            path = None if self.folder is None or self._in_memory else self.folder / f"{name}.raw"
            self._waiting[name] = Waiting(height, width, channels, dtype, path)
        return self._waiting[name]

    def forget(self, name: str) -> None:
        """Remove an array, whether it was opened or not."""
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            waiting.close(forget=True)
        elif self.folder is not None:
            (self.folder / f"{name}.raw").unlink(missing_ok=True)

    def close(self, forget: bool) -> None:
        """Close all arrays; forget: remove them with the folder."""
        for waiting in self._waiting.values():
            waiting.close(forget)
        self._waiting.clear()
        if forget and self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.release(remove=forget)


def remove_left(folder: Path) -> None:
    """Remove the scratch files of an earlier process that was killed. Those of a process at work stay."""
    scratch = Scratch(folder)
    with suppress(Held, OSError):
        scratch.acquire()
        scratch.close(forget=True)


def to_rows(values: Tensor) -> np.ndarray:
    """[..., C, h, w] as [h, w, C]; bfloat16 as its bits."""
    rows = values.flatten(0, -3).permute(1, 2, 0).cpu()
    return (rows.view(torch.uint16) if rows.dtype == torch.bfloat16 else rows).numpy()


def from_rows(rows: np.ndarray, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The inverse of `to_rows`: [h, w, C] as [..., h, w] in the given type. shape: of all dimensions but the last two"""
    values = torch.from_numpy(rows)
    values = values.view(torch.bfloat16) if values.dtype == torch.uint16 and dtype == torch.bfloat16 else values
    return values.permute(2, 0, 1).unflatten(0, shape).to(device, dtype)
