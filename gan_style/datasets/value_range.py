"""Finding the range of a domain's values, and the type of its files, in the training files. Of masked images the values inside count."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gan_style.config.data import DataConfig, DomainConfig
from gan_style.datasets.masks import labels_of, read_labels, size_mistake
from gan_style.datasets.pairs import Shape, mismatch
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import Source
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import Encoded, TooLarge
from gan_style.files.regions import open_regions, read_in_parts
from gan_style.files.scale import nodata_of, present, thinned
from gan_style.files.volumes import Neighbours
from gan_style.terminal.counted import counted, percent
from gan_style.terminal.progress import Progress

LOOKED_AT = 3000  # files, evenly spread over a set
_FROM_EACH = 4096  # values of a file that percentiles are taken from
_MIDDLE = 2048  # pixels of a side, of a file that is too large to be decoded at once
_ENDS = (0.5, 99.5)  # percent
_WRITTEN = ("uint8", "int8", "uint16", "int16", "int32", "float32")


@dataclass(frozen=True)
class FoundValues:
    """The values of a domain's training files.

    range: as the key `range`: one, or one for each channel where an image is several files
    dtype: the type of the files, or the type of results that holds all of theirs
    """

    range: tuple[float, float] | list[tuple[float, float]]
    dtype: str


def find_values(source: Source, config: DataConfig, domain: str) -> FoundValues:
    """The range of domain "a" or "b" as its key `range` asks for it, and the type of its files. Each file is looked at once.

    `UserError` names a file that cannot be read, or has values that are not there where `missing` refuses them, or says that all values
    are equal.
    """
    settings: DomainConfig = getattr(config, f"domain_{domain}")
    places = spread(len(source.keys(domain)), LOOKED_AT)
    inputs = [_Input(channels) for channels in _divided(source, settings, domain)]
    types = set[str]()
    with Progress("looking at the values", "files", len(places), brief=True) as progress:
        for place in places:
            values, inside, nodata = _stored(source, settings, domain, place, alone=True)
            types.add(values.dtype.name)
            gone = values.size - present(values, nodata).size  # training reads the values outside the mask too
            if gone and settings.missing == "refuse":  # training would end where it meets the file, hours later
                raise UserError(
                    f"{source.name(domain, place)}: {gone} of its {values.size} values are not there (not a number, infinite, or the "
                    f"file's value of no data); set data.domain_{domain}.missing to the value that takes their place, or remove the file"
                )
            for each in inputs:
                each.add(present(values[inside, each.channels], nodata))
            progress.update()
    dtype = _type(types)
    if not isinstance(settings.range, str):
        assert settings.range is not None
        return FoundValues(settings.range, dtype)
    ranges: list[tuple[float, float]] = []
    for number, each in enumerate(inputs):
        low, high = each.ends(settings.range)
        if not low < high:
            raise UserError(
                f"data.domain_{domain}.range: {settings.range} finds no two values in {counted(len(places), 'file')} of domain "
                f"{domain.upper()}, such as {source.files(domain, 0)[number]}; give the range as two numbers: [low, high]"
            )
        ranges += [(low, high)] * (each.channels.stop - each.channels.start)
    return FoundValues(ranges[0] if len(inputs) == 1 else ranges * source.slices.get(domain, 1), dtype)


def describe_values(source: Source, config: DataConfig) -> Iterator[str]:
    """A line for each domain with a range: the range, the type of results, and the share of values beyond in some of the files."""
    for domain in source.domains:
        settings: DomainConfig = getattr(config, f"domain_{domain}")
        if (scale := settings.scale) is None:
            continue
        beyond, looked = 0.0, 0
        for place in spread(len(source.keys(domain)), 32):
            try:
                values, inside, nodata = _stored(source, settings, domain, place)
            except UserError:  # reported when training reads the file
                continue
            beyond += scale.beyond(values[inside][None], nodata)
            looked += 1
        outside = f"; {percent(beyond / looked)} of the values in {counted(looked, 'file')} are beyond and are cut" if beyond else ""
        yield f"domain {domain.upper()}: {scale.words()}; results are {settings.type}{outside}"


class _Input:
    """The values of one of the files that an image consists of, over all images. channels: the file's, in the image"""

    def __init__(self, channels: slice) -> None:
        self.channels = channels
        self._least, self._most, self._some = np.inf, -np.inf, list[np.ndarray]()

    def add(self, there: np.ndarray) -> None:
        """Take the values of one file that are there."""
        if there.size:
            self._least, self._most = min(self._least, float(there.min())), max(self._most, float(there.max()))
            self._some.append(thinned(there, _FROM_EACH, self.channels.stop - self.channels.start).astype(np.float64))

    def ends(self, kind: str) -> tuple[float, float]:
        """The range. kind: auto or percentiles"""
        if kind == "percentiles" and self._some:
            low, high = np.percentile(np.concatenate(self._some), _ENDS)
            return float(low), float(high)
        return float(self._least), float(self._most)


