"""What a check of a data set finds in one file."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from gan_style.datasets.measured import MeasuredValues, all_measured, measured_values
from gan_style.datasets.values import Values, together, values_of
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import TooLarge
from gan_style.files.regions import open_regions, probe_regions, read_in_parts
from gan_style.files.scale import nodata_of
from gan_style.files.volumes import Volume

PART = 2048  # side of what is read at once of a file that is too large, in pixels


@dataclass(frozen=True)
class Facts:
    """The findings about one file: its header, or why it cannot be read, and its values; for a side-by-side file those of each half.

    in_parts: it is too large to be decoded at once
    measured: its values, if they are no colours
    """

    header: images.Header | None
    problem: str | None
    values: tuple[Values, ...] = ()
    in_parts: bool = False
    measured: tuple[MeasuredValues, ...] = ()


def inspect(image: Path | images.Encoded, halves: bool = False) -> Facts:
    """Decode one file at its own number of channels. halves: the file holds two images side by side"""
    try:
        try:
            header = images.probe(image)
        except TooLarge:
            if halves or not isinstance(image, Path) or not read_in_parts(image):
                raise
            return _inspected_in_parts(image)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*: holds several pages")  # the notes count them
            picture = images.read(image, header.channels)
    except UserError as mistake:
        return _inspected_values(image, halves) or Facts(None, str(mistake))
    middle = picture.pixels.shape[1] // 2
    parts = (picture.pixels[:, :middle], picture.pixels[:, middle:]) if halves and middle else (picture.pixels,)
    return Facts(header, None, tuple(values_of(part, header.palette) for part in parts))


def _inspected_values(image: Path | images.Encoded, halves: bool) -> Facts | None:
    """The facts about a file of values that are no colours; None if it is none."""
    try:
        header = images.probe(image, raw=True)
    except UserError:
        return None
    if not header.values and header.slices == 1:
        return None
    try:
        if header.slices > 1 and isinstance(image, Path):
            return _inspected_volume(image, header)
        picture = images.read(image, header.channels, raw=True)
    except UserError as mistake:
        return Facts(None, str(mistake))
    nodata = nodata_of(picture.metadata.nodata)
    middle = header.width // 2 if halves else header.width
    parts = (picture.pixels[:, :middle], picture.pixels[:, middle:]) if halves else (picture.pixels,)
    return Facts(header, None, measured=tuple(measured_values(part, nodata) for part in parts))


def _inspected_volume(path: Path, header: images.Header) -> Facts:
    """The facts about a volume, whose slices are read one after another."""
    with Volume(path) as volume:
        nodata = nodata_of(volume.metadata.nodata)
        found = [measured_values(volume.read(depth), nodata) for depth in range(volume.slices)]
    return Facts(header, None, measured=(all_measured(found),))


def _inspected_in_parts(path: Path) -> Facts:
    """The facts about a file that is too large to be decoded at once."""
    header = probe_regions(path)
    with open_regions(path, header.channels) as reader:
        found = [values_of(part, header.palette, guess=False) for part in reader.parts(PART)]
    return Facts(header, None, (together(found),), in_parts=True)
