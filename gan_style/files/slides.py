"""Slides of microscopes, which OpenSlide reads: their full resolution, level 0, region by region.

OpenSlide is an extra. It is a library in C that checks files less strictly than this package does its own: docs/guide/untrusted.md.
"""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_style.errors import UserError
from gan_style.files.bounded import Header, reason, resolution
from gan_style.files.channels import with_channels
from gan_style.files.colour import Conversion, conversion
from gan_style.files.region_reader import RegionReader
from gan_style.files.tiff_metadata import Metadata
from gan_style.machine.memory import room_for

_MICROMETRES = 25_400  # in an inch


def open_slide(path: Path, channels: int, srgb: bool = True) -> RegionReader:
    """Open a slide. Where nothing was scanned, a region has the slide's background colour, usually white.

    srgb: convert colours with a profile to sRGB. `UserError` if the extra is missing or the file is no slide.
    """
    try:
        import openslide  # pyright: ignore[reportMissingImports] - an extra
    except (ImportError, OSError) as failure:  # OSError: the package without its library
        raise UserError(f"{path}: is a slide, which needs OpenSlide ({reason(failure)}): pip install 'gan_style[slides]'") from failure
    if not path.is_file():
        raise UserError(f"{path}: cannot be opened; check the path and its permissions")
    try:
        return _SlideRegions(path, openslide.OpenSlide(path), channels, srgb)
    except UserError:
        raise
    except Exception as failure:  # OpenSlideError, and what damaged properties raise
        raise UserError(f"{path}: OpenSlide cannot open it ({reason(failure)}); replace or remove it") from failure


def header_of(slide: RegionReader) -> Header:
    """The header of an open slide."""
    return Header(slide.width, slide.height, 3, slide.depth, palette=False)


class _SlideRegions(RegionReader):
    def __init__(self, path: Path, slide: Any, channels: int, srgb: bool) -> None:
        width, height = slide.dimensions
        given = slide.properties
        dots = None
        with contextlib.suppress(KeyError, ValueError, ZeroDivisionError):
            dots = resolution(*(_MICROMETRES / float(given[f"openslide.mpp-{axis}"]) for axis in "xy"))
        profile = slide.color_profile
        super().__init__(path, (height, width), channels, depth=8, metadata=Metadata(dots, profile is not None))
        self._slide = slide
        self._to_srgb: Conversion | None = conversion(profile.tobytes(), "RGB", 8, path) if srgb and profile is not None else None
        self._background = "#" + given.get("openslide.background-color", "ffffff")

    def close(self) -> None:
        self._slide.close()

    def _region(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        with room_for(f"{self.path}: no memory to decode {width} x {height} of its pixels"):
            try:
                scanned = self._slide.read_region((left, top), 0, (width, height))
            except Exception as failure:  # OpenSlideError; after one every further call fails
                raise UserError(f"{self.path}: damaged or cut short ({reason(failure)}); replace or remove it") from failure
            picture = Image.new("RGB", scanned.size, self._background)
            picture.paste(scanned, mask=scanned)
            pixels = np.array(picture)
            if self._to_srgb:
                pixels = self._to_srgb.of_colours(pixels)
            return with_channels(pixels, self.channels)
