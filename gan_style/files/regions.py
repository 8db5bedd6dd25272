"""Reading a picture region by region, so that its size does not bound what can be done with it.

TIFFs are decoded strip by strip or tile by tile, slides by OpenSlide. Other pictures are decoded at once and cut.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np

from gan_style.files import images, slides
from gan_style.files.bounded import MAX_PIXELS, Encoded, Header, count_anew, opened
from gan_style.files.kinds import TIFF_SUFFIXES, is_slide_name
from gan_style.files.region_reader import RegionReader
from gan_style.files.tiff import Tiff, open_page
from gan_style.files.tiff_directory import is_tiff
from gan_style.files.tiff_metadata import Metadata, metadata_of
from gan_style.machine.memory import room_for

KEPT_BYTES = 2**27  # of decoded strips or tiles


def read_in_parts(path: Path) -> bool:
    """Does the name say that regions of the file can be read without decoding all of it?"""
    return path.suffix.lower() in TIFF_SUFFIXES or is_slide_name(path.name)


def probe_regions(path: Path) -> Header:
    """The header of a picture that `open_regions` opens, of any size. `UserError` as there."""
    if is_slide_name(path.name):
        with slides.open_slide(path, 3) as slide:
            return slides.header_of(slide)
    with opened(path, max_bytes=float("inf")) as stream:
        if is_tiff(stream):
            return open_page(stream, path, by_parts=True).header
    return images.probe(path)


def open_regions(
    path: Path | Encoded, channels: int, srgb: bool = True, max_pixels: int = MAX_PIXELS, kept_bytes: int = KEPT_BYTES
) -> RegionReader:
    """Open `path` to read regions of 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGB + alpha) channels, each what `images.read` gives.

    srgb: convert colours with a profile to sRGB; False for label maps
    max_pixels: the bound on what is decoded at once: a strip or tile of a TIFF, or another picture as a whole; see `check_pixels`
    kept_bytes: most bytes of decoded strips or tiles that are kept. Regions row by row are fast where a row of tiles fits.
    A TIFF may have any number of bytes and pixels; the index of its strips or tiles is held, 40 bytes for each number in it.
    `UserError` as `images.read`, and for a slide without the extra that reads slides.
    """
    if isinstance(path, Path) and is_slide_name(path.name):
        return slides.open_slide(path, channels, srgb)
    with ExitStack() as stack:
        stream = stack.enter_context(opened(path, max_bytes=float("inf")))
        if is_tiff(stream):
            page = open_page(stream, path, max_pixels, by_parts=True, kept_bytes=kept_bytes)
            return _TiffRegions(page, stream, stack.pop_all(), channels, srgb)
    return _WholeRegions(path, channels, srgb, max_pixels)


class _TiffRegions(RegionReader):
    def __init__(self, page: Tiff, stream: IO[bytes], resources: ExitStack, channels: int, srgb: bool) -> None:
        header = page.header
        alpha = page.samples.extra in ("alpha", "multiplied alpha") and channels in (1, 3)
        dots = images.upright_dots(page.dots_per_inch, header.orientation)
        metadata = metadata_of(page.page, dots, header.orientation)
        size = header.height, header.width
        super().__init__(page.path, size, channels, header.depth, alpha, header.palette, header.orientation, metadata)
        self._page, self._stream, self._resources, self._srgb = page, stream, resources, srgb
        if header.several:
            images.tell_of_several(page.path)

    def close(self) -> None:
        self._resources.close()

    def _region(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        count_anew(self._stream)
        turned = self.orientation
        if turned in (3, 4, 7, 8):
            top = self.height - top - height
        if turned in (2, 3, 6, 7):
            left = self.width - left - width
        stored = (top, left, height, width) if turned < 5 else (left, top, width, height)
        with room_for(f"{self.path}: no memory to decode {width} x {height} of its pixels"):
            pixels = self._page.region(*stored, self.channels, self._srgb)
            return images.with_channels(images.upright(pixels, turned), self.channels)


class _WholeRegions(RegionReader):
    def __init__(self, path: Path | Encoded, channels: int, srgb: bool, max_pixels: int) -> None:
        picture = images.read(path, channels, srgb, max_pixels)
        depth = 16 if picture.pixels.dtype == np.uint16 else 8
        metadata = Metadata(picture.dots_per_inch)
        alpha, size = picture.alpha is not None, picture.pixels.shape[:2]
        super().__init__(path, size, channels, depth, alpha, picture.labels, picture.orientation, metadata)
        self._picture = picture

    def close(self) -> None:
        del self._picture

    def _region(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        rows, columns = slice(top, top + height), slice(left, left + width)
        alpha = self._picture.alpha
        return self._picture.pixels[rows, columns], None if alpha is None else alpha[rows, columns]
