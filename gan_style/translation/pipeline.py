"""The loop over pictures: read ahead, translate in batches of equal size, write in the background."""

import errno
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

import torch
from torch import Tensor

from gan_style.errors import UserError, one_line
from gan_style.files import images
from gan_style.files.bounded import Header, TooLarge
from gan_style.files.writing import FAST_PNG
from gan_style.machine.batches import Batches, alike, read_ahead
from gan_style.machine.memory import room_for
from gan_style.machine.share import ALONE, Share
from gan_style.terminal.counted import counted
from gan_style.terminal.progress import Progress
from gan_style.translation.inputs import Job, kept_before
from gan_style.translation.large import LargePictures, remove_scratch
from gan_style.translation.picture import Original, kind_of_pixels, read_source, write_result
from gan_style.translation.predictor import Predictor
from gan_style.translation.termination import exiting_on_termination
from gan_style.translation.translators import Plain, Translator

GPU_BATCH = 8
_SMALLER = "scale it down, or translate smaller with --resize N"
NO_USE_GOING_ON = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # the disk is full or read-only


def batch_of(predictor: Predictor, resize: int | str, keep_resized: bool) -> int:
    """The most pictures in one forward, where the user does not say: 8 on a GPU, else 1.

    Other batch sizes may take other kernels, which round otherwise: where the result must be the one that training showed, pictures go
    one by one as they did there.
    """
    as_in_training = resize == "train" and keep_resized
    return GPU_BATCH if predictor.device.type != "cpu" and not as_in_training else 1


def translate_together(translator: Translator, batch: Sequence[Original]) -> Sequence[Tensor]:
    """The results [C, h, w] of pictures of one kind (`kind_of_pixels`). `OutOfMemory` if they do not fit."""
    with room_for("no memory to translate it", _SMALLER):
        return list(translator(batch, torch.stack([images.to_integers(source.pixels) for source in batch])))


def unfit(result: Tensor) -> str | None:
    """Why a result is not written, in words: it would be black. None for a good one."""
    return None if torch.isfinite(result).all() else "its translation is not finite; take --precision fp32 or an earlier checkpoint"


class Moves(UserError):
    """A picture turned out to be animated."""


class Apart(Protocol):
    """Translates some jobs one by one, such as videos.

    takes: is it known already that the job is one? check: `Moves` if a picture's header says so; translate: `UserError` names the file
    """

    def takes(self, job: Job) -> bool: ...
    def check(self, job: Job, header: Header) -> None: ...
    def translate(self, job: Job) -> None: ...


@dataclass
class Tally:
    """The counts of the jobs so far. They are correct at any moment, also after an interruption."""

    translated: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def reported(self, output: Path, left_out: int = 0, share: Share = ALONE) -> Iterator[None]:
        """While entered, SIGTERM unwinds the stack. However the work ends, the counts are printed. `UserError` at the end if jobs failed.

        left_out: number of files with pictures that were no jobs and were named before
        share: of this process. The main process prints the counts of all and tells their failures; the others exit with code 2 if a job
            failed anywhere. A process that is interrupted prints its own counts and does not wait for the others.
        """
        with share.together():
            stopped: UserError | None = None
            try:
                with exiting_on_termination():
                    yield
            except UserError as mistake:  # such as a full disk
                stopped = mistake
            except BaseException:
                self._print(output, left_out)
                raise
            whole = Tally.sum_of(share.gathered(self))
            if share.main:
                whole._print(output, left_out)
            if stopped:
                raise stopped
            if share.main:
                whole._raise()

    @classmethod
    def sum_of(cls, parts: Sequence["Tally"]) -> "Tally":
        """The counts of several processes together."""
        failures = [failure for part in parts for failure in part.failures]
        return cls(sum(part.translated for part in parts), sum(part.skipped for part in parts), failures)

    def _print(self, output: Path, left_out: int) -> None:
        if self.skipped:
            print(one_line(kept_before(self.skipped, output)))
        counts = f"{self.translated} translated, {self.skipped} skipped (exist), {len(self.failures)} failed"
        print(one_line(f"{counts} -> {output}"), flush=True)
        if left_out:
            print(f"left out: {counted(left_out, 'file')} with pictures, named at the start", flush=True)

    def _raise(self) -> None:
        """`UserError` if jobs failed, after a line for each."""
        if len(self.failures) == 1:
            raise UserError(self.failures[0])
        for failure in self.failures:
            print(f"failed: {failure}", file=sys.stderr)
        if self.failures:
            raise UserError(f"{len(self.failures)} files failed, the first of them {self.failures[0]}")


