"""Videos and animated pictures as files of frames: read frame by frame, written in parts, joined at the end."""

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from gan_style.files.animated import probe_animation
from gan_style.files.animation import animation_frames, write_animation
from gan_style.files.channels import with_channels
from gan_style.files.formats.format import Picture
from gan_style.files.video.codecs import Encoding
from gan_style.files.video.encoding import PartWriter
from gan_style.files.video.frames import VideoFrame, video_frames
from gan_style.files.video.joining import join
from gan_style.files.video.opening import count_frames
from gan_style.translation.parts import Parts


@dataclass(frozen=True)
class Frame:
    """A frame that is decoded, but not converted. time: of a video's in ticks, else 0; duration: in ticks, or in milliseconds"""

    picture: Callable[[], Picture]
    time: int
    duration: float


@dataclass(frozen=True)
class Finished:
    """A finished part. durations: [n], of its frames; size: height and width of its frames"""

    file: Path
    durations: np.ndarray
    size: tuple[int, int]

    @classmethod
    def of(cls, parts: Parts, number: int) -> "Finished":
        """A part, as `PartInWork` left it."""
        about = parts.load(number)
        height, width = about["size"].tolist()
        return cls(parts.file(number), about["durations"], (height, width))


class Writer(Protocol):
    """Writes one part."""

    def add(self, pixels: np.ndarray, time: int) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


class MovingFile(ABC):
    """A file of frames.

    frames: about how many there are; suffix: of the files of its parts; part: the number of frames in one
    """

    frames: int
    suffix: str
    part: int

    @abstractmethod
    def read(self) -> Generator[Frame]:
        """The frames in order."""

    @abstractmethod
    def writer(self, path: Path, height: int, width: int) -> Writer:
        """Begin a part with frames of this size."""

    @abstractmethod
    def join(self, parts: Sequence["Finished"], to: Path) -> list[str]:
        """Write the result to `to`. Returns what of the source is left out, in words."""


class VideoFile(MovingFile):
    """A video. channels: those that the network takes; target: its suffix chooses the container"""

    suffix, part = ".packets", 96

    def __init__(self, source: Path, target: Path, channels: int, encoding: Encoding, max_pixels: int) -> None:
        self.source, self.target, self.channels, self.encoding, self.max_pixels = source, target, channels, encoding, max_pixels
        self.frames = count_frames(source, max_pixels)
        self.form = next(video_frames(source, max_pixels)).form

    def read(self) -> Generator[Frame]:
        for frame in video_frames(self.source, self.max_pixels):
            yield Frame(lambda frame=frame: self._picture(frame), frame.time, frame.duration)

    def _picture(self, frame: VideoFrame) -> Picture:
        return Picture(with_channels(frame.pixels(), self.channels)[0], labels=False, alpha=None)

    def writer(self, path: Path, height: int, width: int) -> Writer:
        return PartWriter(path, self.form.sized(height, width), self.encoding, self.target.suffix)

    def join(self, parts: Sequence[Finished], to: Path) -> list[str]:
        form = self.form.sized(*parts[0].size)
        return join([part.file for part in parts], int(parts[-1].durations[-1]), self.source, to, form, self.encoding, self.target)


class AnimationFile(MovingFile):
    """An animated GIF, WebP, PNG or AVIF. Its parts are archives of PNG files."""

    suffix, part = ".zip", 16

    def __init__(self, source: Path, target: Path, channels: int, srgb: bool, png_compression: int) -> None:
        self.source, self.target, self.channels, self.srgb, self.png_compression = source, target, channels, srgb, png_compression
        self.about = probe_animation(source)
        self.frames = self.about.frames

    def read(self) -> Generator[Frame]:
        for frame in animation_frames(self.source, self.channels, self.srgb):
            picture = Picture(frame.pixels, self.about.header.palette, frame.alpha)
            yield Frame(lambda picture=picture: picture, 0, frame.duration)

    def writer(self, path: Path, height: int, width: int) -> Writer:
        return _Archive(path)

    def join(self, parts: Sequence[Finished], to: Path) -> list[str]:
        frames = zip(_archived(parts), np.concatenate([part.durations for part in parts]).tolist(), strict=True)
        write_animation(to, self.target, frames, self.about.plays, self.png_compression)
        return []


class _Archive:
    def __init__(self, path: Path) -> None:
        self._file = zipfile.ZipFile(path, "w")

    def add(self, pixels: np.ndarray, time: int) -> None:
        stream = BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)).save(stream, "PNG", compress_level=1)
        self._file.writestr(f"{len(self._file.namelist()):06d}.png", stream.getvalue())

    def close(self) -> None:
        self._file.close()

    def abandon(self) -> None:
        with suppress(OSError):
            self._file.close()


def _archived(parts: Sequence[Finished]) -> Iterator[np.ndarray]:
    for part in parts:
        with zipfile.ZipFile(part.file) as archive:
            for name in archive.namelist():
                pixels = np.asarray(Image.open(archive.open(name)))
                yield pixels.reshape(*pixels.shape[:2], -1)
