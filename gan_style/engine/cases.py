"""The validation images as metrics need them: what is translated, what the results are compared with, which images each process takes."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from gan_style import images
from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import ValidationSet, open_dataset
from gan_style.errors import UserError
from gan_style.methods.base import Needs
from gan_style.metrics.choice import compares
from gan_style.metrics.suite import Case, Suite
from gan_style.types import Direction

R = TypeVar("R")

# (input image, another image or None, place) -> what the translator is given, each without its batch dimension
Inputs = Callable[[Tensor, Tensor | None, int], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Question:
    """What one translation is made from and compared with: images [C, H, W] in [-1, 1]."""

    name: str
    inputs: tuple[Tensor, ...]
    source: Tensor
    truth: Tensor | None


class Cases:
    """The validation images of one direction, at most `limit` of each domain.

    inputs: see `Inputs`
    other: the other image it gets: the input's partner ("truth"), any of the output's domain ("style"), or none
    from_noise: the images are only compared with, none is translated; the domain of the method is A
    """

    def __init__(
        self,
        validation: ValidationSet,
        direction: Direction,
        inputs: Inputs,
        other: Literal["truth", "style"] | None = None,
        from_noise: bool = False,
        limit: int | None = None,
    ) -> None:
        self.inputs, self.other, self.from_noise = inputs, other, from_noise
        domains = {"a": (validation.read_a, validation.len_a), "b": (validation.read_b, validation.len_b)}
        self.read, length = domains[direction[0]]
        self.read_real, self.real_length = domains["a" if from_noise else direction[-1]]
        self.places = spread(length, limit)
        self.reals = spread(self.real_length, limit)

    def check(self, suite: Suite) -> None:
        """`UserError` where there are too few images for the metrics."""
        if suite.compares("domain") and min(len(self.places), len(self.reals)) < 2:
            raise UserError(
                f"{', '.join(suite.names)}: two images of each domain are the least that fid and kid compare; add validation images"
            )

    def question(self, place: int) -> Question:
        """The one at a place of `places`."""
        if self.from_noise:
            nothing = torch.empty(0)
            return Question(f"sample {place}", self.inputs(nothing, None, place), nothing, None)
        source, name = self.read(place)
        other = None
        if self.other:
            other, _ = self.read_real(place if self.other == "truth" else place % self.real_length)
        return Question(name, self.inputs(source, other, place), source, other if self.other == "truth" else None)


def open_validation_set(data: DataConfig, needs: Needs, metrics: Sequence[str] | None, key: str) -> ValidationSet:
    """The validation images for a method and the metrics asked for (None: whatever fits), which may need pairs where the method does not.

    key: what messages call the metrics
    """
    paired = needs == "pairs" or (needs == "domains" and compares(metrics or (), "truth"))
    try:
        validation = open_dataset(data, "val", paired, 0, needs == "images")
    except UserError as mistake:
        if needs == "pairs" or not paired:
            raise
        raise UserError(f"{key}: {', '.join(metrics or ())} need validation images in pairs ({mistake})") from None
    if validation is None:
        raise UserError(f"{data.root}: has no validation images to measure (data/README.md)")
    return validation


def translations(cases: Cases, places: Sequence[int], translator: nn.Module, device: torch.device) -> Iterator[tuple[int, Case]]:
    """Each place and what becomes of it: translated alone and without autocast, as infer.py does, and rounded to its 8 bits."""
    for place, question in zip(places, read_ahead(cases.question, places), strict=True):
        try:
            with torch.no_grad():
                translated = as_written(translator(*(given[None].to(device) for given in question.inputs))[0])
        except torch.OutOfMemoryError:
            raise UserError(
                f"{question.name}: {device.type} has no memory to translate it whole, as validation does; take a smaller data.load_size, "
                "or train.validate_every=null"
            ) from None
        yield place, Case(question.name, translated, question.truth, question.source)


def describe_reals(cases: Cases, places: Sequence[int], suite: Suite) -> dict[int, Tensor]:
    """The features of real images by place."""
    found: dict[int, Tensor] = {}
    for place, (image, name) in zip(places, read_ahead(cases.read_real, places), strict=True):
        found[place] = suite.describe(image, name)
    return found


def spread(length: int, count: int | None) -> list[int]:
    """Up to `count` places (None: all), evenly over `length`."""
    count = length if count is None else min(count, length)
    return [place * length // count for place in range(count)]


def read_ahead(read: Callable[[int], R], places: Sequence[int]) -> Iterator[R]:
    """`read` of each place, in order, a few in advance on other threads: decoding is slower than a GPU."""
    with ThreadPoolExecutor(2) as threads:
        waiting: deque[Future[R]] = deque()
        rest = iter(places)
        try:
            while True:
                while len(waiting) < 4 and (place := next(rest, None)) is not None:
                    waiting.append(threads.submit(read, place))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def as_written(translated: Tensor) -> Tensor:
    """A translation [C, H, W] as a file of 8 bits would give it back, on the CPU; one that is not finite as it is."""
    if not torch.isfinite(translated).all():
        return torch.full_like(translated, torch.nan, device="cpu")
    return images.to_tensor(images.to_pixels(translated))
