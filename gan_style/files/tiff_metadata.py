"""What a file says beside its pixels and still holds for a picture made from them: resolution, place, description."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tifffile import TiffPage

_DESCRIPTION, _NODATA, _PROFILE = 270, 42113, 34675
_TEXT, _SHORT, _DOUBLE = 2, 3, 12  # types of a tag's values
_GEO = {33550: _DOUBLE, 33922: _DOUBLE, 34264: _DOUBLE, 34735: _SHORT, 34736: _DOUBLE, 34737: _TEXT, 42112: _TEXT}  # GeoTIFF and GDAL
Row = tuple[float, float, float, float]
Affine = tuple[Row, Row, Row, Row]
MAX_DESCRIPTION = 2**22  # bytes; a longer one is left out


@dataclass(frozen=True)
class GeoTag:
    """A tag of GeoTIFF or of GDAL. kind: the type of its values in the file; values: text or numbers"""

    tag: int
    kind: int
    values: str | tuple[float, ...]


@dataclass(frozen=True)
class Metadata:
    """What `RegionWriter` can carry over from one picture to another of the same size.

    dots_per_inch: across and down of the upright picture; None if the file does not say
    pixels_per_unit: across and down of the upright picture, of a unit that ImageJ's description names
    profile: the file had a colour profile, from which reading converts to sRGB
    description: text or OME-XML; "" if there is none
    geo: the place on the earth, if pixels are stored upright
    nodata: GDAL's value of pixels without data, as text. It holds for the source's values: a caller gives a writer the value that the
        result has at such pixels, or None.
    affine: (column, row, slice, 1) of a medical picture to millimetres to the right, to the front and up (RAS)
    """

    dots_per_inch: tuple[float, float] | None = None
    profile: bool = False
    description: str = ""
    geo: tuple[GeoTag, ...] = ()
    nodata: str | None = None
    affine: Affine | None = None
    pixels_per_unit: tuple[float, float] | None = None


NO_METADATA = Metadata()


def metadata_of(
    page: "TiffPage", dots_per_inch: tuple[float, float] | None, orientation: int, pixels_per_unit: tuple[float, float] | None = None
) -> Metadata:
    """The metadata of a page, with the resolution of the upright picture.

    Tags that are damaged or of another type than GeoTIFF gives them are left out.
    """
    description = page.tags.valueof(_DESCRIPTION)
    nodata = page.tags.valueof(_NODATA)
    return Metadata(
        dots_per_inch,
        _PROFILE in page.tags,
        description if isinstance(description, str) and len(description) <= MAX_DESCRIPTION else "",
        tuple(found for tag in _GEO if (found := _geo(page, tag))) if orientation == 1 else (),
        nodata if isinstance(nodata, str) and len(nodata) <= 100 else None,
        pixels_per_unit=pixels_per_unit,
    )


def _geo(page: "TiffPage", code: int) -> GeoTag | None:
    tag = page.tags.get(code)
    if tag is None or tag.dtype != _GEO[code] or not 0 < tag.count <= MAX_DESCRIPTION:
        return None
    try:
        value = tag.value
    except Exception:  # tifffile raises many types for damaged tags
        return None
    if _GEO[code] == _TEXT:
        return GeoTag(code, _TEXT, value) if isinstance(value, str) else None
    try:
        values = tuple(value)
    except TypeError:  # a single value stands by itself
        values = (value,)
    return GeoTag(code, _GEO[code], values)
