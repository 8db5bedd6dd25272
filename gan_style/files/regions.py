"""Reading a picture region by region, so that its size does not bound what can be done with it.

TIFFs are decoded strip by strip or tile by tile, slides by OpenSlide. Other pictures are decoded at once and cut.
"""

from pathlib import Path

from gan_style.files.bounded import MAX_PIXELS, Encoded, Header
from gan_style.files.formats.format import File, Wanted
from gan_style.files.formats.registry import format_of
from gan_style.files.kinds import TIFF_SUFFIXES, is_slide_name
from gan_style.files.region_reader import RegionReader
from gan_style.files.several import Several, open_several
from gan_style.files.volumes import Neighbours

_BY_REGIONS = TIFF_SUFFIXES | {".npy", ".nii", ".zarr"}
KEPT_BYTES = 2**27  # of decoded strips or tiles


def read_in_parts(path: Path | Several | Neighbours) -> bool:
    """Do the names say that regions of the file, or of all files, can be read without decoding all of it?"""
    if isinstance(path, Several):
        return all(map(read_in_parts, path.files))
    if isinstance(path, Neighbours):
        return False
    return path.suffix.lower() in _BY_REGIONS or is_slide_name(path.name)


def probe_regions(path: Path) -> Header:
    """The header of a picture that `open_regions` opens, of any size. `UserError` as there."""
    with File(path, max_bytes=float("inf")) as file:
        return format_of(file).probe_regions(file)


def open_regions(
    path: Path | Encoded | Several,
    channels: int,
    srgb: bool = True,
    max_pixels: int = MAX_PIXELS,
    kept_bytes: int = KEPT_BYTES,
    raw: bool = False,
) -> RegionReader:
    """Open `path` to read regions of 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGB + alpha) channels, each what `images.read` gives.

    srgb: convert colours with a profile to sRGB; False for label maps
    max_pixels: the bound on what is decoded at once: a strip or tile of a TIFF, or another picture as a whole; see `check_pixels`
    kept_bytes: most bytes of decoded strips or tiles that are kept. Regions row by row are fast where a row of tiles fits.
    raw: the stored values instead of colours, see `formats.format.Wanted`
    A TIFF may have any number of bytes and pixels; the index of its strips or tiles is held, 40 bytes for each number in it.
    `UserError` as `images.read`, and for a slide without the extra that reads slides.
    """
    wanted = Wanted(channels, srgb, max_pixels, raw=raw)
    if isinstance(path, Several):
        return open_several(path, wanted, kept_bytes)
    file = File(path, max_bytes=float("inf"))
    try:
        return format_of(file).open_regions(file, wanted, kept_bytes)
    except BaseException:
        file.close()
        raise
