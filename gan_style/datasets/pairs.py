"""Checks that the two images of a pair are aligned, as far as their headers tell.

A camera stores a photo as its sensor saw it and writes into EXIF how to turn it. Reading turns it. A label map that was drawn on the
stored pixels, by a program that ignores EXIF, is then not aligned with the photo.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """The shape of one image of a pair. width, height: upright, in pixels; orientation: EXIF's, 1 to 8 (1: not turned)"""

    name: str
    width: int
    height: int
    orientation: int


def mismatch(a: Shape, b: Shape) -> str | None:
    """Why two images cannot be a pair, in words; None if they can."""
    if (a.width, a.height) == (b.width, b.height):
        return None
    sizes = f"{a.name}: is {a.width} x {a.height}, its partner {b.name} is {b.width} x {b.height}; "
    if a.orientation != b.orientation and (a.width, a.height) == (b.height, b.width):
        return f"{sizes}{_turned(a, b)}"
    return f"{sizes}the images of a pair need one size, or their pixels do not correspond"


def doubt(a: Shape, b: Shape) -> str | None:
    """Why two images of equal size may not be aligned, in words; None if there is no sign of that.

    An image that EXIF turns by 90 degrees and that is not square needs no doubt: drawn on stored pixels, its partner would have
    another size.
    """
    if a.orientation == b.orientation or mismatch(a, b):
        return None
    quarter = (a.orientation >= 5) != (b.orientation >= 5)
    if quarter and a.width != a.height:
        return None
    names = " ".join(shape.name for shape in _tagged(a, b))
    advice = f"if they fit as they are seen upright, turn the pixels for good: magick mogrify -auto-orient {names}"
    return f"{a.name}: {_turned(a, b)}; {advice}"


def _turned(a: Shape, b: Shape) -> str:
    tagged = _tagged(a, b)
    told = " and ".join(f"{shape.name}, EXIF orientation {shape.orientation}" for shape in tagged)
    both = len(tagged) > 1
    return (
        f"{'the two of the pair were turned in different ways' if both else 'only one of the pair was turned'} as EXIF says ({told}); "
        f"if {'they fit' if both else 'its partner was drawn on the pixels'} as they are stored, "
        f"remove the tag: exiftool -Orientation= {' '.join(shape.name for shape in tagged)}"
    )


def _tagged(a: Shape, b: Shape) -> list[Shape]:
    return [shape for shape in (a, b) if shape.orientation != 1]
