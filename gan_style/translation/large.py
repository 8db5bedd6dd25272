"""Pictures that are translated by regions: from the file to the file, with a folder of scratch files in which the work can go on."""

import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gan_style.bundles.file import about, digest
from gan_style.errors import UserError, one_line
from gan_style.files import images
from gan_style.files.atomic import sweep_beside
from gan_style.files.bounded import MAX_PIXELS, Header, TooLarge
from gan_style.files.kinds import TIFF_SUFFIXES, is_slide_name
from gan_style.files.region_reader import RegionReader
from gan_style.files.region_writer import Compression, Storage
from gan_style.files.regions import open_regions, read_in_parts
from gan_style.files.writing import FAST_PNG, check_size
from gan_style.label_maps.colours import to_nearest
from gan_style.machine.boot import boot
from gan_style.terminal.progress import Progress, say
from gan_style.tiling.graph import Statistics
from gan_style.tiling.rules.rule import Size
from gan_style.tiling.scratch import Scratch, remove_left
from gan_style.tiling.spans import Region
from gan_style.tiling.statistics import Moments
from gan_style.tiling.table import load_table, save_table
from gan_style.tiling.tiled import SMALL, TiledNetwork, Tiling, available, bytes_per_pixel, check_disk, said
from gan_style.translation.inputs import Job
from gan_style.translation.picture import measured
from gan_style.translation.predictor import Predictor
from gan_style.translation.region_result import RESULT, Result

SCRATCH = ".regions"  # in the output folder
_LEAST_BYTES = 24  # that a network takes for a pixel: three channels in and three out


@dataclass(frozen=True)
class LargeOptions:
    """The options of infer that only pictures by regions have.

    statistics: of which positions, or a file of them; save: where the statistics of a picture go
    mask: white where positions count in `mask` statistics; None: the picture's alpha
    max_pixels: most pixels that are decoded at once; forced: all pictures go by regions, small ones too
    """

    statistics: Literal["image", "local", "mask"] | Path = "image"
    save: Path | None = None
    mask: Path | None = None
    max_pixels: int = MAX_PIXELS
    compression: Compression = "deflate"
    pyramid: bool = False
    forced: bool = False


