"""Masks: which pixels of an image count. A mask is a file of one channel: 0 is outside, anything else inside. Its values may be labels.

In folders, trainMask/ (or train/Mask/, Mask/train/) holds a mask for each image, under the image's path up to the suffix. The images of a
pair share theirs, and so do images of equal paths in unpaired domains. The rows of a manifest name their mask.
"""

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from gan_style.config.data import DataConfig, DomainConfig
from gan_style.datasets.folders import ImageTree
from gan_style.datasets.keys import Keys
from gan_style.datasets.layouts import mask_folder
from gan_style.datasets.listing import Listing
from gan_style.datasets.pairs import Shape
from gan_style.datasets.partly_read import PartlyRead, reads_parts
from gan_style.datasets.reading import Loaded
from gan_style.datasets.survey import Problems, Source, TwoFolders, shown
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.regions import probe_regions
from gan_style.files.stems import stem
from gan_style.files.volumes import Neighbours

_OFF = "or set data.mask=off to train without masks"
_SHOWN = 3


def with_masks(source: Source, wanted: str) -> Source:
    """The source with the masks of its images. wanted: `data.mask`

    `UserError` names an image without a mask where others have one, and masks of a source whose images cannot have any.
    """
    if wanted == "off":
        return replace(source, masks={})
    if not takes_masks(source) and source.split == "train" and (folder := mask_folder(source)) is not None:
        of = "data.root_b" if isinstance(source, TwoFolders) else "this method"
        raise UserError(f"{source.root / folder}: masks have no effect with {of}; set data.mask=off, or move the folder away")
    problems = Problems()
    source = found_masks(source, problems)
    if problems:
        more = f"; and {problems.count - _SHOWN} more" if problems.count > _SHOWN else ""
        raise UserError(f"{'; '.join(problems.lines[:_SHOWN])}{more}; put this right, {_OFF}")
    return source


def found_masks(source: Source, problems: Problems) -> Source:
    """The source with the masks of its images; each image without one, where others have one, is a problem, and has the mask ""."""
    where = "its row, as other rows have"
    if not source.masks and takes_masks(source) and (folder := mask_folder(source)) is not None:
        source, where = replace(source, masks=_by_stem(source, folder, problems)), str(source.root / folder)
    for domain, masks in source.masks.items():
        for index, mask in enumerate(masks):
            if not mask and (domain == "a" or not source.paired):
                problems.add(f"{shown(source.name(domain, index))}: has no mask in {where}; add it")
    return source


def takes_masks(source: Source) -> bool:
    """Can the images of a source have masks?"""
    return source.layout in ("folders", "unpaired", "aligned", "manifest") and not isinstance(source, TwoFolders)


def _by_stem(source: Source, folder: str, problems: Problems) -> dict[str, Keys]:
    """Domain -> the key of each image's mask, or ""."""
    tree = ImageTree(source.root, folder, Listing(), problems)
    masks: dict[str, str] = {}
    for name in tree.names():
        if (first := masks.setdefault(stem(name), f"{folder}/{name}")) != f"{folder}/{name}":
            problems.add(f"{shown(source.root / folder / name)}: same stem as {shown(Path(first).name)}; keep one of them")

    def keys(domain: str) -> Keys:
        return Keys.of(masks.get(stem(source.below(domain, index)), "") for index in range(len(source.keys(domain))))

    a = keys("a")
    return {"a": a, "b": a if source.paired else keys("b")}


def read_mask(source: Source, domain: str, index: int) -> Loaded:
    """The mask of image `index` of domain "a" or "b": pixels [H, W, 1] uint8 or uint16, 0 outside, inside the label, which is 1 or more."""
    path = source.mask(domain, index)
    return Loaded(read_labels(path), True, str(path))


def read_labels(path: Path | Neighbours) -> np.ndarray:
    """The labels [H, W, 1] of a mask's file, as `labels_of` makes them."""
    check_channels(path, images.probe(path, raw=True).channels)
    return labels_of(images.read(path, 1, raw=True).pixels)


def read_mask_for_crop(source: Source, config: DataConfig, domain: str, index: int) -> Loaded:
    """The same, but of a file of which the crop alone has to be read, `pixels` stands for the file until it is cut (`PartlyRead`)."""
    path = source.mask(domain, index)
    if isinstance(path, Neighbours) or not reads_parts(config, path):
        return read_mask(source, domain, index)
    check_channels(path, probe_regions(path).channels)
    return Loaded(cast(np.ndarray, PartlyRead(path, DomainConfig(channels=1, labels="yes"), srgb=False)), True, str(path))


def labels_of(values: np.ndarray) -> np.ndarray:
    """The labels of stored values, uint8 or uint16 in the same shape: whole numbers up to 65535 as they are, else 1 for all but 0.

    A value that is not a number is outside.
    """
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, nan=0.0)
    if values.dtype in (np.uint8, np.uint16):
        return values
    top = values.max(initial=0)
    if values.min(initial=0) < 0 or top > np.iinfo(np.uint16).max or (values.dtype.kind == "f" and (values % 1).any()):
        return (values != 0).astype(np.uint8)
    return values.astype(np.uint8 if top <= np.iinfo(np.uint8).max else np.uint16)


def inside(pixels: np.ndarray) -> np.ndarray:
    """1 inside and 0 outside, uint8, of the labels of a mask."""
    return (pixels != 0).astype(np.uint8)


def check_size(mask: Loaded, image: Loaded) -> None:
    """`UserError` if a mask has another size than its image."""
    if mistake := size_mistake(mask.shape, image.shape):
        raise UserError(mistake)


def size_mistake(mask: Shape, image: Shape) -> str | None:
    """What is wrong with a mask of another size than its image, in words; None if nothing is."""
    if (mask.width, mask.height) == (image.width, image.height):
        return None
    sizes = f"is {mask.width} x {mask.height}, its image {image.name} is {image.width} x {image.height}"
    return f"{mask.name}: {sizes}; a mask has the size of its image"


def check_channels(path: Path | Neighbours, channels: int) -> None:
    """`UserError` unless there is one channel."""
    if channels != 1:
        raise UserError(f"{path}: has {channels} channels; a mask has one (gray): 0 outside, anything else inside")
