"""How the images of a domain look, as some of them show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Literal

from gan_style.datasets.reading import half
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import Source
from gan_style.datasets.values import MOST, values_of
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.several import Several
from gan_style.files.volumes import Neighbours
from gan_style.label_maps.colours import frequent, summed

LOOKED_AT = 16  # images of a domain, evenly spread
MOST_COLOURS = 4  # channels of a picture: RGB and alpha


@dataclass(frozen=True)
class Look:
    """The images of one domain, as some of them look.

    images: all for training; width, height: the middle of those looked at, in pixels; depth: bits of a value
    gray: have they one channel, alpha aside?
    labels: are they label maps: "no"; "palette", by their files; "colours", by their few colours in areas; "noisy", by their colours with
        traces of JPEG or blended edges
    classes: colours of label maps; 0 for others
    values: the types of the values, such as "float32", of measurements, which have no colours; channels: of measurements
    volumes: in which the images are slices; slices: of each image, with its neighbours; 0 for others
    """

    images: int
    width: int
    height: int
    gray: bool = False
    depth: int = 8
    labels: Literal["no", "palette", "colours", "noisy"] = "no"
    classes: int = 0
    values: str = ""
    channels: int = 0
    volumes: int = 0
    slices: int = 0


def look_of(source: Source, domain: str, measured: bool) -> Look:
    """How the images of domain "a" or "b" look. `UserError` names the first one that cannot be read.

    measured: are they measurements, even if their type could be that of pictures?
    """
    headers: list[images.Header] = []
    colours: list[dict] = []
    types: set[str] = set()
    for place in spread(len(source.keys(domain)), LOOKED_AT):
        image = source.image(domain, place)
        header = header_of(image)
        raw = measured or bool(source.slices) or bool(header.values) or header.channels > MOST_COLOURS or _of_bands(image, header)
        picture = images.read(image, header.channels, raw=raw)
        if raw:
            types.add(picture.pixels.dtype.name)
        if source.layout == "aligned":
            picture = half(picture, domain, str(image))
        height, width = picture.pixels.shape[:2]
        headers.append(images.Header(width, height, header.channels, header.depth, header.palette))
        if raw:
            continue
        if found := values_of(picture.pixels, header.palette).colours:
            colours.append(found)
    shorter = median_low(sorted((min(each.width, each.height), each.width, each.height) for each in headers))
    if types:
        return Look(
            len(source.keys(domain)),
            *shorter[1:],
            values="/".join(sorted(types)),
            channels=headers[0].channels,
            volumes=source.volumes(domain),
            slices=source.slices.get(domain, 0),
        )
    labels, classes = "no", 0
    if len(colours) == len(headers):
        labels, classes = _labels(headers, summed(colours), 1 if headers[0].channels <= 2 else 3)
    gray = all(each.channels <= 2 for each in headers)
    return Look(len(source.keys(domain)), *shorter[1:], gray, max(each.depth for each in headers), labels, classes)


def _labels(headers: Sequence[images.Header], counts: dict, channels: int) -> tuple[Literal["no", "palette", "colours", "noisy"], int]:
    """Are images of few colours label maps, and of how many classes? Lines on a ground are not: they fill no areas."""
    if all(header.palette for header in headers):
        return "palette", len(counts)
    kept = frequent(counts, channels) if len(counts) <= MOST else []
    if len(kept) < 2:
        return "no", 0
    return ("colours" if len(kept) == len(counts) else "noisy"), len(kept)


def header_of(image: Path | images.Encoded | Several | Neighbours) -> images.Header:
    """The header of a picture, or of a file of measurements."""
    try:
        return images.probe(image)
    except UserError:
        header = images.probe(image, raw=True)
        if not header.values:
            raise
        return header


def _of_bands(image: Path | images.Encoded | Several | Neighbours, header: images.Header) -> bool:
    """Are the four channels bands, of which none is alpha, as of a satellite?"""
    if header.channels < MOST_COLOURS:
        return False
    try:
        images.read(image, 3)
    except UserError:  # of a damaged file too, which the next reader names
        return True
    return False
