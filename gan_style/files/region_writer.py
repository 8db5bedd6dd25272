"""Writing a picture region by region to a tiled TIFF or BigTIFF.

Regions go to a scratch file, where each has its place. At the end one pass compresses the scratch file into the TIFF, which appears
under its name when it is complete.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import DTypeLike

from gan_style.errors import UserError
from gan_style.files.atomic import replacing
from gan_style.files.kinds import TIFF_SUFFIXES
from gan_style.files.pyramid import build_level, level_sizes
from gan_style.files.tiff_metadata import NO_METADATA, Metadata
from gan_style.files.tiff_tags import meaning_of, tags_of
from gan_style.files.tile_file import TILE, TileFile, scratch_bytes

Compression = Literal["deflate", "lzw", "zstd", "none"]

_CODECS = {"deflate": "zlib", "lzw": "lzw", "zstd": "zstd", "none": None}
_BUFFER = 2**25  # bytes of tiles that are compressed in one go
_CLASSIC = 2**32 - 2**25  # largest file that is written as a classic TIFF, whose offsets have 32 bits


@dataclass(frozen=True)
class Storage:
    """How the TIFF is written, and what it says beside its pixels.

    compression: all of them without loss. Every program reads deflate, LZW and none; zstd is faster and younger
    pyramid: add smaller copies (in SubIFDs), each half the size, which viewers need to zoom out
    metadata: the source's, if the result has its height and width, with the result's own value of no data
    """

    compression: Compression = "deflate"
    pyramid: bool = False
    metadata: Metadata = NO_METADATA


PLAIN = Storage()


class RegionWriter:
    """A TIFF in the making. `write` regions in any order, also again; `finish` makes the file.

    After a kill, a writer of the same sizes and scratch file has all that was written before the last `flush`; `resumed` says so.
    Leaving the `with` block closes the scratch file and keeps it, unless `finish` has removed it. What was never written is 0.
    """

    def __init__(
        self, path: Path, height: int, width: int, channels: int, dtype: DTypeLike | int, scratch: Path, storage: Storage = PLAIN
    ) -> None:
        """path: .tif or .tiff; channels: 1 to 4, gray or RGB, 2 and 4 with alpha; scratch: the file of `scratch_bytes`.

        dtype: 8 or 16 for the bits of pixels, or their type; measurements may have any numeric type
        """
        if path.suffix.lower() not in TIFF_SUFFIXES:
            raise UserError(f"{path}: only TIFFs are written region by region; name it {path.stem}.tif")
        self.path, self.storage = path, storage
        self._pixels = TileFile(scratch, height, width, channels, f"uint{dtype}" if isinstance(dtype, int) else dtype)

    @property
    def resumed(self) -> bool:
        """Does the scratch file hold regions of an earlier process?"""
        return self._pixels.resumed

    @property
    def tiles(self) -> int:
        """How often `finish` calls `done`: once for each tile, and for those of smaller copies twice."""
        levels = level_sizes(self._pixels.height, self._pixels.width) if self.storage.pyramid else []
        return self._pixels.tiles + 2 * sum(-(-height // TILE) * -(-width // TILE) for height, width in levels)

    def write(self, top: int, left: int, pixels: np.ndarray) -> None:
        """Put [h, w, channels] of uint8 or uint16, in sRGB, at `top`, `left`. Fast for whole tiles of `TILE` pixels."""
        self._pixels.write(top, left, pixels)

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """[height, width, channels] of what was written."""
        return self._pixels.read(top, left, height, width)

    def flush(self) -> None:
        """Wait until the written regions are on the disk, before a journal says so."""
        self._pixels.flush()

    def finish(self, done: Callable[[], None] = lambda: None) -> None:
        """Write the TIFF and remove the scratch file. Killed meanwhile, it can be called again. done: is called `tiles` times.

        The same pixels and storage give the same bytes. `UserError` if the disk refuses.
        """
        levels = [self._pixels]
        try:
            for number, _ in enumerate(level_sizes(self._pixels.height, self._pixels.width) if self.storage.pyramid else [], 1):
                levels.append(build_level(levels[-1], self._pixels.path.with_name(f"{self._pixels.path.name}.level{number}"), done))
            with replacing(self.path) as temporary:
                self._write(temporary, levels, done)
        except OSError as failure:
            raise UserError(
                f"{self.path}: cannot be written ({failure.strerror or failure}); free the disk or choose another folder"
            ) from failure
        finally:
            for level in levels[1:]:
                level.remove()
        self._pixels.remove()

    def close(self) -> None:
        """Close the scratch file, and keep it."""
        self._pixels.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _write(self, path: Path, levels: list[TileFile], done: Callable[[], None]) -> None:
        import tifffile

        pixels = self._pixels
        channels, dtype = pixels.channels, pixels.dtype
        raw = sum(scratch_bytes(level.height, level.width, channels, dtype) for level in levels)
        most = raw if self.storage.compression == "none" else raw * 3 // 2  # LZW makes noise larger
        how: dict[str, Any] = {
            "dtype": pixels.dtype,
            "tile": (TILE, TILE),
            **meaning_of(channels, dtype),
            "compression": _CODECS[self.storage.compression],
            "predictor": self.storage.compression != "none",
            "metadata": None,
            "software": False,
            "buffersize": _BUFFER,
        }
        with tifffile.TiffWriter(path, bigtiff=most > _CLASSIC, byteorder="<") as writer:
            for number, level in enumerate(levels):
                shape = (level.height, level.width, channels) if channels > 1 else (level.height, level.width)
                beside: dict[str, Any] = (
                    {"subfiletype": 1}
                    if number
                    else {
                        "subifds": len(levels) - 1,
                        **tags_of(self.storage.metadata, pixels.height, pixels.width, channels, dtype.name),
                    }
                )
                writer.write(_tiles(level, done), shape=shape, **how, **beside)


def _tiles(level: TileFile, done: Callable[[], None]) -> Iterator[np.ndarray]:
    for tile in level.each_tile():
        done()  # before the tile, because tifffile does not ask for more than the last one
        yield tile if level.channels > 1 else tile[..., 0]
