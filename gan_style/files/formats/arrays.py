"""What formats that store arrays of numbers have in common: their values have no colours, and often no black and no white."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import Encoded, Header, check_pixels, reason
from gan_style.files.channels import with_channels
from gan_style.files.formats.format import File, Format, Picture, Wanted, check_channels
from gan_style.files.region_reader import RegionReader
from gan_style.files.tiff_metadata import NO_METADATA, Metadata
from gan_style.files.tiff_samples import ADVICE
from gan_style.machine.memory import OutOfMemory, no_room, room_for

MAX_CHANNELS = 64  # an axis of at most this many values may be that of the channels
_SHOWN = {1: "uint8", 2: "uint16"}  # bytes -> the types that are pictures without a range


class Stored:
    """An array in an open file: its place and type are known and checked, its values are not read yet.

    dtype: of the values that `read` gives, with the file's scale applied
    slices: their number in a volume
    by_regions: does `read` decode what it gives alone?
    """

    def __init__(
        self,
        size: tuple[int, int],
        channels: int,
        dtype: np.dtype,
        slices: int = 1,
        metadata: Metadata = NO_METADATA,
        by_regions: bool = False,
    ) -> None:
        """size: height, width"""
        self.height, self.width = size
        self.channels, self.dtype, self.slices = channels, dtype.newbyteorder("="), slices
        self.metadata, self.by_regions = metadata, by_regions

    def read(self, top: int, left: int, height: int, width: int, depth: int = 0) -> np.ndarray:
        """[height, width, channels] of `dtype`, of slice `depth`. Any exception for a file that is damaged."""
        raise NotImplementedError

    def close(self) -> None:
        """Close what was opened beside the file."""


class ArrayFormat(Format):
    """called: the format's name in messages; extra: that installs its reader, "" if none is needed; module: that the extra installs."""

    called: ClassVar[str]
    extra: ClassVar[str] = ""
    module: ClassVar[str] = ""

    @abstractmethod
    def stored(self, file: File) -> Stored:
        """The array of the file. `UserError` for what is not read; any exception for a file that is damaged."""

    def opened(self, file: File) -> Stored:
        """`stored`, with one line for any mistake in the file or for a package that is missing."""
        try:
            found = self.stored(file)
        except UserError:
            raise
        except ImportError as failure:
            if failure.name and failure.name.partition(".")[0] != self.module:
                raise
            raise UserError(
                f"{file.path}: is {self.called}, which needs the package {self.module}: pip install 'gan_style[{self.extra}]'"
            ) from failure
        except Exception as failure:  # readers raise nearly anything for damaged headers
            if no_room(failure):
                raise OutOfMemory(f"{file.path}: no memory to read its header") from failure
            raise UserError(f"{file.path}: its header is damaged ({reason(failure)}); replace or remove it") from failure
        if min(found.height, found.width, found.channels, found.slices) < 1:
            raise UserError(f"{file.path}: holds no values ({found.width} x {found.height} in {found.channels} channels); remove it")
        return found

    def probe(self, file: File, raw: bool = False) -> Header:
        found = self.opened(file)
        try:
            check_size(file.path, found, Wanted(found.channels, raw=raw))
            return header_of(found)
        finally:
            found.close()

    def probe_regions(self, file: File, raw: bool = False) -> Header:
        found = self.opened(file)
        found.close()
        return header_of(found)

    def read(self, file: File, wanted: Wanted) -> Picture:
        found = self.opened(file)
        try:
            wanted.look(header_of(found))
            _check(file.path, found, wanted)
            check_size(file.path, found, wanted)
            values = read_values(file.path, found, 0, 0, found.height, found.width)
        finally:
            found.close()
        pixels, alpha = (values, None) if wanted.raw else with_channels(values, wanted.channels)
        return Picture(pixels, False, alpha, dots_per_inch=found.metadata.dots_per_inch, metadata=found.metadata)

    def open_regions(self, file: File, wanted: Wanted, kept_bytes: int) -> RegionReader:
        found = self.opened(file)
        if not found.by_regions:
            found.close()
            return super().open_regions(file, wanted, kept_bytes)
        try:
            _check(file.path, found, wanted)
        except BaseException:
            found.close()
            raise
        return _ArrayRegions(file, found, wanted)


