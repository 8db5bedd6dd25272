"""Videos and animated pictures: frames are decoded ahead, translated in batches, and encoded behind, in parts that outlive a kill."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, count, islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_style.errors import UserError, one_line
from gan_style.files.animated import WRITTEN_SUFFIXES
from gan_style.files.atomic import replacing
from gan_style.files.bounded import Header
from gan_style.files.video.codecs import Encoding
from gan_style.files.video.opening import MAX_FRAME
from gan_style.files.writing import FAST_PNG
from gan_style.machine.batches import Batches, read_ahead, result_of
from gan_style.machine.memory import OutOfMemory, room_for
from gan_style.terminal.progress import Progress, say
from gan_style.tiling.scratch import told_where_refused
from gan_style.tiling.shared import SharedStatistics
from gan_style.translation.cuts import Cuts
from gan_style.translation.inputs import Job
from gan_style.translation.moving_files import AnimationFile, Finished, Frame, MovingFile, VideoFile
from gan_style.translation.part_in_work import PartInWork, Ready
from gan_style.translation.parts import Parts
from gan_style.translation.picture import original_of
from gan_style.translation.pipeline import Moves, translate_together, unfit
from gan_style.translation.predictor import Predictor
from gan_style.translation.translators import Translator

_SMALLER = "translate smaller with --resize N"


@dataclass
class MovingPictures:
    """Translates videos and animated pictures, frame by frame.

    identity: what must be equal beside the file, so that finished parts of earlier work are kept
    resize, keep_resized: as for pictures; batch_size: most frames in one forward
    max_pixels: most pixels of a frame; shared: the statistics in the translator's network, if frames share them
    scratch: folder for the parts; None: in the output folder
    """

    predictor: Predictor
    translator: Translator
    identity: Callable[[], Mapping[str, object]] = dict
    resize: int | str = "none"
    keep_resized: bool = False
    batch_size: int = 1
    encoding: Encoding = field(default_factory=Encoding)
    max_pixels: int = MAX_FRAME
    shared: SharedStatistics | None = None
    scratch: Path | None = None
    png_compression: int = FAST_PNG
    shown: bool = True

    def __post_init__(self) -> None:
        self._batches = Batches(self._run, 1 if self.translator.one_by_one else self.batch_size)

    def takes(self, job: Job) -> bool:
        """Is it known already that the job is a video or an animation?"""
        return job.kind != "picture"

    def check(self, job: Job, header: Header) -> None:
        """`Moves` for a picture that turns out to be animated, if its result can be. Any thread may ask."""
        if header.several and header.depth == 8 and job.target.suffix.lower() in WRITTEN_SUFFIXES:
            raise Moves(f"{job.source}: is animated")

    def translate(self, job: Job) -> None:
        """Translate and write one file. `UserError` names it."""
        with room_for(f"{job.source}: no memory to translate it", _SMALLER):
            file = self._opened(job)
            parts = Parts(job.target, self._identity(job, file), file.suffix, self.scratch)
            try:
                finished = self._translated(job, file, parts)
                self._join(job, file, finished)
            except UserError as mistake:  # the same mistake would come again, but where the system refused something
                parts.close(forget=not _refused(mistake))
                raise
            except BaseException:
                parts.close(forget=False)
                raise
            parts.close(forget=True)

    def _opened(self, job: Job) -> MovingFile:
        info = self.predictor.info
        if job.kind != "video":
            return AnimationFile(job.source, job.target, info.in_channels, info.labels not in ("yes", "nearest"), self.png_compression)
        if info.out_channels in (2, 4):
            raise UserError(
                f"{job.source}: the results have {info.out_channels} channels, the last of them alpha, which no video holds here"
            )
        return VideoFile(job.source, job.target, info.in_channels, self.encoding, self.max_pixels)

    def _identity(self, job: Job, file: MovingFile) -> dict[str, object]:
        about = job.source.stat()
        return {"file": [about.st_size, about.st_mtime_ns, file.frames], "target": job.target.name, **self.identity()}

    def _translated(self, job: Job, file: MovingFile, parts: Parts) -> list[Finished]:
        """All parts. Those of earlier work are not done again."""
        finished = [Finished.of(parts, number) for number in range(parts.finished)]
        done = sum(len(part.durations) for part in finished)
        cuts = self._begin(parts)
        if done and self.shown:
            say(one_line(f"{job.source}: going on with earlier work after {done} of {file.frames} frames"))
        with (
            closing(file.read()) as frames,
            ThreadPoolExecutor(1) as decoder,
            ThreadPoolExecutor(1) as encoder,
            Progress(job.source.name, "frames", file.frames, done, shown=self.shown) as progress,
        ):
            ready = self._ready(job, frames, done, decoder)
            while first := next(ready, None):
                some = chain([first], islice(ready, file.part - 1))
                with told_where_refused(parts.folder), replacing(parts.file(len(finished))) as temporary:
                    part = PartInWork(file, temporary, encoder, self.keep_resized, self._batches.size, progress)
                    about = part.write(self._results(job, some, cuts))
                    parts.save(len(finished), {**about, **self._state(cuts)})
                finished.append(Finished.of(parts, len(finished)))
        if not finished:
            raise UserError(f"{job.source}: has no frame that can be decoded; replace or remove it")
        if (decoded := sum(len(part.durations) for part in finished)) < file.frames and self.shown:
            say(one_line(f"{job.source}: {decoded} of its {file.frames} frames could be decoded"))
        return finished

    def _begin(self, parts: Parts) -> Cuts:
        """Set the shared statistics as they were after the last finished part."""
        if self.shared is None:
            return Cuts()
        state = parts.load(parts.finished - 1) if parts.finished else {}
        self.shared.load({name.removeprefix("shared."): torch.from_numpy(each) for name, each in state.items()})
        return Cuts(state.get("last"))

    def _state(self, cuts: Cuts) -> dict[str, np.ndarray]:
        if self.shared is None or cuts.last is None:
            return {}
        return {"last": cuts.last, **{f"shared.{name}": each.numpy() for name, each in self.shared.state().items()}}

    def _ready(self, job: Job, frames: Iterator[Frame], done: int, decoder: ThreadPoolExecutor) -> Iterator[Ready]:
        """The frames after the first `done`, which are decoded, because others depend on them, but not converted."""

        def read(number: int) -> Ready | None:
            if number == done + 1:
                for _ in islice(frames, done):
                    pass
            if (frame := next(frames, None)) is None:
                return None
            picture = original_of(job, frame.picture(), self.predictor.info, self.resize)
            return Ready(picture, number, frame.time, frame.duration)

        for _, reading in read_ahead(read, count(done + 1), decoder):
            if (frame := reading.result()) is None:
                return
            yield frame

    def _results(self, job: Job, frames: Iterable[Ready], cuts: Cuts) -> Iterator[tuple[Ready, Tensor]]:
        """Each frame with its result. A cut begins a new batch, and with it new statistics."""
        batch = list[Ready]()
        for frame in frames:
            if self.shared is not None and cuts.at(frame.original.pixels):
                yield from self._over(job, batch)
                batch = []
                self.shared.reset()
            batch.append(frame)
            if len(batch) >= self._batches.size:
                yield from self._over(job, batch)
                batch = []
        yield from self._over(job, batch)

    def _over(self, job: Job, batch: Sequence[Ready]) -> Iterator[tuple[Ready, Tensor]]:
        for frame, result in self._batches.over(batch):
            try:
                translated = result_of(result)
            except OutOfMemory as mistake:
                raise OutOfMemory(f"{job.source}: frame {frame.number}: {mistake.what}", mistake.advice) from mistake
            except UserError as mistake:
                raise UserError(f"{job.source}: frame {frame.number}: {mistake}") from mistake
            if why := unfit(translated):
                raise UserError(f"{job.source}: frame {frame.number}: {why}")
            yield frame, translated

    def _run(self, batch: Sequence[Ready]) -> Sequence[Tensor]:
        before = None if self.shared is None else self.shared.state()
        try:
            return translate_together(self.translator, [frame.original for frame in batch])
        except OutOfMemory:  # the frames come again in a smaller batch
            if self.shared is not None and before is not None:
                self.shared.load(before)
            raise

    def _join(self, job: Job, file: MovingFile, finished: Sequence[Finished]) -> None:
        try:
            with replacing(job.target) as temporary:
                left_out = file.join(finished, temporary)
        except OSError as failure:
            raise UserError(
                f"{job.target}: cannot be written ({failure.strerror or failure}); free the disk or choose another folder"
            ) from failure
        if left_out and self.shown:
            say(one_line(f"{job.source}: the result lacks {', '.join(left_out)}"))


def _refused(mistake: UserError) -> bool:
    """Did the system refuse memory, or room on the disk? Pillow raises an `OSError` for damaged pictures too, without a number."""
    cause = mistake.__cause__
    return isinstance(mistake, OutOfMemory) or (isinstance(cause, OSError) and cause.errno is not None)
