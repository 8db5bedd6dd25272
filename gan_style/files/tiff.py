"""TIFF and BigTIFF: sizes of strips or tiles are checked, then tifffile decodes those that a region touches, one by one.

Pixels are gray, gray + alpha, RGB or RGB + alpha of 8 or 16 bits: 0 is black, the largest value is white, alpha is not multiplied
in. A kind of TIFF that is not read is refused by its name.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from gan_style.errors import UserError
from gan_style.files.bounded import MAX_PIXELS, Encoded, Header, check_pixels, reason, resolution
from gan_style.files.colour import Conversion, conversion
from gan_style.files.kinds import advice, kind_of_name
from gan_style.files.samples import by_bands, cmyk_to_rgb, divide_by_alpha, full_range, rows_of, writable
from gan_style.files.tiff_directory import directories
from gan_style.files.tiff_pages import PagesOfChannels, declared_channels
from gan_style.files.tiff_parts import Parts
from gan_style.files.tiff_samples import CONVERT, JPEG, Samples, samples_of, values_of
from gan_style.machine.memory import OutOfMemory, no_room

if TYPE_CHECKING:
    from tifffile import TiffPage

_SUBFILE, _OLD_SUBFILE, _ORIENTATION, _ACROSS, _DOWN, _UNIT, _TILE_WIDTH, _TILE_LENGTH = 254, 255, 274, 282, 283, 296, 322, 323
_DNG_VERSION = 50706
_NO_UNIT = 1  # of resolution
_PER_INCH = {2: 1.0, 3: 2.54}  # units of resolution: inch, centimetre

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # a UserError reports broken files


@dataclass(frozen=True)
class Tiff:
    """The first page of a TIFF whose stream is open, together with the others where pages are channels of values."""

    path: Path | Encoded
    page: "TiffPage"
    samples: Samples
    header: Header
    parts: Parts | PagesOfChannels
    raw: bool = False  # are the stored values read in place of colours?

    def decode(self, channels: int, srgb: bool) -> np.ndarray:
        """The whole picture: see `region`."""
        return self.region(0, 0, *self.parts.shape[:2], channels, srgb)

    def region(self, top: int, left: int, height: int, width: int, channels: int, srgb: bool) -> np.ndarray:
        """[height, width, C] as stored (not turned upright), uint8 or uint16; if `raw` in the type of the file.

        C: gray, gray + alpha, RGB, RGB + alpha, or `channels` plain bands. A fourth band that is not alpha, such as near infrared,
        is left out unless `channels` is 4. The array may be read-only.
        srgb: convert colours with a profile to sRGB
        """
        samples = self.samples
        if samples.colours == "bands" and channels != samples.bands and not self.raw:
            bands = samples.bands
            raise UserError(
                f"{self.path}: has {bands} bands, which the file does not declare as colours; train with channels: {bands}, "
                f"which reads them as they are, or {CONVERT}"
            )
        try:
            stored = self.parts.read(top, left, height, width)
            if self.raw:
                return stored
            if samples.extra == "band" and (samples.colours != "RGB" or channels != samples.bands):
                stored = stored[..., :-1]
            return self._coloured(stored, self._conversion() if srgb else None)
        except UserError:
            raise
        except Exception as failure:  # decoders raise nearly anything on damaged data
            if no_room(failure):
                raise OutOfMemory(f"{self.path}: no memory for {width} x {height} of its pixels") from failure
            raise UserError(f"{self.path}: damaged or cut short ({reason(failure)}); replace or remove it") from failure

    @property
    def dots_per_inch(self) -> tuple[float, float] | None:
        """Dots per inch across and down, as stored; None if the file does not say."""
        factor = _PER_INCH.get(self.page.tags.valueof(_UNIT, 2))
        return None if factor is None else _resolution(self.page, factor)

    @property
    def pixels_per_unit(self) -> tuple[float, float] | None:
        """Pixels per unit across and down, as stored, where the tags name no unit: ImageJ's description names it."""
        return _resolution(self.page, 1.0) if self.page.tags.valueof(_UNIT, 2) == _NO_UNIT else None

    def _conversion(self) -> Conversion | None:
        if self.samples.colours in ("palette", "bands"):
            return None
        model = "CMYK" if self.samples.colours == "CMYK" else "RGB" if self.samples.channels >= 3 else "GRAY"
        return conversion(self.page.iccprofile, model, self.header.depth, self.path)

    def _coloured(self, stored: np.ndarray, to_srgb: Conversion | None) -> np.ndarray:
        """Convert stored samples to gray or RGB over the full range, with alpha if the file has one."""
        colours = self.samples.colours
        if colours == "palette":
            table = _palette(self.page)
            return by_bands(stored.view(np.uint8), lambda band: np.concatenate([table[band[..., 0]], band[..., 1:]], axis=2))
        pixels = full_range(stored, self.samples.bits)
        if colours == "white is zero":
            pixels = writable(pixels)
            np.subtract(np.iinfo(pixels.dtype).max, pixels[..., :1], out=pixels[..., :1])
        elif colours == "CMYK" and to_srgb is None:
            pixels = by_bands(pixels, cmyk_to_rgb)
        elif colours == "YCbCr" and not (self.page.compression == JPEG and self.page.planarconfig == 1):  # tifffile decodes those to RGB
            pixels = by_bands(pixels, lambda band: np.asarray(Image.fromarray(band, "YCbCr").convert("RGB")))
        if self.samples.extra == "multiplied alpha":
            pixels = writable(pixels)
            for rows in rows_of(*pixels.shape[:2]):
                divide_by_alpha(pixels[rows])
        return to_srgb.of_colours(pixels) if to_srgb else pixels


