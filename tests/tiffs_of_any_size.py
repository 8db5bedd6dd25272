"""BigTIFFs of any size, packed by hand: gray tiles of 8 bits, of which few are in the file."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np


def sparse(path: Path, height: int, width: int, side: int, filled: dict[int, np.ndarray], file_bytes: int = 0) -> Path:
    """Write deflated tiles of `side` pixels: number -> its pixels; all others have no bytes. file_bytes: the file is made this long."""
    count = -(-height // side) * -(-width // side)
    offsets, sizes = np.zeros(count, "<u8"), np.zeros(count, "<u8")
    tags = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, 8), 262: (3, 1, 1), 277: (3, 1, 1)}
    place = 16 + 8 + 20 * (len(tags) + 4) + 8
    tags |= {322: (4, 1, side), 323: (4, 1, side), 324: (16, count, place), 325: (16, count, place + 8 * count)}
    end = place + 16 * count
    data = b""
    for number, pixels in filled.items():
        packed = zlib.compress(pixels.tobytes())
        offsets[number], sizes[number] = end + len(data), len(packed)
        data += packed
    index = offsets.tobytes() + sizes.tobytes()
    if count == 1:  # a single value stands in the tag itself
        tags |= {324: (16, 1, int(offsets[0])), 325: (16, 1, int(sizes[0]))}
    entries = b"".join(struct.pack("<HHQQ", tag, *fields) for tag, fields in sorted(tags.items()))
    head = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, len(tags))
    path.write_bytes(head + entries + bytes(8) + index + data)
    if file_bytes:
        os.truncate(path, file_bytes)  # takes no space on the disk
    return path
