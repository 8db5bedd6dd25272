"""Stylising photos one by one by optimisation, with the options of `gan-style infer --model gatys`."""

import argparse
import math
import os
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.machine.device import choose_device
from gan_style.machine.memory import room_for
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.terminal.progress import Progress
from gan_style.translation import controls
from gan_style.translation.gatys import CONTENT_LAYERS, STYLE_LAYERS, Settings, Style, optimise
from gan_style.translation.inputs import Job
from gan_style.translation.picture import Original, write_result

T = TypeVar("T")

LEARNING_RATE = 0.02  # of Adam
BYTES_PER_PIXEL = 3000  # of the result; measured in docs/results/2026-11-21-gatys.md
BYTES_PER_STYLE_PIXEL = 1500  # of a style's picture, which passes the network once, without gradients; an estimate


class Stylisation:
    """A function that stylises and writes the picture of a job. `UserError` names the picture.

    Its constructor checks the options and reads the style pictures and the network's weights.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        count = len(options.style)
        given = [controls.parse_style(text) for text in options.style]
        self.shares = controls.shares_of([share for _, share in given])
        self.masks: list[str | None] = [*options.mask] or [None] * count
        if len(self.masks) != count:
            raise UserError(f"--mask: {len(self.masks)} for {count} of --style; give one mask for each style, in their order, or none")
        self.scales = _for_each("--style-scale", options.style_scale or [1.0], count)
        layers = [controls.parse_layers("--style-layers", text, options.vgg_name) for text in options.style_layers] or [STYLE_LAYERS]
        self.layers = _for_each("--style-layers", layers, count)
        content_layers = CONTENT_LAYERS
        if options.content_layers:
            content_layers = controls.parse_layers("--content-layers", options.content_layers, options.vgg_name)
        self.settings = Settings(
            strength=options.strength,
            content_weight=options.content_weight,
            tv_weight=options.tv_weight,
            content_layers=content_layers,
            start=options.start,
            optimizer=options.optimizer,
            learning_rate=options.learning_rate or LEARNING_RATE,
            steps=options.steps,
            pyramid=options.pyramid,
            seed=options.seed or 0,
        )
        self.device = choose_device(options.device)
        self.pictures = [images.to_tensor(images.read(path, 3).pixels)[None].to(self.device) for path, _ in given]
        wanted = list(dict.fromkeys([*content_layers, *(layer for weights in layers for layer in weights)]))
        self.vgg = VGGFeatures(options.vgg_name, wanted, options.vgg, options.pooling).to(self.device)

    def __call__(self, job: Job) -> None:
        with room_for(f"{job.source}: no memory to stylise it", "take a smaller --size"):
            self._stylise(job)

    def _stylise(self, job: Job) -> None:
        read = images.read(job.source, 3)
        height, width = read.pixels.shape[:2]
        scale = (self.options.size or min(height, width)) / min(height, width)
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        if self.device.type == "cpu":
            _check_memory(job, rows, columns, max(BYTES_PER_PIXEL, BYTES_PER_STYLE_PIXEL * max(self.scales) ** 2))
        pixels = images.resize(read.pixels, rows, columns, name=f"{job.source}: --size {self.options.size}")
        photo = images.to_tensor(pixels)[None].to(self.device)
        styles = self._styles(photo, job.source, height, width)
        gray = self.options.preserve_color == "luminance"
        with room_for(f"{job.source}: {self.device.type} has no memory for {columns} x {rows} pixels"):
            try:
                result = self._watched(controls.luminance(photo) if gray else photo, styles, job.source.name)
            except UserError as mistake:
                raise UserError(f"{job.source}: {mistake}") from None
        if gray:
            result = controls.with_chroma(result, photo)
        write_result(Original(job, pixels, height, width, read.alpha, read.dots_per_inch), result[0], keep_resized=True)

    def _styles(self, photo: Tensor, source: Path, height: int, width: int) -> list[Style]:
        """The styles for this photo, with its masks, and recoloured if its colours are preserved. height, width: of its file"""
        styles = []
        for picture, mask, share, scale, layers in zip(self.pictures, self.masks, self.shares, self.scales, self.layers, strict=True):
            region = None if mask is None else controls.read_mask(Path(mask), source, height, width).to(self.device)
            if self.options.preserve_color == "luminance":
                picture = controls.match_luminance(controls.luminance(picture), controls.luminance(photo))
            elif self.options.preserve_color == "histogram":
                picture = controls.recolour(picture, photo)
            styles.append(Style(picture, share, region, scale, layers))
        return styles

    def _watched(self, photo: Tensor, styles: list[Style], name: str) -> Tensor:
        """`optimise`, with its progress and the terms of the loss on the terminal."""
        with Progress(name, "steps", self.settings.steps) as progress:

            def show(terms: dict[str, float]) -> None:
                progress.tell("  ".join(f"{term} {value:.3g}" for term, value in terms.items() if value))
                if progress.done < self.settings.steps:  # L-BFGS may end its line search a little later
                    progress.update()

            return optimise(self.vgg, photo, styles, self.settings, show)


def _for_each(option: str, values: list[T], count: int) -> list[T]:
    """One value for each of `count` styles, or one for all."""
    if len(values) not in (1, count):
        raise UserError(
            f"{option}: given {len(values)} times for {count} of --style; give it once for all or once for each, in their order"
        )
    return values if len(values) == count else values * count


def _check_memory(job: Job, rows: int, columns: int, bytes_per_pixel: float) -> None:
    """`UserError` if the picture needs more memory than the machine has: the system would kill the process without a message."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return
    there, needed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), rows * columns * bytes_per_pixel
    if needed > there:
        side = int(min(rows, columns) * math.sqrt(there / needed) / 2)
        raise UserError(
            f"{job.source}: {columns} x {rows} pixels would take about {needed / 1e9:.0f} GB of memory, and there are {there / 1e9:.0f}; "
            f"take --size {side} or so, or a smaller --style-scale"
        )
