"""Values with units: which of them become -1 and 1 for a network, and the way back."""

from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Literal

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import Encoded
from gan_style.files.samples import rows_of

ValueType = Literal["uint8", "int8", "uint16", "int16", "int32", "float32"]  # of results


@dataclass(frozen=True)
class Scale:
    """The values `low` and `high` are -1 and 1 for a network, the values between them lie on a line.

    low, high: of all channels, or one for each channel

    A whole number comes back exactly if high - low is less than 2**24. A floating point number comes back within one unit in the last
    place of the larger of |low| and |high|.

    missing: takes the place of values that are not there (not a number, infinite, or the file's value of no data); None refuses them
    """

    low: float | tuple[float, ...]
    high: float | tuple[float, ...]
    missing: float | None = None

    def inward(self, values: np.ndarray, name: Path | Encoded | str, nodata: float | None = None) -> tuple[np.ndarray, float]:
        """(float32 in [-1, 1], the share that was outside and was cut) of [H, W, C] of any numeric type.

        nodata: the file's value of no data. `UserError` with `name` for values that are not there, if `missing` is None.
        """
        made = np.empty(values.shape, np.float32)
        absent = outside = 0
        low, high, half = self._line()
        for rows in rows_of(*values.shape[:2]):
            band = values[rows].astype(np.float64)
            gone = absence(values[rows], nodata)
            if gone is not None and gone.any():
                absent += int(gone.sum())
                band[gone] = 0.0 if self.missing is None else self.missing
            outside += int(((band < low) | (band > high)).sum())
            made[rows] = ((band - low) / half - 1).clip(-1, 1)
        if absent and self.missing is None:
            raise UserError(
                f"{name}: {absent} of its {values.size} values are not there (not a number, infinite, or the file's value of no data); "
                "set the domain's missing to the value that takes their place, or remove the file"
            )
        return made, outside / values.size

    def outward(self, values: np.ndarray, dtype: str) -> np.ndarray:
        """The values in units, of type `dtype`, of floats [H, W, C] in [-1, 1]. Whole numbers are the nearest ones of their type."""
        made = np.empty(values.shape, dtype)
        low, _, half = self._line()
        for rows in rows_of(*values.shape[:2]):
            band = (values[rows].astype(np.float64) + 1) * half + low
            if made.dtype.kind in "iu":
                ends = np.iinfo(made.dtype)
                band = np.rint(band).clip(ends.min, ends.max)
            made[rows] = band
        return made

    @property
    def span(self) -> float | None:
        """The distance of -1 and 1 in units; None if channels differ in it."""
        low, high, _ = self._line()
        spans = (high - low).reshape(-1)
        return float(spans[0]) if (spans == spans[0]).all() else None

    def beyond(self, values: np.ndarray, nodata: float | None = None) -> float:
        """The share of values [H, W, C] outside the range, among those that are there."""
        low, high, _ = self._line()
        outside, gone = (values < low) | (values > high), absence(values, nodata)
        there = outside if gone is None else outside[~gone]
        return float(there.mean()) if there.size else 0.0

    def words(self) -> str:
        """Which values become -1 and 1."""
        if not isinstance(self.low, tuple) or not isinstance(self.high, tuple):
            return f"{self.low:g} becomes -1, {self.high:g} becomes 1"
        ranges = zip(self.low, self.high, strict=True)
        return "; ".join(f"channel {number}: {low:g} becomes -1, {high:g} becomes 1" for number, (low, high) in enumerate(ranges, 1))

    def _line(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """low, high and half their distance, [] or [C]."""
        low, high = np.asarray(self.low, np.float64), np.asarray(self.high, np.float64)
        return low, high, (high - low) / 2


def absence(values: np.ndarray, nodata: float | None) -> np.ndarray | None:
    """Which values are not there; None if none can be missing."""
    gone = None if values.dtype.kind in "iu" else ~np.isfinite(values)
    if nodata is None or not np.isfinite(nodata):
        return gone
    marked = values == values.dtype.type(nodata) if values.dtype.kind == "f" else values == nodata
    return marked if gone is None else gone | marked


def present(values: np.ndarray, nodata: float | None) -> np.ndarray:
    """The values that are there, in one row."""
    gone = absence(values, nodata)
    return values.reshape(-1) if gone is None else values[~gone]


def thinned(there: np.ndarray, most: int, channels: int) -> np.ndarray:
    """About `most` of the values of a picture in one row, pixel by pixel, with as many of each channel. channels: their number"""
    step = max(1, there.size // most)
    while gcd(step, channels) > 1:
        step += 1
    return there[::step]


def nodata_of(text: str | None) -> float | None:
    """GDAL's value of no data as a number; None if there is none."""
    try:
        return None if text is None else float(text.strip(" \0"))
    except ValueError:
        return None
