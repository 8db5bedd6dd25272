"""Encoding frames into a part of a video: encoded frames that begin with a key frame, so that parts are joined without loss."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import reason
from gan_style.files.video.codecs import CODECS, THREADS, Encoding
from gan_style.files.video.form import Form
from gan_style.files.video.opening import library
from gan_style.files.video.packets import write_packet
from gan_style.files.video.scheduling import usual_scheduling

_RGB, _FULL = 0, 2  # H.273: colours that are no YUV; FFmpeg: the full range
_GLOBAL_HEADER = 1 << 22  # FFmpeg: the encoder's header lies in the container, not in the frames


def options_of(encoding: Encoding, suffix: str) -> dict[str, str]:
    """The encoder's options for a container with this suffix."""
    codec = CODECS[encoding.codec_for(suffix)]
    crf = {} if codec.crf is None else {"crf": str(codec.crf if encoding.crf is None else encoding.crf)}
    return {**(codec.options or {}), **crf}


def configure(context: Any, form: Form, encoding: Encoding, suffix: str) -> None:
    """Give PyAV's encoder the size, the times, the colours and the shape of pixels of a form."""
    codec = CODECS[encoding.codec_for(suffix)]
    context.width, context.height = form.width, form.height
    context.pix_fmt = codec.pixel_format(form.width, form.height, form.deep)
    context.framerate = form.rate
    context.time_base = form.time_base
    if form.shape:
        context.sample_aspect_ratio = form.shape
    context.colorspace, context.color_range = (_RGB, _FULL) if codec.crf is None else (form.matrix, form.range)
    context.color_primaries, context.color_trc = form.primaries, form.transfer
    context.thread_count = THREADS


class PartWriter:
    """Writes one part, for a container with this suffix."""

    def __init__(self, path: Path, form: Form, encoding: Encoding, suffix: str) -> None:
        self._av, self.form = library(path), form
        name = encoding.codec_for(suffix)
        size, least = f"{form.width} x {form.height} pixels", CODECS[name].least
        if min(form.width, form.height) < least:
            raise UserError(f"--codec {name}: cannot encode {size}, only sides of {least} or more; take another codec")
        try:
            self._encoder = self._av.CodecContext.create(name, "w")
            configure(self._encoder, form, encoding, suffix)
            self._encoder.options = options_of(encoding, suffix)
            self._encoder.flags |= _GLOBAL_HEADER
            with usual_scheduling():
                self._encoder.open()
        except (self._av.error.FFmpegError, ValueError) as failure:
            words = getattr(failure, "strerror", None) or reason(failure)
            raise UserError(f"--codec {name}: cannot encode {size} here ({words}); take another codec") from None
        self._file = path.open("wb")

    def add(self, pixels: np.ndarray, time: int) -> None:
        """Encode a frame. pixels: [H, W, 1 or 3], upright, uint8 or uint16; time: in ticks, greater than the last one"""
        form, pixel_format = self.form, self._encoder.pix_fmt
        stored = np.ascontiguousarray(np.rot90(pixels if pixels.shape[2] == 3 else np.repeat(pixels[..., :1], 3, axis=2), -form.turns))
        frame = self._av.VideoFrame.from_ndarray(stored, format="rgb48le" if stored.dtype == np.uint16 else "rgb24")
        if not pixel_format.startswith("yuv"):
            frame = frame.reformat(format=pixel_format, threads=1)
        else:
            ranges = {"src_color_range": _FULL, "dst_color_range": form.sws_range}
            frame = frame.reformat(format=pixel_format, dst_colorspace=form.sws_matrix, threads=1, **ranges)
        frame.pts, frame.time_base = time, form.time_base
        self._write(frame)

    def close(self) -> None:
        """Encode what the encoder holds back, and close the file."""
        self._write(None)
        self._file.close()

    def abandon(self) -> None:
        """Close the file without its last frames."""
        with suppress(OSError):  # of a full disk, which has told already
            self._file.close()

    def _write(self, frame: Any) -> None:
        for packet in self._encoder.encode(frame):
            write_packet(self._file, packet)