@dataclass
class LargePictures:
    """Translates pictures by regions.

    condition: what the network takes beside the image, without batch dimension
    bundle: of the predictor; scratch files and statistics belong to it
    """

    predictor: Predictor
    condition: Sequence[Tensor]
    tiling: Tiling
    options: LargeOptions
    bundle: Path
    png_compression: int = FAST_PNG
    shown: bool = True

    def takes(self, job: Job) -> bool:
        """Is the picture translated by regions, whatever its size?"""
        return bool(self.tiling.tile) or self.options.forced or is_slide_name(job.source.name)

    def check(self, header: Header) -> None:
        """`TooLarge` for a picture that is too large to be translated at once by any network. Any thread may ask."""
        if header.height * header.width * _LEAST_BYTES > max(available(self.predictor.device, self.tiling), SMALL * _LEAST_BYTES):
            raise TooLarge(f"{header.width} x {header.height} pixels are too many for the memory")

    def too_large(self, height: int, width: int) -> bool:
        """Is a picture of this size too large to be translated at once by this network?"""
        pixels = height * width
        return pixels > SMALL and pixels * self._bytes_per_pixel > available(self.predictor.device, self.tiling)

    @cached_property
    def _digest(self) -> str:
        return digest(self.bundle)

    @cached_property
    def _bytes_per_pixel(self) -> float:
        """0 for a network that cannot be computed by regions: the whole picture may fit."""
        try:
            return bytes_per_pixel(self._network, self.predictor.info.in_channels, self.predictor.device)
        except UserError:
            return 0.0

    def _network(self, image: Tensor) -> Tensor:
        return self.predictor.network(image, *(each[None].to(self.predictor.device) for each in self.condition))

    def translate(self, job: Job) -> None:
        """Translate and write one picture. `UserError` names it."""
        info = self.predictor.info
        srgb = info.labels not in ("yes", "nearest")
        try:
            raw = info.values_in is not None
            reader = open_regions(job.image, info.in_channels, srgb, self.options.max_pixels, raw=raw)
        except TooLarge as refusal:
            if read_in_parts(job.image):
                raise
            words = f"{job.source}: is decoded at once, and has more than {self.options.max_pixels} pixels or 3 bytes for each"
            tiled = shlex.quote(f"{job.source.stem}.tif[tile,compression=deflate,bigtiff]")
            raise UserError(f"{words}; make a tiled TIFF of it: vips copy {shlex.quote(str(job.source))} {tiled}") from refusal
        with reader:
            self._translate(job, reader)

    def _translate(self, job: Job, reader: RegionReader) -> None:
        size = reader.height, reader.width
        channels = self.predictor.info.in_channels
        check_size(job.target, *size)
        try:
            network = TiledNetwork(
                self._network, [(1, channels, *size)], self.predictor.device, self.tiling, given=self._given, weights=self._weights(reader)
            )
            plan = network.plan(on_disk=scratch_folder(job, self.tiling).is_dir())  # earlier work goes on
        except UserError as mistake:
            raise UserError(f"{job.source}: {mistake}") from None
        folder = None if plan.in_memory and job.target.suffix.lower() not in TIFF_SUFFIXES else scratch_folder(job, self.tiling)
        storage = Storage(self.options.compression, self.options.pyramid, reader.metadata)
        result = Result.of(job, reader, self.predictor.info, folder, storage)
        if folder is not None:
            check_disk(folder, (0 if plan.in_memory else plan.held) + result.bytes)
        scratch = Scratch(folder, in_memory=plan.in_memory)
        going_on = scratch.begin(self._identity(job, reader, plan.identity), [RESULT])
        try:
            sweep_beside(job.target)
            if self.shown:
                more = "; going on with earlier work" if going_on else ""
                say(one_line(f"{job.source}: {said(plan, size, network.whole_bytes)}{more}"))
            with result:
                with Progress(job.source.name, "regions", plan.regions, shown=self.shown) as progress:
                    network.run(plan, [self._source(reader)], result.write, scratch, progress.update)
                if self.options.save is not None:
                    save_table(self.options.save, network.moments, self._digest, about(self.predictor.info))
                result.finish(self.png_compression, self.shown)
        except UserError as mistake:  # the same mistake would come again, but where the system refused something
            self._leave(scratch, forget=not isinstance(mistake.__cause__, OSError))
            raise
        except BaseException:
            self._leave(scratch, forget=False)
            raise
        self._leave(scratch, forget=True)

    def _leave(self, scratch: Scratch, forget: bool) -> None:
        scratch.close(forget)
        if forget and scratch.folder is not None:
            _remove_if_empty(scratch.folder.parent, self.tiling)

    def _given(self, nodes: Sequence[Statistics]) -> Mapping[Statistics, Moments]:
        path = self.options.statistics
        return load_table(path, nodes, self._digest, about(self.predictor.info)) if isinstance(path, Path) else {}

    def _weights(self, reader: RegionReader) -> Callable[[Region, Size], Tensor] | None:
        if self.options.statistics != "mask":
            return None
        if self.options.mask is None:
            if not reader.alpha:
                wanted = "give --mask FILE, white where statistics are taken"
                raise UserError(f"{reader.path}: has no alpha that could tell its background; {wanted}")
            return _sampled(lambda *region: reader.read_alpha(*region), (reader.height, reader.width))
        mask = images.read(self.options.mask, 1, srgb=False).pixels[..., 0]
        if mask.shape != (reader.height, reader.width):
            sizes = f"is {mask.shape[1]} x {mask.shape[0]} pixels, but {reader.path} is {reader.width} x {reader.height}"
            raise UserError(f"--mask {self.options.mask}: {sizes}; a mask has its picture's size")
        return _sampled(lambda top, left, height, width: mask[top : top + height, left : left + width], mask.shape)

    def _source(self, reader: RegionReader) -> Callable[[Region], Tensor]:
        colours = self.predictor.info.colours
        if colours and reader.depth != 8:
            raise UserError(f"{reader.path}: has 16 bits; label maps need 8: save it as PNG of 8 bits")

        def part(region: Region) -> Tensor:
            rows, columns = region
            pixels = reader.read(rows.start, columns.start, rows.length, columns.length)
            pixels = measured(pixels, self.predictor.info, reader.path, reader.metadata)
            pixels = to_nearest(pixels, colours) if colours else pixels
            return images.to_integers(pixels)[None]

        return part

    def _identity(self, job: Job, reader: RegionReader, plan: str) -> dict[str, object]:
        """What must be equal, so that work can go on."""
        about = [(facts.st_size, facts.st_mtime_ns) for facts in (path.stat() for path in (job.source, *job.others))]
        return {
            "picture": [*(fact for facts in about for fact in facts), reader.height, reader.width],
            "bundle": [self._digest, self.predictor.precision, [each.tolist() for each in self.condition]],
            "statistics": [str(self.options.statistics), *(_facts(path) for path in (self.options.statistics, self.options.mask))],
            "plan": plan,
            "result": job.target.suffix.lower(),
            "boot": boot(),
        }


def scratch_folder(job: Job, tiling: Tiling) -> Path:
    """Of a picture and an output folder, whatever the other options, so that other options leave none behind."""
    names = f"{job.source.absolute()}\0{job.target.parent.absolute()}"
    name = hashlib.blake2b(names.encode(errors="surrogateescape"), digest_size=8).hexdigest()
    return (tiling.scratch or job.target.parent / SCRATCH) / name


def remove_scratch(job: Job, tiling: Tiling) -> None:
    """Remove what a killed translation by regions left of a picture that was then translated at once."""
    folder = scratch_folder(job, tiling)
    if folder.is_dir():
        remove_left(folder)
        _remove_if_empty(folder.parent, tiling)


def _remove_if_empty(folder: Path, tiling: Tiling) -> None:
    """Remove the folder of all scratch files, but not one that the user gave."""
    if tiling.scratch is None:
        with suppress(OSError):  # it holds the scratch files of another picture
            folder.rmdir()


def _facts(path: object) -> list[int] | None:
    """What changes when a file does."""
    if not isinstance(path, Path):
        return None
    facts = path.stat()
    return [facts.st_size, facts.st_mtime_ns]


def _sampled(read: Callable[[int, int, int, int], np.ndarray | None], size: Size) -> Callable[[Region, Size], Tensor]:
    """The weights of positions of an image of any resolution: the nearest pixel's, 0 to 1; positions beyond the picture do not count."""

    def weights(region: Region, of: Size) -> Tensor:
        places = [
            ((np.arange(span.start, span.stop) + 0.5) * side / wanted).astype(np.int64).clip(0, side - 1)
            for span, side, wanted in zip(region, size, of, strict=True)
        ]
        (top, bottom), (left, right) = ((int(each[0]), int(each[-1]) + 1) for each in places)
        pixels = read(top, left, bottom - top, right - left)
        assert pixels is not None
        chosen = pixels[np.ix_(places[0] - top, places[1] - left)]
        return torch.from_numpy(chosen.astype(np.float32) / np.iinfo(pixels.dtype).max)

    return weights