def _divided(source: Source, settings: DomainConfig, domain: str) -> list[slice]:
    """The channels of each file in an image of a domain, as the first image shows them."""
    if source.inputs(domain) == 1:
        return [slice(0, settings.channels // source.slices.get(domain, 1))]
    counts = [images.probe(file, raw=True).channels for file in source.files(domain, 0)]
    return [slice(sum(counts[:place]), sum(counts[: place + 1])) for place in range(len(counts))]


def _stored(
    source: Source, settings: DomainConfig, domain: str, place: int, alone: bool = False
) -> tuple[np.ndarray, np.ndarray, float | None]:
    """The stored values [H, W, C] of an image, or of its middle; [H, W] bool, which of them are inside; the value of no data.

    alone: of a slice without its neighbours
    """
    image, middle, channels = source.image(domain, place), False, settings.channels
    if isinstance(image, Neighbours) and alone:
        image, channels = replace(image, count=1), channels // image.count
    try:
        picture = images.read(image, channels, raw=True)
        values, metadata = picture.pixels, picture.metadata
    except TooLarge:
        if isinstance(image, Encoded | Neighbours) or not read_in_parts(image):
            raise
        with open_regions(image, settings.channels, raw=True) as reader:
            height, width = min(_MIDDLE, reader.height), min(_MIDDLE, reader.width)
            values = reader.read((reader.height - height) // 2, (reader.width - width) // 2, height, width)
            metadata, middle = reader.metadata, True
    if source.layout == "aligned":
        half = values.shape[1] // 2
        values = values[:, :half] if domain == "a" else values[:, half:]
    inside = _inside(source, domain, place, middle, values) if source.masks else np.ones(values.shape[:2], bool)
    return values, inside, nodata_of(metadata.nodata)


def _inside(source: Source, domain: str, place: int, middle: bool, values: np.ndarray) -> np.ndarray:
    """[H, W] bool: the places of an image, or of its middle, that are inside its mask. values: those of the image"""
    path = source.mask(domain, place)
    if middle and isinstance(path, Path):
        with open_regions(path, 1, raw=True) as reader:
            height, width = values.shape[:2]
            labels = labels_of(reader.read((reader.height - height) // 2, (reader.width - width) // 2, height, width))
    else:
        labels = read_labels(path)
    shapes = [Shape(name, each.shape[1], each.shape[0], 1) for name, each in ((str(path), labels), (source.name(domain, place), values))]
    if mistake := size_mistake(shapes[0], shapes[1]):
        raise UserError((domain == "b" and source.paired and _no_pair(source, place, shapes[1])) or mistake)
    return labels[..., 0] != 0


def _no_pair(source: Source, place: int, b: Shape) -> str | None:
    """Why an image of domain B is no partner of its image of domain A, whose mask it shares; None if it can be one."""
    image = source.image("a", place)
    if source.layout == "aligned":  # both are halves of one file
        return None
    try:
        header = images.probe(image, raw=True)
    except TooLarge:
        return None
    return mismatch(Shape(str(image), header.width, header.height, 1), b)


def _type(found: set[str]) -> str:
    """The type of results that holds the values of all these types; float32 if there is no smaller one."""
    return next((name for name in _WRITTEN if all(np.can_cast(each, name) for each in found)), "float32")
