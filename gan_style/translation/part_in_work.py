"""One part of a video or an animation while it is written, by a thread behind the network."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from gan_style.machine.memory import room_for
from gan_style.terminal.progress import Progress
from gan_style.translation.moving_files import MovingFile, Writer
from gan_style.translation.picture import Original, result_pixels

_LOSSLESS = ".png"  # until they are encoded, frames keep the depth and the alpha that this format holds


@dataclass(frozen=True)
class Ready:
    """A frame at the network's size. number: from 1; time, duration: as of `moving_files.Frame`"""

    original: Original
    number: int
    time: int
    duration: float


@dataclass
class PartInWork:
    """Writes the results of some frames to `path`. waiting: most results that wait to be encoded"""

    file: MovingFile
    path: Path
    encoder: Executor
    keep_resized: bool
    waiting: int
    progress: Progress
    _writer: Writer | None = None

    def write(self, results: Iterable[tuple[Ready, Tensor]]) -> dict[str, np.ndarray]:
        """Write all results. Returns what `Finished` needs of them."""
        durations, encoding = list[float](), deque[Future[tuple[int, int]]]()
        size = 0, 0
        try:
            for frame, result in results:
                durations.append(frame.duration)
                encoding.append(self.encoder.submit(self._encode, frame, result))
                while len(encoding) > self.waiting:
                    size = self._settled(encoding)
            while encoding:
                size = self._settled(encoding)
            assert self._writer is not None
            self._writer.close()
        except BaseException:
            for each in encoding:
                each.cancel()
            wait(encoding)
            if self._writer is not None:
                self._writer.abandon()
            raise
        return {"durations": np.array(durations, np.float64), "size": np.array(size, np.int64)}

    def _encode(self, frame: Ready, result: Tensor) -> tuple[int, int]:
        """Returns the height and the width of the frame."""
        with room_for(f"{self.path}: no memory to encode a frame"):
            pixels = result_pixels(frame.original, result, self.keep_resized, _LOSSLESS)
            height, width = pixels.shape[:2]
            if self._writer is None:
                self._writer = self.file.writer(self.path, height, width)
            self._writer.add(pixels, frame.time)
        return height, width

    def _settled(self, encoding: deque[Future[tuple[int, int]]]) -> tuple[int, int]:
        """Wait for the oldest frame to be encoded."""
        wait([encoding[0]])  # an interruption leaves it in the queue
        size = encoding.popleft().result()
        self.progress.update()
        return size
