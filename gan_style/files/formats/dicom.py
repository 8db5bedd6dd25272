"""DICOM files of one picture: pixels that are not compressed, with the rescale slope and intercept applied, so that CT is in HU.

pydicom reads the elements.
"""

import warnings
from typing import Any

import numpy as np

from gan_style.errors import UserError, one_line
from gan_style.files.bounded import MAX_BYTES, Encoded, opened, resolution
from gan_style.files.formats.arrays import ArrayFormat, Stored
from gan_style.files.formats.format import File
from gan_style.files.tiff_metadata import Affine, Metadata

warnings.filterwarnings("ignore", module=r"pydicom\.")  # a UserError reports broken files

_DEFLATED = b"1.2.840.10008.1.2.1.99"  # pydicom would inflate such a file without a bound
_PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")  # pixels as they are; the last has its high bytes first
_WHOLE = 2.0**31  # values beyond are not kept as whole numbers


class DicomFormat(ArrayFormat):
    called, extra, module = "a medical picture (DICOM)", "medical", "pydicom"

    def claims(self, file: File) -> bool:
        return file.beginning[128:132] == b"DICM"

    def stored(self, file: File) -> Stored:
        import pydicom

        data = file.stream.read(MAX_BYTES + 1)
        if _DEFLATED in data:
            raise UserError(f"{file.path}: is a deflated DICOM, which is not read; inflate it: dcmconv +te FILE NEW.dcm")
        with opened(Encoded(str(file.path), data)) as stream:  # a file would set aside as many bytes as an element claims
            found: Any = pydicom.dcmread(stream)
        syntax = found.file_meta.TransferSyntaxUID
        if str(syntax) not in _PLAIN:
            name = one_line(str(getattr(syntax, "name", syntax)))[:80]
            raise UserError(
                f"{file.path}: its pixels are compressed ({name}), which is not read; decompress it: gdcmconv --raw FILE NEW.dcm"
            )
        if "PixelData" not in found:
            raise UserError(f"{file.path}: is a DICOM file without pixels; remove it")
        return _Slice(file.path, found, ">" if str(syntax) == _PLAIN[2] else "<")


class _Slice(Stored):
    def __init__(self, path: object, found: Any, order: str) -> None:
        bits, kept = int(found.BitsAllocated), int(found.BitsStored)
        self._signed, self._high = bool(found.PixelRepresentation), int(found.get("HighBit", kept - 1))
        if bits not in (8, 16, 32) or not 1 <= kept <= bits or not kept - 1 <= self._high < bits:
            raise UserError(f"{path}: holds values of {kept} in {bits} bits; whole bytes of 8, 16 or 32 bits are read")
        self._found, self._bits, self._kept = found, bits, kept
        self._as_stored = np.dtype(f"{order}u{bits // 8}")
        self._planes = bool(found.get("PlanarConfiguration", 0))
        self._scale = float(found.get("RescaleSlope", 1)), float(found.get("RescaleIntercept", 0))
        size, channels = (int(found.Rows), int(found.Columns)), int(found.get("SamplesPerPixel", 1))
        if channels not in (1, 3) or (channels == 3 and found.PhotometricInterpretation != "RGB"):
            raise UserError(
                f"{path}: holds {one_line(str(found.PhotometricInterpretation))[:20]} in {channels} channels; gray and RGB are read"
            )
        if (frames := int(found.get("NumberOfFrames", 1) or 1)) > 1:
            raise UserError(
                f"{path}: holds {frames} frames, and pictures have one; make a NIfTI volume of it and cut it: gan-style prepare slices"
            )
        as_stored = np.dtype(f"{'i' if self._signed else 'u'}{bits // 8}")
        dtype = as_stored if self._scale == (1.0, 0.0) else _type(self._scale, kept, self._signed)
        super().__init__(size, channels, dtype, metadata=_metadata(found))

    def read(self, top: int, left: int, height: int, width: int, depth: int = 0) -> np.ndarray:
        data = self._found.PixelData
        count = self.height * self.width * self.channels
        if not isinstance(data, bytes) or len(data) < count * self._as_stored.itemsize:
            raise ValueError("fewer pixels than its header says")
        values = np.frombuffer(data, self._as_stored, count).astype(self._as_stored.newbyteorder("="))
        if self._planes and self.channels > 1:
            values = values.reshape(self.channels, self.height, self.width).transpose(1, 2, 0)
        values = values.reshape(self.height, self.width, self.channels)[top : top + height, left : left + width]
        return self._rescaled(self._whole(values))

    def _whole(self, values: np.ndarray) -> np.ndarray:
        """The bits that are stored, with their sign. The others may hold anything, such as an overlay."""
        up = self._bits - 1 - self._high
        values = (values << values.dtype.type(up)).view(f"{'i' if self._signed else 'u'}{self._bits // 8}")
        return values >> values.dtype.type(self._bits - self._kept)

    def _rescaled(self, values: np.ndarray) -> np.ndarray:
        if self._scale == (1.0, 0.0):
            return values
        with np.errstate(over="ignore"):  # what float32 does not hold is infinite, which counts as not there
            return self._scaled(values)

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        scaled = values * np.float64(self._scale[0]) + self._scale[1]
        return (np.rint(scaled) if self.dtype.kind in "iu" else scaled).astype(self.dtype)


def _type(scale: tuple[float, float], bits: int, signed: bool) -> np.dtype:
    """The type of rescaled values: int16 or int32 if all of them are whole numbers that it holds, else float32."""
    slope, intercept = scale
    stored = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
    ends = [slope * end + intercept for end in stored]
    if not (slope.is_integer() and intercept.is_integer() and max(map(abs, ends)) < _WHOLE):
        return np.dtype(np.float32)
    return np.dtype(np.int16 if min(ends) >= -(2**15) and max(ends) < 2**15 else np.int32)


def _metadata(found: Any) -> Metadata:
    """The place of the picture in the patient, if the file says it."""
    try:
        across, down = ([float(each) for each in found.ImageOrientationPatient[part]] for part in (slice(0, 3), slice(3, 6)))
        place, spacing = [float(each) for each in found.ImagePositionPatient], [float(each) for each in found.PixelSpacing]
        thick = float(found.get("SpacingBetweenSlices", None) or found.get("SliceThickness", None) or 1.0)
        columns = [np.array(across) * spacing[1], np.array(down) * spacing[0], np.cross(across, down) * thick, np.array(place)]
        affine = np.vstack([np.stack(columns, axis=1), [0.0, 0.0, 0.0, 1.0]])
    except (AttributeError, TypeError, ValueError, IndexError):  # elements of another length among them
        return _spacing(found)
    affine[:2] *= -1  # DICOM counts to the left and to the back
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        return _spacing(found)
    rows: Affine = tuple(tuple(row) for row in affine.tolist())  # type: ignore[assignment]
    return Metadata(_dots(spacing), affine=rows)


def _spacing(found: Any) -> Metadata:
    try:
        return Metadata(_dots([float(each) for each in found.get("PixelSpacing", None) or found.ImagerPixelSpacing]))
    except (AttributeError, TypeError, ValueError):
        return Metadata()


def _dots(spacing: list[float]) -> tuple[float, float] | None:
    """Dots per inch across and down, from millimetres down and across."""
    return resolution(25.4 / spacing[1], 25.4 / spacing[0]) if len(spacing) == 2 and min(spacing) > 0 else None