class _ArrayRegions(RegionReader):
    def __init__(self, file: File, stored: Stored, wanted: Wanted) -> None:
        alpha = not wanted.raw and stored.channels in (2, 4) and wanted.channels in (1, 3)
        size, depth = (stored.height, stored.width), 8 * stored.dtype.itemsize
        super().__init__(file.path, size, wanted.channels, depth, alpha, metadata=stored.metadata)
        self._file, self._stored, self._raw = file, stored, wanted.raw

    def close(self) -> None:
        self._stored.close()
        self._file.close()

    def _region(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        with room_for(f"{self.path}: no memory to decode {width} x {height} of its pixels"):
            values = read_values(self.path, self._stored, top, left, height, width)
            return (values, None) if self._raw else with_channels(values, self.channels)


def axes_of(path: Path | Encoded, shape: tuple[int, ...]) -> tuple[tuple[int, int], int, bool]:
    """((height, width), channels, whether the channels come first) of an array [H, W], [H, W, C] or [C, H, W].

    The last axis is that of the channels if it has at most `MAX_CHANNELS` values, else the first if it has.
    """
    if len(shape) == 2:
        return (shape[0], shape[1]), 1, False
    if len(shape) == 3 and shape[2] <= MAX_CHANNELS:
        return (shape[0], shape[1]), shape[2], False
    if len(shape) == 3 and shape[0] <= MAX_CHANNELS:
        return (shape[1], shape[2]), shape[0], True
    sides = " x ".join(map(str, shape[:8])) or "a single number"
    raise UserError(f"{path}: holds an array of {sides}; pictures are [H, W], [H, W, C] or [C, H, W] with at most {MAX_CHANNELS} channels")


def numeric(path: Path | Encoded, dtype: np.dtype) -> np.dtype:
    """The type, if its values can be read. `UserError` for objects, texts, complex numbers and records."""
    if dtype.hasobject or dtype.kind not in "uif" or dtype.itemsize > 8:
        raise UserError(f"{path}: holds values of the type {dtype}, which are not read; store integers or floating point numbers")
    return dtype


def header_of(stored: Stored) -> Header:
    """The header of an array."""
    name, depth = stored.dtype.name, 8 * stored.dtype.itemsize
    values = "" if name in _SHOWN.values() else name
    return Header(stored.width, stored.height, stored.channels, depth, palette=False, values=values, slices=stored.slices)


def _check(path: Path | Encoded, stored: Stored, wanted: Wanted) -> None:
    """`UserError` if the array does not hold what is wanted."""
    if stored.slices > 1:
        words = f"is a volume of {stored.slices} slices, and pictures have one"
        raise UserError(f"{path}: {words}; train with the domain's slices=1, or cut it: gan-style prepare slices")
    check_channels(path, stored.channels, wanted)
    if wanted.raw:
        return
    if stored.dtype.name not in _SHOWN.values():
        raise UserError(f"{path}: holds {stored.dtype.name} values, of which none is black or white; {ADVICE}")
    if stored.channels > 4:
        raise UserError(f"{path}: has {stored.channels} channels, which are no colours; {ADVICE}")


def check_size(path: Path | Encoded, stored: Stored, wanted: Wanted) -> None:
    """`TooLarge` if a slice has more pixels than are decoded at once."""
    weight = max(3, (stored.dtype.itemsize + (4 if wanted.raw else 0)) * stored.channels)
    check_pixels(f"{path}: claims", stored.width, stored.height, weight, wanted.max_pixels)


def read_values(path: object, stored: Stored, top: int, left: int, height: int, width: int, depth: int = 0) -> np.ndarray:
    """`Stored.read`, with a `UserError` for a file that is damaged."""
    try:
        values = stored.read(top, left, height, width, depth)
    except UserError:
        raise
    except Exception as failure:
        if no_room(failure):
            raise OutOfMemory(f"{path}: no memory for {width} x {height} of its pixels") from failure
        raise UserError(f"{path}: damaged or cut short ({reason(failure)}); replace or remove it") from failure
    return np.ascontiguousarray(values, stored.dtype)


def read_exactly(stream: object, count: int) -> bytes:
    """`count` bytes from where the stream is. `ValueError` if there are fewer."""
    found = bytearray()
    while len(found) < count and (part := stream.read(min(count - len(found), 2**24))):  # type: ignore[attr-defined]
        found += part
    if len(found) < count:
        raise ValueError(f"{len(found)} bytes where {count} should be")
    return bytes(found)
