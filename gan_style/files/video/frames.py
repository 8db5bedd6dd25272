"""Decoding the frames of a video, in the order in which they are shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_style.errors import UserError
from gan_style.files.video.form import Form, form_of
from gan_style.files.video.opening import MAX_FRAME, check_frame, opened_video


@dataclass(frozen=True)
class VideoFrame:
    """A decoded frame.

    picture: PyAV's; time: in ticks of the form's time base, greater than that of the frame before; duration: in ticks, 0 if unknown
    """

    form: Form
    picture: Any
    time: int
    duration: int

    def pixels(self) -> np.ndarray:
        """[H, W, 3], uint8 or uint16, upright. Colours are converted by the matrix and the range of the video; frames of another size are
        scaled to the first one's."""
        form = self.form
        converted = self.picture.reformat(
            form.width,
            form.height,
            "rgb48le" if form.deep else "rgb24",
            src_colorspace=form.sws_matrix,
            src_color_range=form.sws_range,
            dst_color_range=2,
            threads=1,
        )
        return np.ascontiguousarray(np.rot90(converted.to_ndarray(), form.turns))


def video_frames(path: Path, max_pixels: int = MAX_FRAME) -> Iterator[VideoFrame]:
    """The frames of a video. Few lie in memory at a time. `UserError` names a file that is damaged, or has no frame that can be decoded."""
    form, last = None, 0
    with opened_video(path, max_pixels) as (container, stream):
        for picture in container.decode(stream):
            check_frame(path, picture.width, picture.height, max_pixels)
            time = picture.pts
            if form is None:
                form, last = form_of(stream, picture), (time or 0) - 1
            # A frame without a time, or with one that is not after the last frame's, comes one tick after it.
            last = time if time is not None and time > last else last + 1
            yield VideoFrame(form, picture, last, int(picture.duration or 0))
    if form is None:
        raise UserError(f"{path}: has no frame that can be decoded; replace or remove it")
