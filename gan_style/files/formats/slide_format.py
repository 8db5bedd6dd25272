"""Slides of microscopes, read by OpenSlide region by region; see `files.slides`."""

from pathlib import Path

from gan_style.files.bounded import MAX_PIXELS, Header, check_pixels
from gan_style.files.formats.format import File, Format, Picture, Wanted, check_channels
from gan_style.files.kinds import is_slide_name
from gan_style.files.region_reader import RegionReader
from gan_style.files.slides import header_of, open_slide

_BYTES = 6  # that decoding takes for a pixel of a slide: see `check_pixels`


class SlideFormat(Format):
    by_regions = True

    def claims(self, file: File) -> bool:
        return is_slide_name(file.name)

    def probe(self, file: File, raw: bool = False) -> Header:
        with self.open_regions(file, Wanted(3), 0) as slide:
            check_pixels(f"{file.path}: has", slide.width, slide.height, _BYTES, MAX_PIXELS)
            return header_of(slide)

    def probe_regions(self, file: File, raw: bool = False) -> Header:
        with self.open_regions(file, Wanted(3), 0) as slide:
            return header_of(slide)

    def read(self, file: File, wanted: Wanted) -> Picture:
        check_channels(file.path, 3, wanted)
        with self.open_regions(file, wanted, 0) as slide:
            wanted.look(header_of(slide))
            check_pixels(f"{file.path}: has", slide.width, slide.height, _BYTES, wanted.max_pixels)
            pixels = slide.read(0, 0, slide.height, slide.width)
            return Picture(pixels, False, None, dots_per_inch=slide.dots_per_inch, metadata=slide.metadata)

    def open_regions(self, file: File, wanted: Wanted, kept_bytes: int) -> RegionReader:
        check_channels(file.path, 3, wanted)
        assert isinstance(file.path, Path)
        return open_slide(file.path, wanted.channels, wanted.srgb and not wanted.raw)