@dataclass
class Translation:
    """Runs jobs through a predictor.

    resize: the size of translation: "none", "train" or the length of the shorter side
    keep_resized: results keep that size; else they are resized to their input's
    batch_size: most pictures in one forward; None chooses
    overwrite: translate jobs whose result exists too
    png_compression: 0 (fast) to 9 (small)
    shown: show the progress
    translator: None for the predictor alone
    large: translates what is too large at once, moving: videos and animations, volumes: files of several slices; None for nothing

    Memory holds up to `batch_size` pictures that wait for others of their size, as many results that wait to be written, and one picture
    for each two threads that is being read.
    """

    predictor: Predictor
    resize: int | str = "none"
    keep_resized: bool = False
    batch_size: int | None = None
    overwrite: bool = False
    png_compression: int = FAST_PNG
    shown: bool = True
    translator: Translator | None = None
    large: LargePictures | None = None
    moving: Apart | None = None
    volumes: Apart | None = None
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self._translator = self.translator or Plain(self.predictor)
        size = self.batch_size or batch_of(self.predictor, self.resize, self.keep_resized)
        self._batches = Batches(self._translate, 1 if self._translator.one_by_one else size)
        self._threads = min(8, max(2, os.cpu_count() or 2))  # a GPU, and a small network on a CPU, are faster than one thread encodes
        self._by_regions, self._moving, self._volumes = list[Job](), list[Job](), list[Job]()  # they follow the others
        self._writing: deque[Future[None]] = deque()
        self._counting = Lock()

    def run(self, jobs: Iterable[Job]) -> None:
        """Translate `jobs`. `tally.failures` names pictures that cannot be read, translated or written; the others are done.

        A full disk ends the run with a `UserError`. However it ends, finished results are still written.
        """
        todo = list[Job]()
        for job in jobs:
            if job.done and not self.overwrite:
                self.tally.skipped += 1
            elif self.moving is not None and self.moving.takes(job):
                self._moving.append(job)
            elif self.volumes is not None and self.volumes.takes(job):
                self._volumes.append(job)
            else:
                (self._by_regions if self.large is not None and self.large.takes(job) else todo).append(job)
        if todo:
            self._run(todo)
        while self._by_regions and self.large is not None:
            self._translate_apart(self.large.translate, self._by_regions.pop(0), "a smaller --max-memory or --tile")
        while self._moving and self.moving is not None:
            self._translate_apart(self.moving.translate, self._moving.pop(0), "--resize N")
        while self._volumes and self.volumes is not None:
            self._translate_apart(self.volumes.translate, self._volumes.pop(0), "--resize N")

    def _run(self, todo: list[Job]) -> None:
        """Translate pictures that fit into memory."""
        with ThreadPoolExecutor(self._threads) as threads, Progress("translating", "images", len(todo), shown=self.shown) as progress:
            try:
                sources = self._sources(todo, threads, progress)
                for group in alike(sources, kind_of_pixels, lambda waiting: waiting >= self._batches.size):
                    for source, result in self._batches.over(group):
                        self._take(source, result, threads, progress)
                while self._writing:
                    self._settle(progress)
            finally:  # after an interruption or a fault
                while self._writing:
                    self._settle(progress, going_on=False)

    def _translate_apart(self, translate: Callable[[Job], None], job: Job, smaller: str) -> None:
        try:
            with room_for(f"{job.source}: no memory to translate it", f"take {smaller}"):
                translate(job)
            self.tally.translated += 1
        except UserError as mistake:
            self.tally.failures.append(one_line(str(mistake)))
            if getattr(mistake.__cause__, "errno", None) in NO_USE_GOING_ON:
                raise

    def _sources(self, jobs: list[Job], threads: ThreadPoolExecutor, progress: Progress) -> Iterator[Original]:
        """The jobs' pictures in order, without those that are translated by regions, or frame by frame."""
        fitting = len(jobs)
        for job, reading in read_ahead(self._read, jobs, threads, max(1, self._threads // 2)):
            try:
                source = reading.result()
                if self.large is None or not self.large.too_large(source.height, source.width):
                    yield source
                    continue
                apart = self._by_regions
            except UserError as mistake:
                if not isinstance(mistake, Moves) and (self.large is None or not isinstance(mistake, TooLarge)):
                    self._fail(str(mistake), progress)
                    continue
                apart = self._moving if isinstance(mistake, Moves) else self._by_regions
            apart.append(job)
            progress.expect(fitting := fitting - 1)

    def _read(self, job: Job) -> Original:
        with room_for(f"{job.source}: no memory to read and resize it", _SMALLER):
            return read_source(job, self.predictor.info, self.resize, lambda header: self._look(job, header))

    def _look(self, job: Job, header: Header) -> None:
        """`Moves` or `TooLarge` for a picture that is not to be decoded at once."""
        if self.moving is not None:
            self.moving.check(job, header)
        if self.large is not None:
            self.large.check(header)

    def _translate(self, batch: Sequence[Original]) -> Sequence[Tensor]:
        return translate_together(self._translator, batch)

    def _take(self, source: Original, result: Tensor | UserError, threads: ThreadPoolExecutor, progress: Progress) -> None:
        """Pass a result on to be written."""
        if isinstance(result, UserError):
            self._fail(f"{source.job.source}: {result}", progress)
        elif why := unfit(result):
            self._fail(f"{source.job.source}: {why}", progress)
        else:
            self._writing.append(threads.submit(self._write, source, result))
            while len(self._writing) > self._batches.size:
                self._settle(progress)

    def _write(self, source: Original, result: Tensor) -> None:
        with room_for(f"{source.job.source}: no memory to write its translation", _SMALLER):
            write_result(source, result, self.keep_resized, self.png_compression)
        if isinstance(source.job, Job):
            remove_scratch(source.job, self.predictor.tiling)
        with self._counting:  # here, where no signal comes between a result and its count: Python delivers them to the main thread
            self.tally.translated += 1

    def _settle(self, progress: Progress, going_on: bool = True) -> None:
        """Wait for the oldest result to be written. going_on: False raises nothing, even if writing failed"""
        wait([self._writing[0]])  # an interruption leaves it to be settled afterwards
        mistake = self._writing.popleft().exception()
        if mistake is None:
            progress.update()
            return
        if isinstance(mistake, UserError):
            self._fail(str(mistake), progress)
        if not isinstance(mistake, UserError) or (going_on and getattr(mistake.__cause__, "errno", None) in NO_USE_GOING_ON):
            raise mistake

    def _fail(self, why: str, progress: Progress) -> None:
        self.tally.failures.append(one_line(why))
        progress.update()
