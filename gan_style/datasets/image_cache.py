"""Caches of training images as they are after decoding and resizing: in memory, or in a folder that many processes share.

An entry counts if its key (the file's path and every setting that decides the pixels) and its stamp (the file's size and times of change)
are those of now. A file in the folder holds numbers alone, is checked by its length and checksum, and may be deleted at any time. A full
cache keeps what it has: every epoch reads each image once, so an image that is dropped for another would be missed as soon.
"""

import errno
import os
import struct
import tempfile
import time
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from gan_style.config.data import DataConfig
from gan_style.datasets.index import index_folder
from gan_style.datasets.reading import Loaded
from gan_style.datasets.workers import loading_processes
from gan_style.errors import UserError
from gan_style.files.bounded import MAX_BYTES
from gan_style.files.looking import cache_folder
from gan_style.files.opening import open_regular
from gan_style.machine.free_memory import free_memory

# The file: the magic word, the key, the stamp, CRC-32 of the rest; is it a label map, orientation, bits, channels; height and width of the
# pixels, and of the image before it was resized; the pixels.
_MAGIC = b"gan_style image1"
_HEAD = struct.Struct("<16s16s16sI")
_FACTS = struct.Struct("<4B4I")
_TYPES = {8: "u1", 16: "u2", 32: "f4"}  # of the pixels, by their bits
_BEGINNING = _HEAD.size + _FACTS.size
_COUNTED_AGAIN = 2**26  # bytes that a process writes before it counts the folder again, to which other processes write too
_LEFT_FREE = 2**30  # bytes of the machine's memory that a cache in memory does not fill
_LEFT_BEHIND = 3600  # seconds after which a temporary file belongs to a writer that was killed


class ImageCache(Protocol):
    """A bounded cache. trouble: why images are not kept any more, in words; empty while they are"""

    trouble: str

    def get(self, key: bytes, stamp: bytes, file: str) -> Loaded | None:
        """The image of this key, if its stamp is this one. file: its name in messages"""
        ...

    def put(self, key: bytes, stamp: bytes, loaded: Loaded) -> None:
        """Keep an image if there is room. Its pixels must not be written any more."""
        ...


