"""The form of a video: what its result keeps beside the frames."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

_DISPLAY_MATRIX = "DISPLAYMATRIX"
_ALPHA_MODE = "alpha_mode"  # Matroska's element: the frames' alpha is beside them, where FFmpeg's own decoder does not look
_UNKNOWN, _RGB = 2, 0  # H.273: matrices of colours that are not said, and none
_FULL = 2
_LARGEST_SHAPE = 255  # H.264 holds 16 bits of each side of the ratio, and 255 is near enough
_HD = 720  # lines from which on players take colours that are not said as BT.709
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # of H.273, and the same for swscale
_TURNS = {(1, 0, 0, 1): 0, (0, 1, -1, 0): 3, (-1, 0, 0, -1): 2, (0, -1, 1, 0): 1}  # signs of a display matrix -> quarter turns to the left


@dataclass(frozen=True)
class Form:
    """What the result of a video has from its input.

    width, height: of the encoded frames, which `display` turns
    time_base: seconds of a tick of the frames' times; rate: frames a second, or a guess
    shape: width of a pixel over its height, 0 if unknown
    display: the nine numbers of the display matrix (ISO 14496-12), or None
    range, matrix, primaries, transfer: of colours, as H.273 and FFmpeg number them
    deep: more than 8 bits; alpha: does the input have one? The result does not
    end: time at which the last frame ends, in ticks; 0 if the file does not say
    """

    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    shape: Fraction
    display: tuple[int, ...] | None
    range: int
    matrix: int
    primaries: int
    transfer: int
    deep: bool
    end: int = 0
    alpha: bool = False

    @property
    def turns(self) -> int:
        """Quarter turns to the left that make an encoded frame upright."""
        if self.display is None:
            return 0
        signs = tuple(int(np.sign(self.display[place])) for place in (0, 1, 3, 4))
        return _TURNS.get(signs, 0)  # type: ignore[arg-type]

    def sized(self, height: int, width: int) -> "Form":
        """The form for frames of another upright size. The shape of the pixels changes so that the picture keeps its proportions."""
        rows, columns = (width, height) if self.turns % 2 else (height, width)
        if (rows, columns) == (self.height, self.width):
            return self
        shape = (self.shape or 1) * Fraction(self.width, self.height) * Fraction(rows, columns)
        return replace(self, width=columns, height=rows, shape=shape.limit_denominator(_LARGEST_SHAPE))

    @property
    def sws_matrix(self) -> int:
        """The matrix with which swscale converts."""
        return _MATRICES.get(self.matrix, 1 if max(self.height, 0) >= _HD else 5)

    @property
    def sws_range(self) -> int:
        return _FULL if self.range == _FULL else 1


def form_of(stream: Any, frame: Any) -> Form:
    """The form of a video from its stream and its first frame."""
    display = next((bytes(side) for side in frame.side_data if side.type.name == _DISPLAY_MATRIX), None)
    named = frame.format.name.startswith("yuvj")
    rgb = frame.format.is_rgb
    return Form(
        frame.width,
        frame.height,
        Fraction(stream.time_base),
        Fraction(stream.average_rate or stream.guessed_rate or 25),
        Fraction(stream.sample_aspect_ratio or 0),
        None if display is None or len(display) != 36 else tuple(int(each) for each in np.frombuffer(display, "=i4")),
        _FULL if named else 0 if rgb else int(frame.color_range),
        1 if rgb or int(frame.colorspace) == _RGB else int(frame.colorspace),
        int(frame.color_primaries),
        int(frame.color_trc),
        max(component.bits for component in frame.format.components) > 8,
        0 if stream.duration is None else int(stream.start_time or 0) + int(stream.duration),
        any(component.is_alpha for component in frame.format.components) or stream.metadata.get(_ALPHA_MODE) == "1",
    )
