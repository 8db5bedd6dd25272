"""Animated pictures, which Pillow reads and writes: GIF, WebP and PNG (APNG). AVIF sequences are read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from gan_style.errors import UserError
from gan_style.files import pillow
from gan_style.files.animated import opened_animation, still_frames
from gan_style.files.bounded import count_anew, reason
from gan_style.files.channels import with_channels

_OPAQUE = 128  # GIF has no half-transparent pixels: alpha from here on is opaque
_PLAYS = 65_535  # 16 bits
_COLOURS = 255  # of a GIF's frame, beside the transparent one


@dataclass(frozen=True)
class AnimationFrame:
    """A frame as it is shown, with all that lies under it.

    pixels: [H, W, C] uint8; alpha: [H, W] if the picture has some and `pixels` has no channel for it; duration: milliseconds
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    duration: float


def animation_frames(path: Path, channels: int, srgb: bool = True) -> Iterator[AnimationFrame]:
    """The frames of a file, one at a time. channels, srgb: as in `images.read`"""
    with opened_animation(path) as (image, header, stream):
        for number, frame in enumerate(ImageSequence.Iterator(image)):  # type: ignore[arg-type]
            count_anew(stream)
            frame.load()
            if number >= still_frames(image):
                pixels = pillow.pixels_of(frame, channels, srgb and not header.palette, path)
                pixels, alpha = with_channels(pixels, channels)
                yield AnimationFrame(pixels, alpha, float(frame.info.get("duration", 0)))


def write_animation(path: Path, kind: Path, frames: Iterable[tuple[np.ndarray, float]], plays: int, png_compression: int) -> None:
    """Write frames ([H, W, 1 to 4] uint8, milliseconds) to `path`, in the format of the suffix of `kind`. WebP and PNG lose nothing.

    plays: 0 for ever; GIF and WebP count to 65535. `UserError` for frames that the format cannot hold
    """
    pictures, durations = list[Image.Image](), list[float]()
    suffix = kind.suffix.lower()
    for pixels, duration in frames:
        pictures.append(_palette(pixels) if suffix == ".gif" else _picture(pixels))
        durations.append(duration)
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        ".gif": ("GIF", {"disposal": 2, **({} if plays == 1 else {"loop": min(max(0, plays - 1), _PLAYS)})}),
        ".webp": ("WEBP", {"lossless": True, "exact": True, "loop": min(plays, _PLAYS)}),
        ".png": ("PNG", {"compress_level": png_compression, "loop": plays, "blend": 0}),
    }
    format, options = kinds[suffix]
    stream = BytesIO()
    shown = _rounded(durations, 10 if suffix == ".gif" else 1)
    try:
        pictures[0].save(stream, format, save_all=True, append_images=pictures[1:], duration=shown, **options)
    except (OSError, ValueError, RuntimeError, OverflowError) as failure:  # WebP ends at 16383 pixels a side, GIF at 655 s a frame
        raise UserError(f"{kind}: its frames do not fit this format ({reason(failure)}); take another --format") from failure
    path.write_bytes(stream.getvalue())


def _picture(pixels: np.ndarray) -> Image.Image:
    if pixels.shape[2] == 2:
        pixels = np.concatenate([np.repeat(pixels[..., :1], 3, axis=2), pixels[..., 1:]], axis=2)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def _palette(pixels: np.ndarray) -> Image.Image:
    """A frame of a GIF: its own 255 colours, and a transparent one where alpha is below half."""
    picture = _picture(pixels)
    colours = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.FLOYDSTEINBERG)
    if picture.mode != "RGBA":
        return colours
    clear = Image.fromarray(np.where(pixels[..., -1] >= _OPAQUE, np.asarray(colours), _COLOURS).astype(np.uint8), "P")
    clear.putpalette(bytes(colours.getpalette() or [])[: 3 * _COLOURS].ljust(3 * 256, b"\0"))
    clear.info["transparency"] = _COLOURS
    return clear


def _rounded(durations: list[float], step: int) -> list[int]:
    """Durations as multiples of `step` whose sums stay next to the true ones."""
    ends = [round(end / step) * step for end in accumulate(durations)]
    return [end - before for end, before in zip(ends, [0, *ends], strict=False)]
