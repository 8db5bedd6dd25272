"""TIFFs in memory: of known pixels, written by tifffile or packed by hand."""

import io
import struct
from typing import Any

import numpy as np
import tifffile

from gan_style.files import images

Y, X = np.mgrid[:40, :56]


def truth(bands: int, depth: int) -> np.ndarray:
    """[40, 56, bands]: each band another ramp; at [20, 5] of 16 bits 8003, 54005, 25007, 31009."""
    ramps = np.stack([X * 1160 + 2203, Y * 1600 + 22005, (X + Y) * 520 + 12007, Y * 600 + X * 200 + 18009], axis=-1)[..., :bands]
    return (ramps % 65536).astype(np.uint16) if depth == 16 else ((ramps % 65536) >> 8).astype(np.uint8)


def written(pixels: np.ndarray, **options: Any) -> images.Encoded:
    stream = io.BytesIO()
    options = {"photometric": "rgb" if pixels.ndim == 3 else "minisblack", "metadata": None, **options}
    tifffile.imwrite(stream, pixels, **options)
    return images.Encoded("x.tif", stream.getvalue())


def by_hand(stored: bytes, tags: dict[int, tuple[int, ...]], order: str = "<") -> images.Encoded:
    """A TIFF of one strip, 2 x 1 pixels, packed here: tag -> its values, of 16 bits."""
    tags = {256: (2,), 257: (1,), 259: (1,), 277: (1,), 278: (1,), **tags}
    tags |= {273: (0,), 279: (len(stored),)}
    place = 8 + 2 + 12 * len(tags) + 4
    beyond, entries = b"", b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}H", *values)
        if tag == 273:
            entries += struct.pack(f"{order}HHI", tag, 4, 1) + b"STRP"
        elif len(packed) <= 4:
            entries += struct.pack(f"{order}HHI", tag, 3, len(values)) + packed.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}HHII", tag, 3, len(values), place + len(beyond))
            beyond += packed
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    entries = entries.replace(b"STRP", struct.pack(f"{order}I", place + len(beyond)))
    return images.Encoded("x.tif", head + entries + bytes(4) + beyond + stored)
