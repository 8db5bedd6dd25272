"""Spans of rows or columns, and regions of images."""

from typing import NamedTuple

from torch import Tensor


class Span(NamedTuple):
    """The positions start, ..., stop - 1 of an axis."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    def shifted(self, by: int) -> "Span":
        return Span(self.start + by, self.stop + by)

    def clipped(self, size: int) -> "Span":
        """The positions that lie in an axis of `size`; the nearest one, where there is none."""
        start = min(max(self.start, 0), size - 1)
        return Span(start, max(min(self.stop, size), start + 1))

    def joined(self, other: "Span") -> "Span":
        """The least span with both."""
        return Span(min(self.start, other.start), max(self.stop, other.stop))

    def missing(self, inner: "Span") -> tuple[int, int]:
        """The positions that `inner` lacks before it and behind it."""
        return inner.start - self.start, self.stop - inner.stop


Region = tuple[Span, Span]  # rows, columns


def whole(height: int, width: int) -> Region:
    """All of an image."""
    return Span(0, height), Span(0, width)


def joined(one: Region, other: Region) -> Region:
    """The least region with both."""
    return one[0].joined(other[0]), one[1].joined(other[1])


def area(region: Region) -> int:
    """The positions of a region."""
    return region[0].length * region[1].length


def cut(value: Tensor, have: Region, want: Region) -> Tensor:
    """The part `want` of `value` [..., h, w], which covers the region `have`: a view."""
    if have == want:
        return value
    for axis, (there, wanted) in enumerate(zip(have, want, strict=True), value.dim() - 2):
        value = value.narrow(axis, wanted.start - there.start, wanted.length)
    return value


def part(size: int, numbers: Span, count: int) -> Span:
    """The parts `numbers` of an axis in `count` parts. The same parts of axes of other sizes lie at the same place of the image."""
    return Span(size * numbers.start // count, size * numbers.stop // count)
