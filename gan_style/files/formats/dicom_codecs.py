"""Compressed frames of DICOM, by imagecodecs. A frame's own header is compared with the file's before memory is set aside.

HTJ2K is left out: its decoder ends the process at damaged frames.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gan_style.files.formats.frame_headers import Shape, jpeg_2000_shape, jpeg_shape

RLE = "1.2.840.10008.1.2.5"
_JPEG = "1.2.840.10008.1.2.4."
_JPEG_CODECS = {  # the last number of a transfer syntax -> the decoder of imagecodecs
    **dict.fromkeys(("50", "51", "57", "70"), "jpeg8"),  # baseline, extended, lossless
    **dict.fromkeys(("80", "81"), "jpegls"),
    **dict.fromkeys(("90", "91"), "jpeg2k"),
}
_COLOURS = {"jpeg8": ("YBR_FULL", "YBR_FULL_422"), "jpeg2k": ("YBR_ICT", "YBR_RCT")}
_END = b"\xff\xd9"  # how JPEG, JPEG-LS and JPEG 2000 end, before DICOM's padding


def is_decoded(syntax: str) -> bool:
    """Are compressed pixels of this transfer syntax read?"""
    return syntax == RLE or _codec(syntax) is not None


def colours_of(syntax: str) -> tuple[str, ...]:
    """The photometric interpretations that decoding turns to RGB."""
    return ("RGB", *_COLOURS.get(_codec(syntax) or "", ()))


def decoded(frame: bytes, syntax: str, shape: Shape, dtype: np.dtype, photometric: str) -> np.ndarray:
    """The values [H, W, C] of a compressed frame, of the unsigned type `dtype`.

    shape, photometric: of the file's header. `ValueError` if the frame is of another size; any exception if it is damaged.
    """
    if syntax == RLE:
        return _run_lengths(frame, shape, dtype)
    if not frame.rstrip(b"\0").endswith(_END):  # decoders fill what is missing with gray
        raise ValueError("a frame without its end")
    codec = _codec(syntax)
    claimed = jpeg_2000_shape(frame) if codec == "jpeg2k" else jpeg_shape(frame)
    if claimed != shape:
        raise ValueError(f"a frame of {_words(claimed)} where its header says {_words(shape)}")
    import imagecodecs

    decode: Callable[..., Any] = getattr(imagecodecs, f"{codec}_decode")
    how = {"colorspace": "RGB" if photometric == "RGB" else "YCBCR", "outcolorspace": "RGB"} if codec == "jpeg8" and shape[2] == 3 else {}
    values = np.asarray(decode(frame, **how))
    if values.dtype.kind not in "iu" or values.size != np.prod(shape) or values.dtype.itemsize > dtype.itemsize:
        raise ValueError(f"a frame of {values.dtype.name} {values.shape} where its header says {dtype.name} {shape}")
    return values.reshape(shape).astype(dtype)  # a negative value keeps its bits


def _codec(syntax: str) -> str | None:
    return _JPEG_CODECS.get(syntax.removeprefix(_JPEG)) if syntax.startswith(_JPEG) else None


def _words(shape: Shape) -> str:
    return f"{shape[1]} x {shape[0]} in {shape[2]} channels"


def _run_lengths(frame: bytes, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """The frame of run lengths: its planes of bytes follow one another, of each channel the highest bytes first."""
    import imagecodecs

    wanted = bytearray(int(np.prod(shape)) * dtype.itemsize)  # decoding fails where there are more
    if len(imagecodecs.dicomrle_decode(frame, dtype, out=wanted)) < len(wanted):
        raise ValueError("fewer pixels than its header says")
    return np.frombuffer(wanted, dtype).reshape(shape[2], *shape[:2]).transpose(1, 2, 0)
