"""Decoding one sample of a source: halves of side-by-side files, pairs of equal size, label maps and pictures."""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.pairs import Shape, doubt
from gan_style.datasets.partly_read import PartlyRead, reads_parts
from gan_style.datasets.survey import Source
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import Encoded, TooLarge
from gan_style.files.regions import read_in_parts
from gan_style.files.scale import nodata_of
from gan_style.files.volumes import Neighbours
from gan_style.label_maps.colours import to_nearest
from gan_style.terminal.counted import percent


@dataclass(frozen=True)
class Loaded:
    """One domain's image of a sample.

    pixels: [H, W, C], uint8 or uint16, or float32 in [-1, 1] of a domain with a range
    labels: is it a label map?; file: its name in messages; orientation: EXIF's, 1 to 8
    size: height and width before a resize; None if there was none
    several: the file holds more than one page or frame
    outside: the share of its values beyond the domain's range, which were cut
    """

    pixels: np.ndarray
    labels: bool
    file: str
    orientation: int = 1
    size: tuple[int, int] | None = None
    several: bool = False
    outside: float = 0.0

    @property
    def shape(self) -> Shape:
        """The shape by which the images of a pair are compared."""
        height, width = self.size or self.pixels.shape[:2]
        return Shape(self.file, width, height, self.orientation)


def read_domain(source: Source, config: DataConfig, domain: str, index: int) -> Loaded:
    """Read image `index` of domain "a" or "b"."""
    settings = config.domain_a if domain == "a" else config.domain_b
    image = source.image(domain, index)
    try:
        picture = images.read(image, settings.channels, srgb=_srgb(settings), raw=settings.range is not None)
    except TooLarge as mistake:
        if isinstance(image, Encoded) or not read_in_parts(image):
            raise
        raise TooLarge(f"{mistake}; training reads crops alone with data.preprocess=crop (docs/guide/large_images.md)") from None
    if source.layout == "aligned":
        picture = half(picture, domain, str(image))
    return _loaded(picture, settings, str(image))


def read_for_crop(source: Source, config: DataConfig, domain: str, index: int) -> Loaded:
    """The same, but of a file of which the crop alone has to be read, `pixels` stands for the file until it is cut (`PartlyRead`)."""
    image = source.image(domain, index)
    if source.layout == "aligned" or isinstance(image, Encoded | Neighbours) or not reads_parts(config, image):
        return read_domain(source, config, domain, index)
    settings = config.domain_a if domain == "a" else config.domain_b
    pixels = PartlyRead(image, settings, _srgb(settings))
    labels = pixels.palette if settings.labels == "auto" else settings.labels != "no"
    return Loaded(cast(np.ndarray, pixels), labels, str(image), pixels.orientation)


def read_both(source: Source, config: DataConfig, index: int) -> dict[str, Loaded]:
    """Read both images of pair `index`."""
    a, b = config.domain_a, config.domain_b
    alike = a.channels == b.channels and _srgb(a) == _srgb(b) and (a.range is None) == (b.range is None)
    if source.layout == "aligned" and alike:  # one decoding serves both
        image = source.image("a", index)
        whole, file = images.read(image, a.channels, srgb=_srgb(a), raw=a.range is not None), str(image)
        return {
            "a": _loaded(half(whole, "a", file), a, file),
            "b": _loaded(half(whole, "b", file), b, file),
        }
    return {domain: read_domain(source, config, domain, index) for domain in ("a", "b")}


def doubts(sample: dict[str, Loaded], masked: bool = False) -> dict[str, str]:
    """Doubts about a sample: kind -> words. masked: has it a mask? Then the range is that of values inside, and others may lie beyond."""
    found = {}
    if len(sample) == 2 and (why := doubt(sample["a"].shape, sample["b"].shape)):
        found["orientation"] = f"{why} (told of the first; data/prepare.py check tells all)"
    for domain, loaded in sample.items():
        if loaded.outside and not masked:
            beyond = f"{percent(loaded.outside)} of its values lie beyond data.domain_{domain}.range"
            found[f"range {domain}"] = f"{loaded.file}: {beyond} and are cut (told of the first)"
    return found


def half(picture: images.Picture, domain: str, file: str) -> images.Picture:
    """The left (domain "a") or right half of a side-by-side picture."""
    width = picture.pixels.shape[1]
    if width % 2:
        raise UserError(f"{file}: is {width} pixels wide, but two equal halves need an even width; crop it or remove it")
    columns = slice(None, width // 2) if domain == "a" else slice(width // 2, None)
    alpha = None if picture.alpha is None else picture.alpha[:, columns]
    return replace(picture, pixels=picture.pixels[:, columns], alpha=alpha)


def _srgb(settings: DomainConfig) -> bool:
    """Are colour profiles applied? Not to label maps, whose colours stand for classes."""
    return settings.labels not in ("yes", "nearest")


def _loaded(picture: images.Picture, settings: DomainConfig, file: str) -> Loaded:
    labels = picture.labels if settings.labels == "auto" else settings.labels != "no"
    pixels = picture.pixels
    if scale := settings.scale:
        pixels, outside = scale.inward(pixels, file, nodata_of(picture.metadata.nodata))
        return Loaded(pixels, False, file, picture.orientation, several=picture.several, outside=outside)
    if settings.labels == "nearest" and settings.colours:
        if pixels.dtype != np.uint8:
            raise UserError(f"{file}: has 16 bits; label maps need 8: save it as PNG of 8 bits")
        pixels = to_nearest(pixels, settings.colours)
    return Loaded(pixels, labels, file, picture.orientation, several=picture.several)
