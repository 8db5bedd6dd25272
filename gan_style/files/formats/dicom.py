"""DICOM files of one frame or several, which are a volume, with the rescale slope and intercept applied, so that CT is in HU.

pydicom reads the elements; `dicom_codecs` decodes compressed frames one by one.
"""

import os
import warnings
from typing import Any

import numpy as np

from gan_style.errors import UserError, one_line
from gan_style.files.bounded import MAX_BYTES, Encoded, opened
from gan_style.files.formats.arrays import ArrayFormat, Stored
from gan_style.files.formats.dicom_codecs import colours_of, decoded, is_decoded
from gan_style.files.formats.dicom_groups import Scale, metadata_of, scales_of
from gan_style.files.formats.format import File

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

        size = file.stream.seek(0, os.SEEK_END)
        file.stream.seek(0)
        data = file.stream.read(min(size, MAX_BYTES + 1))  # sets aside what it is asked for
        if _DEFLATED in data:
            raise UserError(f"{file.path}: is a deflated DICOM, which is not read; inflate it: dcmconv +te FILE NEW.dcm")
        with opened(Encoded(str(file.path), data)) as stream:  # a file would set aside as many bytes as an element claims
            found: Any = pydicom.dcmread(stream)
        syntax = found.file_meta.TransferSyntaxUID
        if str(syntax) not in _PLAIN and not is_decoded(str(syntax)):
            name = one_line(str(getattr(syntax, "name", syntax)))[:80]
            raise UserError(
                f"{file.path}: its pixels are compressed as {name}, which is not read; decompress it, by GDCM for example: "
                "gdcmconv --raw FILE NEW.dcm"
            )
        if "PixelData" not in found:
            raise UserError(f"{file.path}: is a DICOM file without pixels; remove it")
        return _Frames(file.path, found, str(syntax))


class _Frames(Stored):
    """syntax: the transfer syntax"""

    def __init__(self, path: object, found: Any, syntax: str) -> None:
        bits, kept = int(found.BitsAllocated), int(found.BitsStored)
        self._signed, self._high = bool(found.PixelRepresentation), int(found.get("HighBit", kept - 1))
        if bits not in (8, 16, 32) or not 1 <= kept <= bits or not kept - 1 <= self._high < bits:
            raise UserError(f"{path}: holds values of {kept} in {bits} bits; whole bytes of 8, 16 or 32 bits are read")
        self._found, self._bits, self._kept, self._syntax = found, bits, kept, syntax
        self._as_stored = np.dtype(f"{'>' if syntax == _PLAIN[2] else '<'}u{bits // 8}")
        self._planes = bool(found.get("PlanarConfiguration", 0))
        self._scales = scales_of(found)
        size, channels = (int(found.Rows), int(found.Columns)), int(found.get("SamplesPerPixel", 1))
        self._photometric = one_line(str(found.get("PhotometricInterpretation", "")))[:20]
        if channels not in (1, 3) or (channels == 3 and self._photometric not in colours_of(syntax)):
            raise UserError(f"{path}: holds {self._photometric} in {channels} channels; gray and RGB are read")
        self._frames = int(found.get("NumberOfFrames", 1) or 1)
        as_stored = np.dtype(f"{'i' if self._signed else 'u'}{bits // 8}")
        types = {as_stored if scale == (1.0, 0.0) else _type(scale, kept, self._signed) for scale in self._scales}
        dtype = types.pop() if len(types) == 1 else np.dtype(np.float32)
        super().__init__(size, channels, dtype, self._frames, metadata_of(found, path, self._frames))

    def read(self, top: int, left: int, height: int, width: int, depth: int = 0) -> np.ndarray:
        data = self._found.PixelData
        if not isinstance(data, bytes):
            raise ValueError("pixels that are no bytes")
        values = self._plain(data, depth) if self._syntax in _PLAIN else self._decoded(data, depth)
        scale = self._scales[min(depth, len(self._scales) - 1)]
        return self._rescaled(self._whole(values[top : top + height, left : left + width]), scale)

    def _plain(self, data: bytes, depth: int) -> np.ndarray:
        count = self.height * self.width * self.channels
        place = depth * count * self._as_stored.itemsize
        if len(data) < place + count * self._as_stored.itemsize:
            raise ValueError("fewer pixels than its header says")
        values = np.frombuffer(data, self._as_stored, count, place).astype(self._as_stored.newbyteorder("="))
        if self._planes and self.channels > 1:
            return values.reshape(self.channels, self.height, self.width).transpose(1, 2, 0)
        return values.reshape(self.height, self.width, self.channels)

    def _decoded(self, data: bytes, depth: int) -> np.ndarray:
        from pydicom.encaps import get_frame

        tables = self._found.get("ExtendedOffsetTable", None), self._found.get("ExtendedOffsetTableLengths", None)
        offsets: Any = tables if all(tables) else None
        frame = get_frame(data, depth, number_of_frames=self._frames, extended_offsets=offsets)
        shape = self.height, self.width, self.channels
        return decoded(frame, self._syntax, shape, self._as_stored.newbyteorder("="), self._photometric)

    def _whole(self, values: np.ndarray) -> np.ndarray:
        """The bits that are stored, with their sign. The others may hold anything, such as an overlay."""
        up = self._bits - 1 - self._high
        values = (values << values.dtype.type(up)).view(f"{'i' if self._signed else 'u'}{self._bits // 8}")
        return values >> values.dtype.type(self._bits - self._kept)

    def _rescaled(self, values: np.ndarray, scale: Scale) -> np.ndarray:
        if scale == (1.0, 0.0):
            return values
        with np.errstate(over="ignore"):  # what float32 does not hold is infinite, which counts as not there
            scaled = values * np.float64(scale[0]) + scale[1]
            return (np.rint(scaled) if self.dtype.kind in "iu" else scaled).astype(self.dtype)


def _type(scale: Scale, bits: int, signed: bool) -> np.dtype:
    """The type of rescaled values: int16 or int32 if all of them are whole numbers that it holds, else float32."""
    slope, intercept = scale
    stored = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
    ends = [slope * end + intercept for end in stored]
    if not (slope.is_integer() and intercept.is_integer() and max(map(abs, ends)) < _WHOLE):
        return np.dtype(np.float32)
    return np.dtype(np.int16 if min(ends) >= -(2**15) and max(ends) < 2**15 else np.int32)
