"""TIFF and BigTIFF: sizes of strips or tiles are checked, then tifffile decodes them one by one.

Pixels are gray, gray + alpha, RGB or RGB + alpha of 8 or 16 bits: 0 is black, the largest value is white, alpha is not multiplied
in. A kind of TIFF that is not read is refused by its name.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from gan_style.errors import UserError
from gan_style.files.bounded import MAX_BYTES, Encoded, Header, check_pixels, check_scans, reason, resolution
from gan_style.files.colour import Conversion, conversion
from gan_style.files.kinds import advice, kind_of_name
from gan_style.files.samples import by_bands, cmyk_to_rgb, divide_by_alpha, full_range, rows_of, writable
from gan_style.files.tiff_directory import directories
from gan_style.files.tiff_samples import CONVERT, JPEG, Samples, samples_of
from gan_style.machine.memory import OutOfMemory, no_room

if TYPE_CHECKING:
    from tifffile import TiffPage

_SUBFILE, _OLD_SUBFILE, _ORIENTATION, _ACROSS, _DOWN, _UNIT, _TILE_WIDTH, _TILE_LENGTH = 254, 255, 274, 282, 283, 296, 322, 323
_DNG_VERSION = 50706
_PER_INCH = {2: 1.0, 3: 2.54}  # units of resolution: inch, centimetre

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # a UserError reports broken files


@dataclass(frozen=True)
class Tiff:
    """The first page of a TIFF whose stream is open."""

    path: Path | Encoded
    stream: IO[bytes]
    page: "TiffPage"
    samples: Samples
    header: Header

    def decode(self, channels: int, srgb: bool) -> np.ndarray:
        """[H, W, C] as stored (not turned upright), uint8 or uint16: gray, gray + alpha, RGB, RGB + alpha, or `channels` plain bands.

        A fourth band that is not alpha, such as near infrared, is left out unless `channels` is 4.
        srgb: convert colours with a profile to sRGB
        """
        samples = self.samples
        if samples.colours == "bands" and channels != samples.bands:
            bands = samples.bands
            raise UserError(
                f"{self.path}: has {bands} bands, which the file does not declare as colours; train with channels: {bands}, "
                f"which reads them as they are, or {CONVERT}"
            )
        try:
            stored = self._stored()
            if samples.extra == "band" and (samples.colours != "RGB" or channels != samples.bands):
                stored = stored[..., :-1]
            return self._coloured(stored, self._conversion() if srgb else None)
        except UserError:
            raise
        except Exception as failure:  # decoders raise nearly anything on damaged data
            if no_room(failure):
                width, height = self.page.imagewidth, self.page.imagelength
                raise OutOfMemory(f"{self.path}: no memory for its {width} x {height} pixels") from failure
            raise UserError(f"{self.path}: damaged or cut short ({reason(failure)}); replace or remove it") from failure

    @property
    def dots_per_inch(self) -> tuple[float, float] | None:
        """Dots per inch across and down, as stored; None if the file does not say."""
        tags = self.page.tags
        factor = _PER_INCH.get(tags.valueof(_UNIT, 2))
        across, down = tags.valueof(_ACROSS), tags.valueof(_DOWN)
        if factor is None or not (isinstance(across, tuple) and isinstance(down, tuple) and across[1:2] > (0,) and down[1:2] > (0,)):
            return None
        return resolution(across[0] / across[1] * factor, down[0] / down[1] * factor)

    def _conversion(self) -> Conversion | None:
        if self.samples.colours in ("palette", "bands"):
            return None
        model = "CMYK" if self.samples.colours == "CMYK" else "RGB" if self.samples.channels >= 3 else "GRAY"
        return conversion(self.page.iccprofile, model, self.header.depth, self.path)

    def _stored(self) -> np.ndarray:
        """[H, W, bands] as stored: bool, uint8 or uint16."""
        page = self.page
        shape = (page.imagelength, page.imagewidth, page.samplesperpixel)
        planes = shape[2] if page.planarconfig == 2 else 1
        tall, wide = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, shape[1])
        count = -(-shape[0] // tall) * -(-shape[1] // wide) * planes
        offsets, sizes = page.dataoffsets, page.databytecounts
        if len(offsets) < count or len(sizes) < count:
            raise ValueError(f"{min(len(offsets), len(sizes))} of its {count} parts")
        if sum(sizes[:count]) > 2 * MAX_BYTES:
            raise ValueError("its parts are larger than the file")
        options: dict[str, Any] = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if page.compression == JPEG else {}
        stored = None
        for index in range(count):
            if not sizes[index] and page.is_tiled:
                continue  # GDAL leaves out tiles of zeros
            part = self._part(offsets[index], sizes[index], tall, wide)
            decoded, (plane, _, top, left, _), _ = page.decode(part, index, **options)
            del part
            if decoded is None:
                raise ValueError(f"nothing in part {index + 1}")
            decoded = decoded[0, : shape[0] - top, : shape[1] - left]  # [h, w, bands], without the padding of a tile
            if count == 1 and decoded.shape == shape:
                return decoded
            if stored is None:
                stored = np.zeros(shape, decoded.dtype)
            bands = slice(plane, plane + 1) if planes > 1 else slice(None)
            stored[top : top + decoded.shape[0], left : left + decoded.shape[1], bands] = decoded
        return np.zeros(shape, page.dtype) if stored is None else stored

    def _part(self, offset: int, size: int, tall: int, wide: int) -> bytes:
        """The encoded bytes of a strip or tile."""
        self.stream.seek(offset)
        part = self.stream.read(size)
        if not size or len(part) < size:
            raise ValueError(f"{len(part)} bytes where {size or 'some'} should be")
        if self.page.compression == JPEG:
            _check_jpeg(self.path, part, self.page.jpegtables, tall, wide)
        return part

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


def open_page(stream: IO[bytes], path: Path | Encoded) -> Tiff:
    """The first page of a TIFF, checked but not decoded. `UserError` if it is damaged, too large, or of a kind that is not read."""
    import tifffile
    from tifffile.tifffile import TIFF

    try:
        several = _check_directories(stream, path)
        stream.seek(0)
        vendors: dict[str, Any] = {f"is_{vendor}": False for vendor in TIFF.FILE_FLAGS}  # tifffile reads vendors' files in special ways
        page = tifffile.TiffFile(stream, name="x.tif", **vendors).pages.first
        assert isinstance(page, tifffile.TiffPage)
        samples = samples_of(page, path)
        _check_sizes(page, samples, path)
        turned = page.tags.valueof(_ORIENTATION, 1)
        orientation = turned if turned in range(1, 9) else 1
        width, height = (page.imagewidth, page.imagelength) if orientation < 5 else (page.imagelength, page.imagewidth)
        depth = 16 if samples.bits > 8 else 8
        header = Header(width, height, samples.channels, depth, samples.colours == "palette", several, orientation)
        return Tiff(path, stream, page, samples, header)
    except UserError:
        raise
    except Exception as failure:  # damaged tags
        raise UserError(f"{path}: its header is damaged ({reason(failure)}); replace or remove it") from failure


def _check_directories(stream: IO[bytes], path: Path | Encoded) -> bool:
    """Check the tags of the first page, which tifffile would trust. Are there more pages? Smaller copies and masks do not count."""
    pages = directories(stream, path)
    first = next(pages, None)
    if first is None:
        raise ValueError("no directory of tags")
    raw = kind_of_name("x.dng")
    if raw and (_DNG_VERSION in first or kind_of_name(path.name) is raw):
        raise UserError(f"{path}: {advice(raw, path.name)}")
    check_pixels(f"{path}: claims tiles of", first.get(_TILE_WIDTH, 1), first.get(_TILE_LENGTH, 1), weight=8)
    return any(not page.get(_SUBFILE, 0) & 0b101 and page.get(_OLD_SUBFILE, 0) != 2 for page in pages)


def _check_sizes(page: "TiffPage", samples: Samples, path: Path | Encoded) -> None:
    width, height = page.imagewidth, page.imagelength
    tall, wide = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, width)
    if min(width, height, tall, wide) < 1:
        raise ValueError(f"{width} x {height} pixels in parts of {wide} x {tall}")
    check_pixels(f"{path}: claims", width, height, samples.weight)
    # Tiles may be larger than the picture, and are decoded as a whole, one by one.
    check_pixels(f"{path}: claims tiles for", -(-width // wide) * wide, -(-height // tall) * tall, -(-samples.weight // 2))


def _check_jpeg(path: Path | Encoded, data: bytes, tables: bytes | None, tall: int, wide: int) -> None:
    """Refuse a JPEG that claims a larger size than its strip or tile: only the size of the strip or tile has been checked."""
    if tables and _jpeg_size(tables):
        raise ValueError("a picture in the place of JPEG tables")
    size = _jpeg_size(data)
    if not size or size[0] > tall or size[1] > wide:
        raise ValueError(f"a JPEG that is not of {wide} x {tall} pixels")
    check_scans(path, size[1], size[0], data.count(b"\xff\xda"))


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) that a JPEG claims; None if it holds no frame. `ValueError` for bytes between its segments.

    This is stricter than a decoder, which would skip such bytes and find another frame.
    """
    place = 2
    while place + 9 <= len(data):
        marker = data[place + 1]
        if data[place] != 0xFF:
            raise ValueError("a JPEG with bytes between its segments")
        if marker in (0xD9, 0xDA):
            return None
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[place + 5 : place + 7], "big"), int.from_bytes(data[place + 7 : place + 9], "big")
        place += 1 if marker == 0xFF else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def _palette(page: "TiffPage") -> np.ndarray:
    """[colours, 3] uint8."""
    table = np.asarray(page.colormap).reshape(3, -1).T
    if len(table) < 2**page.bitspersample:
        raise ValueError(f"a palette of {len(table)} colours for {page.bitspersample} bits")
    return (table if table.max() < 256 else table >> 8).astype(np.uint8)  # some writers store 8 bits in place of 16
