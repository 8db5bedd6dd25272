"""ICC profiles, packed here by the standard: Display P3, gray of any gamma, and a printer of four inks."""

import struct

SRGB_COLORANTS = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))  # adapted to D50
P3_COLORANTS = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
_D50 = (0.9642, 1.0, 0.8249)


def display_p3() -> bytes:
    """That of every iPhone: the colours of P3 with the curve of sRGB."""
    return rgb(P3_COLORANTS)


def rgb(colorants: tuple[tuple[float, float, float], ...], gamma: float | None = None) -> bytes:
    """colorants: XYZ of red, green and blue; gamma: None for the curve of sRGB."""
    tags = {f"{name}XYZ": _xyz(xyz) for name, xyz in zip("rgb", colorants, strict=True)}
    return _profile("RGB ", {**tags, **{f"{name}TRC": _curve(gamma) for name in "rgb"}})


def gray(gamma: float) -> bytes:
    return _profile("GRAY", {"kTRC": _curve(gamma)})


def inks(lab: dict[tuple[int, int, int, int], tuple[float, float, float]]) -> bytes:
    """A printer: what each mixture of no and full inks looks like (all others are black), linear between them."""
    table = b""
    for corner in range(16):
        light, a, b = lab.get(tuple(corner >> bit & 1 for bit in (3, 2, 1, 0)), (0.0, 0.0, 0.0))  # type: ignore[arg-type]
        table += bytes([round(light * 2.55), round(a + 128), round(b + 128)])
    straight = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if place % 4 == 0 else 0 for place in range(9)))
    lookup = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + straight * 4 + table + straight * 3
    return _profile("CMYK", {"A2B0": lookup, "A2B1": lookup}, "prtr", "Lab ")


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _curve(gamma: float | None) -> bytes:
    values = (gamma,) if gamma is not None else (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return (
        b"para" + bytes(4) + struct.pack(f">HH{len(values)}i", 3 if len(values) > 1 else 0, 0, *(round(value * 65536) for value in values))
    )


def _profile(space: str, tags: dict[str, bytes], kind: str = "mntr", connection: str = "XYZ ") -> bytes:
    text = "test".encode("utf-16-be")
    description = b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", len(text), 28) + text
    tags = {"desc": description, "cprt": description, "wtpt": _xyz(_D50), **tags}
    place, table, data = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += struct.pack(">4sII", name.encode(), place + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    size = place + len(data)
    head = struct.pack(">I4sI4s4s4s12x4s", size, b"test", 0x04200000, kind.encode(), space.encode(), connection.encode(), b"acsp")
    return (head.ljust(68, b"\0") + struct.pack(">3i", *(round(value * 65536) for value in _D50))).ljust(128, b"\0") + table + data
