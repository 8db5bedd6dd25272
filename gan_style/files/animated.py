"""Animated pictures: what a file says of its frames, before they are decoded."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from gan_style.errors import UserError
from gan_style.files import pillow
from gan_style.files.bounded import Header, opened, reason
from gan_style.machine.memory import no_room, room_for

WRITTEN_SUFFIXES = frozenset({".gif", ".webp", ".png"})  # of results that can be animated
MAX_ANIMATED = 2**28  # most pixels of all frames together; a writer of Pillow holds four bytes of each
MAX_FRAMES = 2**16  # it holds five thousand bytes of a frame beside its pixels


@dataclass(frozen=True)
class Animation:
    """What the result of an animated picture has from its input. frames: their number; plays: how often it is played, 0 for ever"""

    header: Header
    frames: int
    plays: int


@contextmanager
def opened_animation(path: Path) -> Iterator[tuple[Any, Header, Any]]:
    """Yield Pillow's image, its header and the open file. `UserError` names a file that is damaged."""
    with room_for(f"{path}: no memory to decode it"), opened(path) as stream, pillow.open_image(stream, path) as (image, header):
        try:
            yield image, header, stream
        except UserError:
            raise
        except Exception as failure:  # Pillow's decoders raise nearly anything on damaged data
            if no_room(failure):
                raise
            raise UserError(f"{path}: damaged or cut short ({reason(failure)}); replace or remove it") from failure


def is_animated(path: Path) -> bool:
    """Does the file hold more than one frame? False for one that cannot be read."""
    try:
        with opened_animation(path) as (_, header, _):
            return header.several and header.depth == 8
    except UserError:
        return False


def probe_animation(path: Path) -> Animation:
    """What a file says of its frames. `UserError` if it is damaged, or has more than `MAX_FRAMES` frames or `MAX_ANIMATED` pixels."""
    with opened_animation(path) as (image, header, _):
        frames = int(getattr(image, "n_frames", 1)) - still_frames(image)
        if frames > MAX_FRAMES or frames * header.width * header.height > MAX_ANIMATED:
            most = f"{MAX_FRAMES} frames" if frames > MAX_FRAMES else f"{MAX_ANIMATED} pixels together"
            words = f"{frames} frames of {header.width} x {header.height} pixels, more than {most}"
            raise UserError(f"{path}: has {words}; make a video of it: ffmpeg -i {path.name} {path.stem}.mp4")
        loop = image.info.get("loop")
        if image.format == "GIF":  # its number counts the repetitions
            return Animation(header, frames, 1 if loop is None else 0 if loop == 0 else int(loop) + 1)
        return Animation(header, frames, int(loop or 0))


def still_frames(image: Image.Image) -> int:
    """The number of frames that are no part of the animation: a PNG may have a still picture for readers of the old format."""
    return int(bool(image.info.get("default_image")))
