"""Encoded frames in a file of their own: for each its time, whether it is a key frame, its size, and its bytes.

Containers round times to their own ticks, or shift them; here each keeps its number.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

_HEAD = struct.Struct("<q?I")  # time in ticks, key frame, bytes


class Encoded(NamedTuple):
    """An encoded frame. time: of display, in ticks"""

    time: int
    key: bool
    data: bytes


def write_packet(file: IO[bytes], packet: Any) -> None:
    """Write a packet of PyAV."""
    file.write(_HEAD.pack(packet.pts, packet.is_keyframe, packet.size))
    file.write(bytes(packet))


def read_times(path: Path) -> list[int]:
    """The times of the frames in the order of decoding."""
    times = list[int]()
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            time, _, size = _HEAD.unpack(head)
            times.append(time)
            file.seek(size, 1)
    return times


def read_packets(path: Path) -> Iterator[Encoded]:
    """The frames in the order of decoding."""
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            time, key, size = _HEAD.unpack(head)
            yield Encoded(time, key, file.read(size))
