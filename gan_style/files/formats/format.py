"""The interface behind which each format lies, and what a format and its callers exchange."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import MAX_BYTES, MAX_PIXELS, Encoded, Header, opened
from gan_style.files.kinds import BEGINNING
from gan_style.files.region_reader import RegionReader
from gan_style.files.tiff_metadata import NO_METADATA, Metadata
from gan_style.terminal.counted import counted

_told_of_several: list[str] = []  # the first file with several pages, once a warning has named it


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    pixels: [H, W, C], uint8 or uint16; of any numeric type if the stored values were wanted
    labels: the file has a palette, as label maps have; interpolation must not mix its colours
    alpha:  [H, W] in the type of `pixels`: the file's alpha if `pixels` has no channel for it; else None
    orientation: EXIF's, 1 to 8; `pixels` are already upright
    several: the file holds more than one page or frame; this is the first
    dots_per_inch: across and down; None if the file does not say
    metadata: what a writer can carry over
    """

    pixels: np.ndarray
    labels: bool
    alpha: np.ndarray | None
    orientation: int = 1
    several: bool = False
    dots_per_inch: tuple[float, float] | None = None
    metadata: Metadata = NO_METADATA


@dataclass(frozen=True)
class Wanted:
    """What a caller wants of a picture.

    channels: 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGB + alpha); with `raw` the number that the file must have
    srgb: convert colours with a profile to sRGB
    max_pixels: the bound on what is decoded at once: the picture, or a part of one that is read by regions; see `check_pixels`
    look: is given the header before anything is decoded, and may raise a `UserError`
    raw: the stored values in their own type, with the file's scale applied. No profile, no palette, no alpha.
    """

    channels: int
    srgb: bool = True
    max_pixels: int = MAX_PIXELS
    look: Callable[[Header], None] = lambda header: None
    raw: bool = False


class File:
    """A file, or the bytes of one, that is opened when a format asks for its bytes. Leaving the `with` block closes it."""

    def __init__(self, path: Path | Encoded, max_bytes: float = MAX_BYTES) -> None:
        self.path, self._max_bytes, self._resources = path, max_bytes, ExitStack()

    @cached_property
    def stream(self) -> IO[bytes]:
        """The open file at its beginning. `UserError` if it cannot be opened or is empty, `TooLarge` beyond its bound."""
        return self._resources.enter_context(opened(self.path, self._max_bytes))

    @cached_property
    def beginning(self) -> bytes:
        """The first bytes. The stream is left at its beginning."""
        found = self.stream.read(BEGINNING)
        self.stream.seek(0)
        return found

    @property
    def name(self) -> str:
        """The file's name; that of bytes inside another file tells nothing."""
        return self.path.name.lower() if isinstance(self.path, Path) else ""

    def close(self) -> None:
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Format(ABC):
    """A format of files.

    written: the suffixes of the files that `encode` makes
    by_regions: can `open_regions` read a region without decoding the whole file?
    """

    written: frozenset[str] = frozenset()
    by_regions = False

    @abstractmethod
    def claims(self, file: File) -> bool:
        """Is the file of this format, by its name or its first bytes?"""

    @abstractmethod
    def probe(self, file: File, raw: bool = False) -> Header:
        """The header, without decoding the pixels. `UserError` if it is damaged or claims more than `read` accepts.

        raw: of the stored values, see `Wanted`
        """

    @abstractmethod
    def read(self, file: File, wanted: Wanted) -> Picture:
        """Decode the file. `UserError` if it is damaged, too large, or does not hold what is wanted."""

    def probe_regions(self, file: File, raw: bool = False) -> Header:
        """The header of a picture that `open_regions` opens, of any size. By default that of `probe`."""
        with File(file.path) as bounded:
            return self.probe(bounded, raw)

    def open_regions(self, file: File, wanted: Wanted, kept_bytes: int) -> RegionReader:
        """Open the file to read regions; the reader closes it. By default the picture is decoded at once, and regions are cut from it.

        kept_bytes: most bytes of decoded parts that are kept
        """
        file.close()
        with File(file.path, 3 * wanted.max_pixels) as bounded:
            return WholeRegions(file.path, wanted.channels, self.read(bounded, wanted))

    def encode(self, path: Path, pixels: np.ndarray, metadata: Metadata, png_compression: int) -> bytes:
        """Encode [H, W, C] for the suffix of `path`, one of `written`. `UserError` if the format cannot hold the pixels."""
        raise NotImplementedError(f"{path}: {type(self).__name__} is read alone")


class WholeRegions(RegionReader):
    """Regions of a picture that was decoded at once."""

    def __init__(self, path: Path | Encoded, channels: int, picture: Picture) -> None:
        depth = 8 * picture.pixels.dtype.itemsize
        metadata = picture.metadata if picture.metadata != NO_METADATA else Metadata(picture.dots_per_inch)
        alpha, size = picture.alpha is not None, picture.pixels.shape[:2]
        super().__init__(path, size, channels, depth, alpha, picture.labels, picture.orientation, metadata)
        self._picture = picture

    def close(self) -> None:
        del self._picture

    def _region(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        rows, columns = slice(top, top + height), slice(left, left + width)
        alpha = self._picture.alpha
        return self._picture.pixels[rows, columns], None if alpha is None else alpha[rows, columns]


def check_channels(path: Path | Encoded | str, has: int, wanted: Wanted) -> None:
    """`UserError` if stored values are wanted of a file with another number of channels: values are not mixed or repeated."""
    if wanted.raw and has != wanted.channels:
        raise UserError(
            f"{path}: has {counted(has, 'channel')} of values, but {wanted.channels} are read; give {wanted.channels}, in one file or in "
            f"several, or train with the domain's channels={has}"
        )


def tell_of_several(path: Path | Encoded) -> None:
    """Warn that only the first of several pages is read, once for all files."""
    if not _told_of_several:
        _told_of_several.append(str(path))
        warnings.warn(
            f"{path}: holds several pages or frames, of which the first is read; other files like it are read alike and not named",
            stacklevel=3,
        )
