"""Pixels of a large file of which training reads the crop alone."""

from collections import OrderedDict
from pathlib import Path

import numpy as np

from gan_style.config.data import DataConfig, DomainConfig
from gan_style.errors import UserError
from gan_style.files.region_reader import RegionReader
from gan_style.files.regions import open_regions, read_in_parts
from gan_style.files.scale import nodata_of
from gan_style.files.several import Several
from gan_style.files.volumes import Neighbours
from gan_style.label_maps.colours import to_nearest

_KEPT_BYTES = 2**24  # of decoded tiles for each file: crops lie at random places
_MOST_OPEN = 8

_open: OrderedDict[tuple[str, tuple[int, ...], int, bool, bool], RegionReader] = OrderedDict()  # of this process, the newest last


class PartlyRead:
    """Stands for the pixels [H, W, C] of a file. `pixels[top:bottom, left:right]` reads that part, with the bits of `images.read`,

    or in [-1, 1] for a domain with a range.
    """

    def __init__(self, path: Path | Several, settings: DomainConfig, srgb: bool) -> None:
        self.path, self.settings, self.srgb = path, settings, srgb
        reader = self._reader()
        if settings.labels == "nearest" and reader.depth != 8:
            raise UserError(f"{path}: has 16 bits; label maps need 8: save it as PNG of 8 bits")
        self.shape = (reader.height, reader.width, reader.channels)
        self.dtype = np.dtype(np.float32 if settings.scale else np.uint8 if reader.depth == 8 else np.uint16)
        self.palette, self.orientation = reader.labels, reader.orientation

    def __getitem__(self, part: tuple[slice, slice]) -> np.ndarray:
        rows, columns = (range(size)[each] for each, size in zip(part, self.shape[:2], strict=True))
        reader = self._reader()
        pixels = reader.read(rows.start, columns.start, len(rows), len(columns))
        if scale := self.settings.scale:
            return scale.inward(pixels, str(self.path), nodata_of(reader.metadata.nodata))[0]
        colours = self.settings.colours if self.settings.labels == "nearest" else None
        return to_nearest(pixels, colours) if colours else pixels

    def _reader(self) -> RegionReader:
        files = self.path.files if isinstance(self.path, Several) else (self.path,)
        raw = self.settings.range is not None
        key = str(self.path), tuple(path.stat().st_mtime_ns for path in files), self.settings.channels, self.srgb, raw
        if key in _open:
            _open.move_to_end(key)
            return _open[key]
        reader = open_regions(self.path, self.settings.channels, self.srgb, kept_bytes=_KEPT_BYTES, raw=raw)
        _open[key] = reader
        while len(_open) > _MOST_OPEN:
            _open.popitem(last=False)[1].close()
        return reader


def reads_parts(config: DataConfig, path: Path | Several | Neighbours) -> bool:
    """Is a crop all that training needs of the file, and can the file be read in parts?

    A cache keeps whole images, and `data.transforms` move them.
    """
    wanted = config.preprocess == "crop" and not config.transforms and config.cache == "off"
    return wanted and read_in_parts(path)
