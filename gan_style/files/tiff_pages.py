"""Channels of values that lie in pages of their own, as ImageJ, OME and tifffile write them.

The ImageDescription of the first page declares them. Pages without such a declaration are pictures of their own.
"""

import json
from collections.abc import Sequence

import numpy as np

from gan_style.files.tiff_description import IMAGEJ, is_ome, ome_of
from gan_style.files.tiff_parts import Parts

MOST = 64  # channels of a domain


def declared_channels(description: str) -> int:
    """How many pages the ImageDescription declares as channels of one picture. 1: none, or slices or moments lie in pages beside them"""
    if description.startswith(IMAGEJ):
        found = _of_imagej(description)
    elif is_ome(description):
        found = _of_ome(description)
    else:
        found = _of_tifffile(description)
    return found if 1 < found <= MOST else 1


def _of_imagej(description: str) -> int:
    says = dict(line.split("=", 1) for line in description.splitlines() if "=" in line)
    return _whole(says.get("channels")) if _whole(says.get("slices", "1")) == _whole(says.get("frames", "1")) == 1 else 1


def _of_ome(description: str) -> int:
    if (found := ome_of(description)) is None:
        return 1
    root, namespace = found
    names = {"": namespace}
    pixels = root.find("Image/Pixels", names)
    if pixels is None or not _whole(pixels.get("SizeZ")) == _whole(pixels.get("SizeT")) == 1:
        return 1
    samples = [_whole(channel.get("SamplesPerPixel", "1")) for channel in pixels.findall("Channel", names)]
    return _whole(pixels.get("SizeC")) if all(each == 1 for each in samples) else 1


def _of_tifffile(description: str) -> int:
    try:
        says = json.loads(description)
    except (ValueError, RecursionError):
        return 1
    if not isinstance(says, dict) or says.get("axes") != "CYX" or not isinstance(shape := says.get("shape"), list) or len(shape) != 3:
        return 1
    return shape[0] if type(shape[0]) is int else 1


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 10 else 0


class PagesOfChannels:
    """The parts of pages of one size and type, read together: [height, width, bands] with a band from each page."""

    def __init__(self, pages: Sequence[Parts]) -> None:
        self._pages = pages
        height, width, _ = pages[0].shape
        self.shape = height, width, len(pages)

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """See `Parts.read`."""
        return np.concatenate([page.read(top, left, height, width) for page in self._pages], axis=2)
