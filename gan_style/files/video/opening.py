"""Opening a video within bounds, and what is known of it before its frames are decoded.

FFmpeg, which PyAV binds, checks files less strictly than this package does its own. It gets an open file and no name, and only the demuxers
of `_FORMATS`: playlists, which name other files or hosts, are not among them.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from gan_style.errors import UserError
from gan_style.files.bounded import check_pixels, reason
from gan_style.files.opening import open_regular
from gan_style.machine.memory import no_room, room_for

MAX_FRAME = 2**25  # most pixels of a frame: a decoder keeps up to 16 frames, and 8K has 33 million
MAX_DAYS = 30  # longest time that the frames of a video span
_FORMATS = "aac,asf,avi,flv,h264,hevc,ivf,m4v,matroska,webm,mjpeg,mov,mp4,mpeg,mpegts,mpegvideo,nut,obu,ogg,yuv4mpegpipe"
_DAY = 86_400


def library(path: Path) -> Any:
    """PyAV. `UserError` if the extra is missing."""
    os.environ.setdefault("SVT_LOG", "1")  # libsvtav1 tells its settings on stderr at each start; 1: errors alone
    try:
        import av
    except ImportError as failure:
        raise UserError(f"{path}: is a video, which needs PyAV ({reason(failure)}): pip install 'gan_style[video]'") from failure
    return av


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn FFmpeg's errors into a `UserError` that names the file."""
    av = library(path)
    with room_for(f"{path}: no memory to decode it"):
        try:
            yield
        except av.error.FFmpegError as failure:
            if no_room(failure) or isinstance(failure, MemoryError):
                raise MemoryError from failure
            raise UserError(f"{path}: damaged or cut short ({failure.strerror}); replace it, or repair it with ffmpeg") from failure


@contextmanager
def opened_video(path: Path, max_pixels: int = MAX_FRAME) -> Iterator[tuple[Any, Any]]:
    """Yield PyAV's container and its first video stream. `UserError` if there is none, or if it claims more than `max_pixels` pixels."""
    av = library(path)
    bound = {"max_pixels": str(min(2 * max_pixels, 2**31 - 1))}  # of padded frames, in every decoder
    try:
        file = BufferedReader(open_regular(path))
    except OSError as failure:
        raise UserError(f"{path}: cannot be opened ({failure.strerror}); check the path and its permissions") from failure
    with file, told(path):
        if not file.peek(1):
            raise UserError(f"{path}: the file is empty (0 bytes); copy it again or remove it")
        try:
            container = av.open(file, "r", options=bound | {"format_whitelist": _FORMATS}, metadata_errors="replace", buffer_size=2**16)
        except (ValueError, av.error.FFmpegError) as failure:
            if no_room(failure):
                raise
            words = getattr(failure, "strerror", None) or reason(failure)
            raise UserError(f"{path}: is no video that can be read, or is cut short ({words}); replace or remove it") from failure
        with container:
            streams = [each for each in container.streams.video if not each.disposition & av.stream.Disposition.attached_pic]
            if not streams:
                raise UserError(f"{path}: has no video in it; give a file that has, or remove it")
            stream = streams[0]
            if stream.codec_context is None:
                raise UserError(f"{path}: its video has an encoding that FFmpeg does not know here; convert it with ffmpeg")
            check_frame(path, stream.codec_context.width, stream.codec_context.height, max_pixels)
            stream.codec_context.options = bound
            stream.codec_context.thread_count = 2
            stream.thread_type = "AUTO"
            yield container, stream


def check_frame(path: Path, width: int, height: int, max_pixels: int) -> None:
    """`UserError` if a frame has too many pixels."""
    check_pixels(f"{path}: its frames claim", width, height, 3, max_pixels, "scale it down, or raise --max-pixels")


def count_frames(path: Path, max_pixels: int = MAX_FRAME) -> int:
    """The number of encoded frames in the file, which is read to its end; nothing is decoded.

    `UserError` if there are none, if the file ends before its frames do, or if their times span more than `MAX_DAYS`.
    """
    with opened_video(path, max_pixels) as (container, stream):
        first, last, count = math.inf, -math.inf, 0
        for packet in container.demux(stream):
            if packet.size:
                count += 1
                if packet.pts is not None:
                    first, last = min(first, packet.pts), max(last, packet.pts)
        if not count:
            raise UserError(f"{path}: has no frames; replace or remove it")
        if "mov" in container.format.name and stream.frames > count:
            raise UserError(f"{path}: cut short: it claims {stream.frames} frames and holds {count}; copy it again")
        if (last - first) * float(stream.time_base or 0) > MAX_DAYS * _DAY:
            raise UserError(f"{path}: its frames span more than {MAX_DAYS} days, so its times are damaged; write it anew with ffmpeg")
        return count
