"""Finding the range of a domain's values, and the type of its files, in the training files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_style.config.data import DataConfig, DomainConfig
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import Source
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import TooLarge
from gan_style.files.regions import open_regions, read_in_parts
from gan_style.files.scale import nodata_of, present
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

    low, high: the range; dtype: the type of the files, or the type of results that holds all of theirs
    """

    low: float
    high: float
    dtype: str


def find_values(source: Source, config: DataConfig, domain: str) -> FoundValues:
    """The range of domain "a" or "b" as its key `range` asks for it, and the type of its files. Each file is looked at once.

    `UserError` names a file that cannot be read, or says that all values are equal.
    """
    settings: DomainConfig = getattr(config, f"domain_{domain}")
    places = spread(len(source.keys(domain)), LOOKED_AT)
    least, most, some, types = np.inf, -np.inf, list[np.ndarray](), set[str]()
    with Progress("looking at the values", "files", len(places), brief=True) as progress:
        for place in places:
            there = _values(source, settings, domain, place)
            types.add(there.dtype.name)
            if there.size:
                least, most = min(least, float(there.min())), max(most, float(there.max()))
                some.append(there[:: max(1, there.size // _FROM_EACH)].astype(np.float64))
            progress.update()
    low, high = settings.range if isinstance(settings.range, tuple) else (least, most)
    if settings.range == "percentiles" and some:
        low, high = (float(each) for each in np.percentile(np.concatenate(some), _ENDS))
    if not low < high:
        raise UserError(
            f"data.domain_{domain}.range: {settings.range} finds no two values in {counted(len(places), 'file')} of domain "
            f"{domain.upper()}, such as {source.name(domain, 0)}; give the range as two numbers: [low, high]"
        )
    return FoundValues(float(low), float(high), _type(types))


def describe_values(source: Source, config: DataConfig) -> Iterator[str]:
    """A line for each domain with a range: the range, the type of results, and the share of values beyond in some of the files."""
    for domain in source.domains:
        settings: DomainConfig = getattr(config, f"domain_{domain}")
        if (scale := settings.scale) is None:
            continue
        beyond, looked = 0.0, 0
        for place in spread(len(source.keys(domain)), 32):
            try:
                there = _values(source, settings, domain, place)
            except UserError:  # reported when training reads the file
                continue
            beyond += float(((there < scale.low) | (there > scale.high)).mean()) if there.size else 0.0
            looked += 1
        outside = f"; {percent(beyond / looked)} of the values in {counted(looked, 'file')} are beyond and are cut" if beyond else ""
        yield f"domain {domain.upper()}: {scale.low:g} becomes -1, {scale.high:g} becomes 1; results are {settings.type}{outside}"


def _values(source: Source, settings: DomainConfig, domain: str, place: int) -> np.ndarray:
    """The stored values of a file, or of its middle, that are there, in one row."""
    image = source.image(domain, place)
    try:
        picture = images.read(image, settings.channels, raw=True)
        values, metadata = picture.pixels, picture.metadata
    except TooLarge:
        if not (isinstance(image, Path) and read_in_parts(image)):
            raise
        with open_regions(image, settings.channels, raw=True) as reader:
            height, width = min(_MIDDLE, reader.height), min(_MIDDLE, reader.width)
            values = reader.read((reader.height - height) // 2, (reader.width - width) // 2, height, width)
            metadata = reader.metadata
    if source.layout == "aligned":
        half = values.shape[1] // 2
        values = values[:, :half] if domain == "a" else values[:, half:]
    return present(values, nodata_of(metadata.nodata))


def _type(found: set[str]) -> str:
    """The type of results that holds the values of all these types; float32 if there is no smaller one."""
    return next((name for name in _WRITTEN if all(np.can_cast(each, name) for each in found)), "float32")
