"""Pixels at which the source of a measurement has no value: the result says so there, instead of a translation of `missing`."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from gan_style.bundles.file import BundleInfo, BundleValues
from gan_style.files.bounded import Encoded
from gan_style.files.kinds import TIFF_SUFFIXES, suffix_of
from gan_style.files.scale import absence, nodata_of
from gan_style.files.tiff_metadata import NO_METADATA, Metadata

_told: list[str] = []  # the first source whose result cannot say it, once a warning has named it


def replaces_missing(info: BundleInfo) -> bool:
    """Does the bundle replace values that are not there, and give measurements?"""
    return info.values_in is not None and info.values_in.missing is not None and info.values_out is not None


def absent_pixels(stored: np.ndarray, metadata: Metadata = NO_METADATA) -> np.ndarray:
    """[H, W]: at which pixels of stored values [H, W, C] is a channel not there? metadata: of the file, with its value of no data"""
    gone = absence(stored, nodata_of(metadata.nodata))
    return np.zeros(stored.shape[:2], bool) if gone is None else np.any(gone, axis=2)


def put_back(made: np.ndarray, absent: np.ndarray, mark: float | None, source: Path | Encoded) -> None:
    """Set `made` [H, W, C] to `mark` where values are absent [H, W]. With the mark None they stay, which is told once for all sources."""
    if mark is not None:
        made[absent] = mark
    elif absent.any() and not _told:
        _told.append(str(source))
        warnings.warn(
            f"{source}: has pixels without a value, which its result of {made.dtype} cannot mark: they hold the translation of "
            "the domain's missing; TIFF marks them where the range leaves a value of the type free; other files like it are not named",
            stacklevel=2,
        )


def mark_of(values: BundleValues, target: Path, nodata: str | None) -> float | None:
    """The value of no data of a result that is written to `target`: not a number; for whole numbers a value that no translation has.

    nodata: of the source, as GDAL's text; it is kept if the type holds it and no translation has it. None if the format has no such value,
    or if the range fills the type.
    """
    if values.type == "float32":
        return float("nan")
    if suffix_of(target.name) not in TIFF_SUFFIXES:
        return None
    ends, own = np.iinfo(values.type), nodata_of(nodata)
    low, high = round(min(values.ends[0])), round(max(values.ends[1]))  # the ends of what translations are
    for choice in (float("nan") if own is None else own, float(ends.min), float(ends.max)):
        if ends.min <= choice <= ends.max and choice.is_integer() and not low <= choice <= high:
            return choice
    return None


def marked(metadata: Metadata, mark: float | None) -> Metadata:
    """The metadata of a result with this value of no data."""
    return replace(metadata, nodata=None if mark is None else f"{mark:.0f}")
