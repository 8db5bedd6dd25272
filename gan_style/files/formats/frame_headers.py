"""The headers of compressed frames, read before a decoder sets aside what they claim.

Decoders set aside memory for each precinct and code block of JPEG 2000, so a hundred bytes can take gigabytes: they have a least size here.
"""

from collections.abc import Iterator

_MAX_SCANS = 100  # of a JPEG; each decodes all pixels
_CODESTREAM = b"\xff\x4f\xff\x51"  # how a frame of JPEG 2000 begins
_STYLE, _STYLE_OF_CHANNEL, _PART, _DATA, _END = 0x52, 0x53, 0x90, 0x93, 0xD9  # markers of JPEG 2000, after 0xff
_KNOWN = frozenset({0x51, 0x52, 0x53, 0x55, 0x57, 0x58, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, 0x61, 0x63, 0x64, _PART})  # have a length
_LEAST_BLOCK, _LEAST_PRECINCT = 4, 5  # exponents of 2; encoders take 5 or 6, and 7 or more
_MAX_LAYERS = 100

Shape = tuple[int, int, int]


def jpeg_shape(frame: bytes) -> Shape:
    """Height, width and channels in the header of a JPEG, a lossless JPEG or a JPEG-LS. `ValueError` if there is none."""
    if frame.count(b"\xff\xda") > _MAX_SCANS:
        raise ValueError(f"a JPEG of more than {_MAX_SCANS} scans")
    place = 2
    while len(frame) >= place + 10 and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            return _number(frame, place + 5, 2), _number(frame, place + 7, 2), frame[place + 9]
        place += 1 if marker == 0xFF else 2 + _number(frame, place + 2, 2)
    raise ValueError("a frame without a JPEG's header")


def jpeg_2000_shape(frame: bytes) -> Shape:
    """Height, width and channels in the header of a JPEG 2000 codestream. `ValueError` if there is none, or beyond the bounds above."""
    if not frame.startswith(_CODESTREAM) or len(frame) < 42:
        raise ValueError("a frame without the header of JPEG 2000")
    right, bottom, left, top = (_number(frame, at, 4) for at in (8, 12, 16, 20))
    channels = _number(frame, 40, 2)
    for marker, segment in _segments(frame):
        if marker == _STYLE:
            if _number(segment, 2, 2) > _MAX_LAYERS:
                raise ValueError(f"more than {_MAX_LAYERS} layers")
            _check_style(segment[0], segment[5:])
        elif marker == _STYLE_OF_CHANNEL:
            own = segment[1 if channels < 257 else 2 :]
            _check_style(own[0], own[1:])
    return bottom - top, right - left, channels


def _number(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "big")


def _segments(frame: bytes) -> Iterator[tuple[int, bytes]]:
    """Each marker of the headers, of the whole and of its parts, with its segment after the length."""
    place, part = 2, 0
    while place + 2 <= len(frame) and frame[place] == 0xFF:
        marker, length = frame[place + 1], _number(frame, place + 2, 2)
        if marker == _END:
            return
        if marker == _DATA:
            if part == 0:  # the last part goes to the end
                return
            if part <= place:
                break
            place, part = part, 0
            continue
        if marker not in _KNOWN or length < 2:
            break
        if marker == _PART:
            size = _number(frame, place + 6, 4)
            part = place + size if size else 0
        yield marker, frame[place + 4 : place + 2 + length]
        place += 2 + length
    raise ValueError("a damaged header of JPEG 2000")


def _check_style(style: int, settings: bytes) -> None:
    """settings: levels, width and height of code blocks, two more, and a byte of the precincts of each resolution where `style` is odd"""
    blocks = [2 + (each & 15) for each in settings[1:3]]
    precincts = [each for byte in settings[5 : 6 + settings[0]] for each in (byte & 15, byte >> 4)] if style & 1 else []
    if len(blocks) < 2 or min(blocks) < _LEAST_BLOCK or min(precincts, default=_LEAST_PRECINCT) < _LEAST_PRECINCT:
        raise ValueError(f"code blocks below {2**_LEAST_BLOCK} or precincts below {2**_LEAST_PRECINCT} pixels")
