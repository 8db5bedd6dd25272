"""TIFF and BigTIFF, whose strips or tiles are decoded one by one; see `files.tiff`."""

from io import BytesIO
from pathlib import Path

import numpy as np

from gan_style.files.bounded import Header, count_anew
from gan_style.files.channels import with_channels
from gan_style.files.formats.format import File, Format, Picture, Wanted, check_channels, tell_of_several
from gan_style.files.kinds import TIFF_SUFFIXES
from gan_style.files.orientation import upright, upright_dots
from gan_style.files.region_reader import RegionReader
from gan_style.files.tiff import Tiff, open_page
from gan_style.files.tiff_directory import is_tiff
from gan_style.files.tiff_metadata import Metadata, metadata_of
from gan_style.files.tiff_tags import meaning_of, tags_of
from gan_style.machine.memory import room_for


class TiffFormat(Format):
    written = TIFF_SUFFIXES
    by_regions = True

    def claims(self, file: File) -> bool:
        return is_tiff(file.stream)

    def probe(self, file: File, raw: bool = False) -> Header:
        return open_page(file.stream, file.path, raw=raw).header

    def probe_regions(self, file: File, raw: bool = False) -> Header:
        return open_page(file.stream, file.path, by_parts=True, raw=raw).header

    def read(self, file: File, wanted: Wanted) -> Picture:
        page = open_page(file.stream, file.path, wanted.max_pixels, look=wanted.look, raw=wanted.raw)
        header = page.header
        check_channels(file.path, header.channels, wanted)
        metadata = _metadata(page)
        pixels, alpha = _turned(page.decode(wanted.channels, wanted.srgb), header.orientation, wanted)
        if header.several:
            tell_of_several(file.path)
        return Picture(pixels, header.palette, alpha, header.orientation, header.several, metadata.dots_per_inch, metadata)

    def open_regions(self, file: File, wanted: Wanted, kept_bytes: int) -> RegionReader:
        page = open_page(file.stream, file.path, wanted.max_pixels, by_parts=True, kept_bytes=kept_bytes, raw=wanted.raw)
        check_channels(file.path, page.header.channels, wanted)
        return _TiffRegions(page, file, wanted)

    def encode(self, path: Path, pixels: np.ndarray, metadata: Metadata, png_compression: int) -> bytes:
        import tifffile

        height, width, channels = pixels.shape
        stream = BytesIO()
        meaning = meaning_of(channels, pixels.dtype)
        tifffile.imwrite(
            stream,
            np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels),
            compression="lzw",
            metadata=None,
            software=False,
            **meaning,
            **tags_of(metadata, height, width, channels, pixels.dtype.name),
        )
        return stream.getvalue()


class _TiffRegions(RegionReader):
    def __init__(self, page: Tiff, file: File, wanted: Wanted) -> None:
        header = page.header
        alpha = page.samples.extra in ("alpha", "multiplied alpha") and wanted.channels in (1, 3) and not wanted.raw
        size = header.height, header.width
        super().__init__(page.path, size, wanted.channels, header.depth, alpha, header.palette, header.orientation, _metadata(page))
        self._page, self._file, self._wanted = page, file, wanted
        if header.several:
            tell_of_several(page.path)

    def close(self) -> None:
        self._file.close()

    def _region(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        count_anew(self._file.stream)
        turned = self.orientation
        if turned in (3, 4, 7, 8):
            top = self.height - top - height
        if turned in (2, 3, 6, 7):
            left = self.width - left - width
        stored = (top, left, height, width) if turned < 5 else (left, top, width, height)
        with room_for(f"{self.path}: no memory to decode {width} x {height} of its pixels"):
            return _turned(self._page.region(*stored, self.channels, self._wanted.srgb), turned, self._wanted)


def _metadata(page: Tiff) -> Metadata:
    turned = page.header.orientation
    return metadata_of(page.page, upright_dots(page.dots_per_inch, turned), turned, upright_dots(page.pixels_per_unit, turned))


def _turned(pixels: np.ndarray, orientation: int, wanted: Wanted) -> tuple[np.ndarray, np.ndarray | None]:
    """Decoded pixels, upright, with the channels that are wanted; and the alpha that has no place among them."""
    pixels = upright(pixels, orientation)
    return (pixels, None) if wanted.raw else with_channels(pixels, wanted.channels)
