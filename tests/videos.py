"""Videos drawn for tests: a square that moves over a slope of colours, with a tone; and what a player would see and hear of a video."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TICKS = 12_800  # a second
RATE = 44_100
UNEVEN = (0, 512, 1400, 1912, 2424, 4000, 4512, 5024, 6000, 6512)  # times of frames in ticks


def draw_frame(number: int, height: int = 32, width: int = 48) -> np.ndarray:
    """[height, width, 3] uint8: a white square on a slope, which moves to the right; its upper left corner is always blue."""
    y, x = np.mgrid[0:height, 0:width]
    frame = np.stack([x * 200 // width, y * 200 // height, 60 + 0 * x], axis=2).astype(np.uint8)
    left = (2 * number) % max(1, width - 10)
    frame[height // 2 : height // 2 + 8, left : left + 8] = 255
    frame[: height // 4, : width // 4] = (20, 40, 250)
    return frame


def draw_video(
    path: Path,
    frames: int = 10,
    size: tuple[int, int] = (32, 48),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: str | None = None,
    times: Sequence[int] | None = None,
    turn: int = 0,
    shape: Fraction | None = None,
    matrix: int | None = None,
    range: int | None = None,
    drawn: Sequence[np.ndarray] | None = None,
) -> Path:
    """Write a video. turn: degrees to the left of its display matrix; times: of the frames, in ticks; drawn: its frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"crf": "10"} if codec.startswith("lib") else {})
        stream.height, stream.width, stream.pix_fmt = *(size if drawn is None else drawn[0].shape[:2]), pixels
        stream.codec_context.time_base = Fraction(1, TICKS)
        if shape is not None:
            stream.codec_context.sample_aspect_ratio = shape
        if matrix is not None:
            stream.codec_context.colorspace = matrix
        if range is not None:
            stream.codec_context.color_range = range
        if turn:
            stream.set_display_rotation(turn)
        tone = container.add_stream(sound, rate=RATE) if sound else None
        shown = drawn if drawn is not None else [draw_frame(number, *size) for number in np.arange(frames).tolist()]
        times = times or [512 * number for number in np.arange(len(shown)).tolist()]
        for time, picture in zip(times, shown, strict=False):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format=pixels, dst_colorspace=matrix, dst_color_range=range or 1) if pixels.startswith("yuv") else frame
            frame.pts, frame.time_base = time, Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        if tone is not None:
            wave = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE)).astype(np.float32)
            for start in np.arange(0, len(wave), 1024).tolist():
                part = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="fltp", layout="mono")
                part.sample_rate, part.pts, part.time_base = RATE, start, Fraction(1, RATE)
                container.mux(tone.encode(part))
            container.mux(tone.encode(None))
        container.mux(stream.encode(None))
    return path


@dataclass
class Shown:
    """What a player shows. seconds: of each frame; frames: as they are stored, RGB; facts: of the first frame and the stream"""

    seconds: list[float]
    frames: list[np.ndarray]
    facts: dict[str, object]


def shown(path: Path) -> Shown:
    """Decode a video."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoded = list(container.decode(stream))
        first = decoded[0]
        facts = {
            "turn": first.rotation,
            "shape": stream.sample_aspect_ratio,
            "range": int(first.color_range),
            "matrix": int(first.colorspace),
            "codec": stream.codec_context.name,
            "format": first.format.name,
            "size": (first.height, first.width),
        }
        return Shown([float(each.pts * each.time_base) for each in decoded], [each.to_ndarray(format="rgb24") for each in decoded], facts)


def heard(path: Path) -> list[tuple[float, bytes]]:
    """The packets of sound: their time in seconds, and their bytes."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return [(float(each.pts * each.time_base), bytes(each)) for each in packets]
