"""The meaning of a TIFF's samples, according to its tags. A meaning that is not read is refused by its name."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gan_style.errors import UserError
from gan_style.files.bounded import Encoded

if TYPE_CHECKING:
    from tifffile import TiffPage

ADVICE = "read them as measurements, with data.domain_a.range (docs/guide/measurements.md), or convert it to 8 or 16 bits"
JPEG = 7  # a compression
_PALETTE = 3  # a photometric interpretation
CONVERT = "convert it to an 8- or 16-bit PNG, or to a plain TIFF"

_PHOTOMETRIC, _EXTRA_SAMPLES, _INK_SET = 262, 338, 332  # tags
_SIZED_COMPRESSIONS = (1, 2, 3, 4, 5, JPEG, 8, 32773, 32946, 34925, 50000)  # compressions whose decoded size is known beforehand
_SAMPLE_FORMATS = {1: "uint", 2: "int", 3: "float", 4: "void", 5: "complex int", 6: "complex"}
_COLOURS: dict[int, tuple[str, int]] = {  # photometric interpretation -> its name, bands of colour
    0: ("white is zero", 1),
    1: ("black is zero", 1),
    2: ("RGB", 3),
    3: ("palette", 1),
    5: ("CMYK", 4),
    6: ("YCbCr", 3),
}
_UNREAD = {
    4: "a transparency mask",
    8: "CIELab colours",
    9: "ICCLab colours",
    10: "ITULab colours",
    32803: "raw data of a camera's sensor",
    32844: "LogL colours",
    32845: "LogLuv colours",
    34892: "raw data of a camera's sensor",
}
_EXTRAS: dict[int, Literal["band", "multiplied alpha", "alpha"]] = {0: "band", 1: "multiplied alpha"}  # all others: alpha


@dataclass(frozen=True)
class Samples:
    """The samples of a pixel.

    colours: a name of `_COLOURS`, "bands" if the samples are not colours, or "values" if the file is not asked for colours
    bands: their number, with those that follow the colours
    extra: what the band after the colours is
    bits: of a sample, 1 to 16; of a value 8 to 64
    """

    colours: str
    bands: int
    extra: Literal["none", "band", "multiplied alpha", "alpha"]
    bits: int

    @property
    def colour_bands(self) -> int:
        """The number of bands that are colours."""
        return self.bands if self.colours == "bands" else self.bands - (self.extra != "none")

    @property
    def channels(self) -> int:
        """Channels of the decoded picture: gray 1, gray + alpha 2, RGB 3, RGB + alpha 4; for other bands their number."""
        if self.colours in ("palette", "CMYK"):
            return 4 if self.extra in ("alpha", "multiplied alpha") else 3
        return self.bands

    @property
    def weight(self) -> int:
        """Bytes that decoding takes for each pixel: see `check_pixels`."""
        if self.colours == "values":
            return max(6, self.bands * (self.bits // 8 + 4))  # and those of the float32 that values become
        return max(6, 2 * self.bands) if self.bits > 8 else 6 if self.colours == "CMYK" else 3


def samples_of(page: "TiffPage", path: Path | Encoded) -> Samples:
    """The meaning of this page's samples. `UserError` if it is not read, `ValueError` if tags contradict each other."""
    _check_storage(page, path)
    bits, bands = page.bitspersample, page.samplesperpixel
    if page.photometric in _UNREAD:
        raise UserError(f"{path}: holds {_UNREAD[page.photometric]}, not read here; {CONVERT}")
    if page.photometric not in _COLOURS:
        raise UserError(f"{path}: its colours are of a kind that is not read (photometric interpretation {page.photometric}); {CONVERT}")
    # Some writers leave out this mandatory tag; its default, white as zero, is never meant.
    photometric = page.photometric if _PHOTOMETRIC in page.tags else 2 if bands >= 3 else 1
    colours, known = _COLOURS[photometric]
    if bands < known:
        raise ValueError(f"{colours} of {bands} bands")
    extra = _extra(page) if bands > known else "none"
    if colours in ("white is zero", "black is zero") and (bands > 2 or extra == "band"):
        if bands > 4:
            raise UserError(f"{path}: has {bands} bands; at most 4 are read: write those that matter to a TIFF of 1, 3 or 4 bands")
        return Samples("bands", bands, "none", bits)
    if bands > known + 1 or (extra != "none" and colours in ("CMYK", "YCbCr")):
        raise UserError(f"{path}: has {bands} bands, {colours} and {bands - known} more, which are not read together; {CONVERT}")
    if colours == "palette" and bits > 8:
        raise UserError(f"{path}: has a palette of {bits} bits, which is not read; {CONVERT}")
    if colours == "YCbCr" and page.compression != JPEG and (page.is_subsampled or bits != 8):
        raise UserError(f"{path}: holds YCbCr colours that are subsampled or not of 8 bits, which are not read; {CONVERT}")
    if colours == "CMYK" and page.tags.valueof(_INK_SET, 1) != 1:
        raise UserError(f"{path}: holds inks that are not CMYK; {CONVERT}")
    return Samples(colours, bands, extra, bits)


def values_of(page: "TiffPage", path: Path | Encoded) -> Samples:
    """The samples of this page as values of any numeric type, whatever colours its tags declare. `UserError` if they are not read."""
    kind = _SAMPLE_FORMATS.get(int(page.sampleformat), "unknown")
    if page.dtype is None or page.dtype.kind not in "uif" or page.bitspersample not in (8, 16, 32, 64):
        raise UserError(f"{path}: holds samples of the type {kind}{page.bitspersample}; values of 8, 16, 32 or 64 bits are read")
    if page.photometric == _PALETTE:
        raise UserError(f"{path}: has a palette, which holds colours and no values; save its values as gray")
    _check_compression(page, path)
    return Samples("values", page.samplesperpixel, "none", page.bitspersample)


def _check_storage(page: "TiffPage", path: Path | Encoded) -> None:
    """`UserError` for sample types, and for what `_check_compression` refuses."""
    bits, kind = page.bitspersample, _SAMPLE_FORMATS.get(int(page.sampleformat), "unknown")
    if isinstance(bits, tuple):
        raise UserError(f"{path}: its bands have {', '.join(map(str, bits))} bits, which are not read; {CONVERT}")
    if kind != "uint" or not 1 <= bits <= 16 or page.dtype is None:
        raise UserError(f"{path}: holds samples of the type {kind}{bits}; colours have unsigned ones of 1 to 16 bits: {ADVICE}")
    _check_compression(page, path)


def _check_compression(page: "TiffPage", path: Path | Encoded) -> None:
    """`UserError` for compressions and shapes that are not read."""
    if page.compression not in _SIZED_COMPRESSIONS:
        name = getattr(page.compression, "name", page.compression)
        raise UserError(f"{path}: is compressed by {name}, which is not read; save it with LZW or deflate")
    if page.imagedepth > 1 or page.tiledepth > 1:
        raise UserError(f"{path}: holds a volume of {page.imagedepth} planes; save its planes as pictures")


def _extra(page: "TiffPage") -> Literal["band", "multiplied alpha", "alpha"]:
    if _EXTRA_SAMPLES not in page.tags:
        return "alpha"  # OpenCV, among others, writes RGBA without this tag
    return _EXTRAS.get(int(page.extrasamples[0]) if page.extrasamples else 0, "alpha")