def make_cache(config: DataConfig) -> ImageCache | None:
    """The cache that `data.cache` asks for; None in a dry run, which keeps nothing. `UserError` without a place for it."""
    limit = int(config.cache_gb * 2**30)
    if config.cache == "off" or cache_folder():
        return None
    if config.cache == "memory":
        return MemoryCache(limit // max(1, loading_processes(config.workers)))
    if (folder := images_folder()) is None:
        raise UserError("data.cache: there is no home folder for cached images; set the environment variable GAN_STYLE_CACHE to a folder")
    return DiskCache(folder, limit)


def images_folder() -> Path | None:
    """The folder `images` in $GAN_STYLE_CACHE, or beside the folder of cached lists in $XDG_CACHE_HOME or ~/.cache; None without a home."""
    lists = index_folder()
    if lists is None:
        return None
    return (lists if os.environ.get("GAN_STYLE_CACHE") else lists.parent) / "images"


class MemoryCache:
    """The images that this process has read. limit: bytes of their pixels"""

    def __init__(self, limit: int) -> None:
        self.limit, self.held, self.trouble = limit, 0, ""
        self._entries: dict[bytes, tuple[bytes, Loaded]] = {}

    def get(self, key: bytes, stamp: bytes, file: str) -> Loaded | None:
        known, loaded = self._entries.get(key, (b"", None))
        return loaded if known == stamp else None

    def put(self, key: bytes, stamp: bytes, loaded: Loaded) -> None:
        _, earlier = self._entries.get(key, (b"", None))
        held = self.held - (earlier.pixels.nbytes if earlier else 0) + loaded.pixels.nbytes
        if held > self.limit:
            self.trouble = f"data.cache: {self.limit / 2**30:.3g} GB of a process are full; other images are read anew: raise data.cache_gb"
            return
        if free_memory() < _LEFT_FREE:
            self.trouble = "data.cache: less than 1 GB of the machine's memory is free; other images are read anew: take data.cache=disk"
            return
        pixels = np.ascontiguousarray(loaded.pixels)
        pixels.flags.writeable = False
        self._entries[key], self.held = (stamp, replace(loaded, pixels=pixels)), held


class DiskCache:
    """Images in a folder, one file each. limit: bytes of all files, of which a writing process may exceed 64 MB at most"""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit, self.trouble = folder, limit, ""
        self._held: int | None = None  # bytes in the folder when it was counted, and those written since
        self._written = 0  # of them, since the count

    def get(self, key: bytes, stamp: bytes, file: str) -> Loaded | None:
        try:
            with open_regular(self._path(key)) as stream:
                size = os.fstat(stream.fileno()).st_size
                data = stream.read(size) if _BEGINNING <= size <= _BEGINNING + MAX_BYTES else b""
        except OSError:
            return None
        return _decoded(data or b"", key, stamp, file)

    def put(self, key: bytes, stamp: bytes, loaded: Loaded) -> None:
        if self.trouble:
            return
        data = _encoded(key, stamp, loaded)
        try:
            if self._held is None or self._written > _COUNTED_AGAIN:
                self._held, self._written = _count(self.folder), 0
            if self._held + len(data) > self.limit:
                self.trouble = (
                    f"data.cache: {self.folder} holds the {self.limit / 2**30:.3g} GB of data.cache_gb; other images are read anew: raise "
                    "it, or delete the folder"
                )
                return
            _write(self._path(key), data)
        except OSError as refusal:
            todo = "free the disk" if refusal.errno in (errno.ENOSPC, errno.EDQUOT) else "set GAN_STYLE_CACHE to a folder that can be"
            self.trouble = f"data.cache: {self.folder} cannot be written ({refusal.strerror}); other images are read anew: {todo}"
            return
        self._held += len(data)
        self._written += len(data)

    def _path(self, key: bytes) -> Path:
        name = key.hex()
        return self.folder / name[:2] / f"{name[2:]}.image"


def _encoded(key: bytes, stamp: bytes, loaded: Loaded) -> bytes:
    pixels = np.ascontiguousarray(loaded.pixels)
    height, width, channels = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    facts = _FACTS.pack(loaded.labels, loaded.orientation, bits, channels, height, width, loaded.shape.height, loaded.shape.width)
    values = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    return _HEAD.pack(_MAGIC, key, stamp, zlib.crc32(values, zlib.crc32(facts))) + facts + values


def _decoded(data: bytes, key: bytes, stamp: bytes, file: str) -> Loaded | None:
    """The image; None if the data are torn, foreign, or of another stamp."""
    if len(data) < _BEGINNING:
        return None
    *found, checksum = _HEAD.unpack_from(data)
    if found != [_MAGIC, key, stamp] or zlib.crc32(memoryview(data)[_HEAD.size :]) != checksum:
        return None
    labels, orientation, bits, channels, height, width, *size = _FACTS.unpack_from(data, _HEAD.size)
    if bits not in _TYPES or height * width * channels * bits // 8 != len(data) - _BEGINNING:
        return None
    pixels = np.frombuffer(data, f"<{_TYPES[bits]}", offset=_BEGINNING).reshape(height, width, channels)
    return Loaded(pixels.astype(_TYPES[bits], copy=False), bool(labels), file, orientation, (size[0], size[1]))


def _write(path: Path, data: bytes) -> None:
    """Write atomically. What a crash of the machine tears is found by its checksum, so nothing waits for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(".tmp", dir=path.parent)  # a unique name: processes on other machines may share the folder
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _count(folder: Path) -> int:
    """The bytes of all files in a folder of images. Removes what killed writers left behind."""
    held = 0
    for part in _entries(folder):
        for entry in _entries(Path(part.path)):
            with suppress(OSError):  # another process may remove it
                facts = entry.stat(follow_symlinks=False)
                held += facts.st_size
                if entry.name.endswith(".tmp") and time.time() - facts.st_mtime > _LEFT_BEHIND:
                    Path(entry.path).unlink()
    return held


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