def open_page(
    stream: IO[bytes],
    path: Path | Encoded,
    max_pixels: int = MAX_PIXELS,
    by_parts: bool = False,
    kept_bytes: int = 0,
    look: Callable[[Header], None] = lambda header: None,
    raw: bool = False,
) -> Tiff:
    """The first page of a TIFF, checked but not decoded. `UserError` if it is damaged, too large, or of a kind that is not read.

    max_pixels: the bound on the picture, or on each of its strips or tiles
    by_parts: the picture may be of any size, because regions of it will be read; `kept_bytes`: see `Parts`
    look: is given the header before the sizes are checked; raw: the stored values are read, of any numeric type
    """
    import tifffile
    from tifffile.tifffile import TIFF

    try:
        several = _check_directories(stream, path, max_pixels)
        stream.seek(0)
        vendors: dict[str, Any] = {f"is_{vendor}": False for vendor in TIFF.FILE_FLAGS}  # tifffile reads vendors' files in special ways
        page = tifffile.TiffFile(stream, name="x.tif", **vendors).pages.first
        assert isinstance(page, tifffile.TiffPage)
        samples = values_of(page, path) if raw else samples_of(page, path)
        pages = _pages(page, stream, path) if raw and several and samples.bands == 1 else [page]
        if len(pages) > 1:
            samples, several = replace(samples, bands=len(pages)), False
        each = [Parts(one, stream, path, kept_bytes // len(pages), divide=by_parts) for one in pages]
        turned = page.tags.valueof(_ORIENTATION, 1)
        orientation = turned if turned in range(1, 9) else 1
        width, height = (page.imagewidth, page.imagelength) if orientation < 5 else (page.imagelength, page.imagewidth)
        depth = samples.bits if raw else 16 if samples.bits > 8 else 8
        values = np.dtype(page.dtype).name if raw else ""
        header = Header(width, height, samples.channels, depth, samples.colours == "palette", several, orientation, values)
        look(header)
        for parts in each:
            if by_parts:
                _check_part(parts, page.is_tiled, samples, path, max_pixels)
            else:
                _check_whole(parts, samples, path, max_pixels)
        return Tiff(path, page, samples, header, PagesOfChannels(each) if len(each) > 1 else each[0], raw)
    except UserError:
        raise
    except Exception as failure:  # damaged tags
        raise UserError(f"{path}: its header is damaged ({reason(failure)}); replace or remove it") from failure


def _pages(first: "TiffPage", stream: IO[bytes], path: Path | Encoded) -> list["TiffPage"]:
    """The pages that are channels of one picture, by the description of the first. `UserError` if they are missing or not alike."""
    import tifffile

    count = declared_channels(first.description)
    if count == 1:
        return [first]
    claim = f"{path}: its description says that {count} pages are channels, but"
    known = sum(1 for _ in islice(directories(stream, path), count))  # which checks their tags
    if known < count:
        raise UserError(f"{claim} it has {known} pages; write it again, or remove it")
    pages = [first]
    for number in range(1, count):
        page = first.parent.pages[number]
        assert isinstance(page, tifffile.TiffPage)
        if (page.shape, page.dtype, page.tile, page.photometric) != (first.shape, first.dtype, first.tile, first.photometric):
            raise UserError(f"{claim} page {number + 1} has another size or type; write it again, or remove it")
        values_of(page, path)
        pages.append(page)
    return pages


def _check_directories(stream: IO[bytes], path: Path | Encoded, max_pixels: int) -> bool:
    """Check the tags of the first page, which tifffile would trust. Are there more pages? Smaller copies and masks do not count."""
    pages = directories(stream, path)
    first = next(pages, None)
    if first is None:
        raise ValueError("no directory of tags")
    raw = kind_of_name("x.dng")
    if raw and (_DNG_VERSION in first or kind_of_name(path.name) is raw):
        raise UserError(f"{path}: {advice(raw, path.name)}")
    check_pixels(f"{path}: claims tiles of", first.get(_TILE_WIDTH, 1), first.get(_TILE_LENGTH, 1), weight=8, max_pixels=max_pixels)
    return any(not page.get(_SUBFILE, 0) & 0b101 and page.get(_OLD_SUBFILE, 0) != 2 for page in pages)


def _check_whole(parts: Parts, samples: Samples, path: Path | Encoded, max_pixels: int) -> None:
    height, width, _ = parts.shape
    check_pixels(f"{path}: claims", width, height, samples.weight, max_pixels)
    # Tiles may be larger than the picture, and are decoded as a whole, one by one.
    size = parts.across * parts.wide, parts.down * parts.tall
    check_pixels(f"{path}: claims tiles for", *size, -(-samples.weight // 2), max_pixels)


def _check_part(parts: Parts, tiled: bool, samples: Samples, path: Path | Encoded, max_pixels: int) -> None:
    claim = f"{path}: claims {'tiles' if tiled else 'strips'} of"
    check_pixels(claim, parts.wide, parts.tall, samples.weight, max_pixels, "save it in tiles: tiffcp -t FILE NEW.tif")
    parts.check_index()


def _resolution(page: "TiffPage", factor: float) -> tuple[float, float] | None:
    across, down = page.tags.valueof(_ACROSS), page.tags.valueof(_DOWN)
    if not (isinstance(across, tuple) and isinstance(down, tuple) and across[1:2] > (0,) and down[1:2] > (0,)):
        return None
    return resolution(across[0] / across[1] * factor, down[0] / down[1] * factor)


def _palette(page: "TiffPage") -> np.ndarray:
    """[colours, 3] uint8."""
    table = np.asarray(page.colormap).reshape(3, -1).T
    if len(table) < 2**page.bitspersample:
        raise ValueError(f"a palette of {len(table)} colours for {page.bitspersample} bits")
    return (table if table.max() < 256 else table >> 8).astype(np.uint8)  # some writers store 8 bits in place of 16
