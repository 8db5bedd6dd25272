"""Images that lie in several files: their channels follow one another in the order of the files.

The files of an image have one size and one type of values, which are read as they are stored.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import MAX_BYTES, Header, check_pixels
from gan_style.files.formats.format import File, Picture, Wanted
from gan_style.files.formats.registry import format_of
from gan_style.files.region_reader import RegionReader
from gan_style.files.tiff_metadata import Metadata

_FLOAT = 4  # bytes of a value for a network


@dataclass(frozen=True)
class Several:
    """The files of one image."""

    files: tuple[Path, ...]

    def __str__(self) -> str:
        return " + ".join(map(str, self.files))


def probe_several(image: Several, raw: bool) -> Header:
    """The header of the whole image. `UserError` as for one file, and if two files differ."""
    _check_raw(image, raw)
    headers = _headers(image)
    return replace(headers[0], channels=sum(header.channels for header in headers))


def read_several(image: Several, wanted: Wanted) -> Picture:
    """Decode all files. The channels follow one another; everything else is that of the first file."""
    _check_raw(image, wanted.raw)
    headers = _headers(image)
    first, channels = headers[0], sum(header.channels for header in headers)
    wanted.look(replace(first, channels=channels))
    _check_channels(image, headers, wanted)
    weight = channels * (first.depth // 8 + _FLOAT)
    check_pixels(f"{image}: claim", first.width, first.height, weight, wanted.max_pixels)
    pictures: list[Picture] = []
    for path, header in zip(image.files, headers, strict=True):
        with File(path, 3 * wanted.max_pixels) as file:
            pictures.append(format_of(file).read(file, Wanted(header.channels, False, wanted.max_pixels, raw=True)))
    _check_nodata(image, [picture.metadata for picture in pictures])
    return replace(pictures[0], pixels=np.concatenate([picture.pixels for picture in pictures], axis=2))


def open_several(image: Several, wanted: Wanted, kept_bytes: int) -> RegionReader:
    """Open all files to read regions. kept_bytes: most bytes of decoded parts that are kept, of all files together"""
    _check_raw(image, wanted.raw)
    headers = _headers(image, regions=True)
    _check_channels(image, headers, wanted)
    with ExitStack() as stack:
        readers: list[RegionReader] = []
        for path, header in zip(image.files, headers, strict=True):
            file = File(path, max_bytes=float("inf"))
            stack.callback(file.close)
            own = Wanted(header.channels, False, wanted.max_pixels // len(headers), raw=True)
            readers.append(format_of(file).open_regions(file, own, kept_bytes // len(headers)))
            stack.callback(readers[-1].close)
        _check_nodata(image, [reader.metadata for reader in readers])
        return _Regions(image, readers, wanted.channels, stack.pop_all())


class _Regions(RegionReader):
    def __init__(self, image: Several, readers: Sequence[RegionReader], channels: int, opened: ExitStack) -> None:
        first = readers[0]
        size = first.height, first.width
        super().__init__(image.files[0], size, channels, first.depth, orientation=first.orientation, metadata=first.metadata)
        self._readers, self._opened = readers, opened

    def close(self) -> None:
        self._opened.close()

    def _region(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        return np.concatenate([reader.read(top, left, height, width) for reader in self._readers], axis=2), None


def _check_raw(image: Several, raw: bool) -> None:
    if not raw:
        raise UserError(f"{image}: several files of one image are measurements; set the domain's range (docs/guide/measurements.md)")


def _headers(image: Several, regions: bool = False) -> list[Header]:
    """The headers of all files. `UserError` names the first file that does not fit the first of all."""
    headers: list[Header] = []
    for path in image.files:
        with File(path, float("inf") if regions else MAX_BYTES) as file:
            form = format_of(file)
            headers.append(form.probe_regions(file, raw=True) if regions else form.probe(file, raw=True))
    check_alike(dict(zip(map(str, image.files), headers, strict=True)))
    return headers


def check_alike(headers: Mapping[str, Header]) -> None:
    """`UserError` names the first file of an image whose size or type is not that of the first of all. headers: name -> header"""
    _check_same(
        {
            name: f"{header.width} x {header.height}{f' x {header.slices}' if header.slices > 1 else ''} pixels"
            for name, header in headers.items()
        },
        "cut or resample one of them",
    )
    _check_same({name: f"{header.values or f'uint{header.depth}'} values" for name, header in headers.items()}, "store both as one type")


def _check_same(found: Mapping[str, str], advice: str) -> None:
    """`UserError` names the first file that has something else than the first of all. found: file -> what it has, in words"""
    first, usual = next(iter(found.items()), ("", ""))
    for name, each in found.items():
        if each != usual:
            raise UserError(f"{name}: has {each}, but {first}, another file of the same image, has {usual}; {advice}")


def _check_nodata(image: Several, found: Sequence[Metadata]) -> None:
    named = zip(map(str, image.files), found, strict=True)
    _check_same({name: f"{metadata.nodata or 'nothing'} as its value of no data" for name, metadata in named}, "give both the same")


def _check_channels(image: Several, headers: Sequence[Header], wanted: Wanted) -> None:
    counts = [header.channels for header in headers]
    if sum(counts) != wanted.channels:
        added = " + ".join(map(str, counts))
        raise UserError(
            f"{image}: have {added} = {sum(counts)} channels of values, but {wanted.channels} are read; replace the file that has too "
            f"few or too many, or train with the domain's channels={sum(counts)}"
        )
