"""The validation images as metrics need them: what is translated, what the results are compared with, which images each process takes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from gan_style.conditions import Condition, Given, Noise, Picture
from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import ValidationSet, open_dataset
from gan_style.errors import UserError
from gan_style.evaluation.choice import choose, compares
from gan_style.evaluation.suite import Case, Networks, Suite
from gan_style.files import images
from gan_style.machine.memory import room_for
from gan_style.methods import METHODS
from gan_style.methods.base import Needs
from gan_style.types import Direction

R = TypeVar("R")

_CORNER = 256  # pixels of an image's side that tell whether it is too small: no metric needs more


@dataclass(frozen=True)
class Wanted:
    """What a run or a command asks for. metrics: None is whatever fits; images: the most of each domain, None is all."""

    metrics: Sequence[str] | None
    images: int | None
    networks: Networks


@dataclass(frozen=True)
class Question:
    """What one translation is made from and compared with: images [C, H, W] in [-1, 1]."""

    name: str
    inputs: tuple[Tensor, ...]
    source: Tensor
    truth: Tensor | None


class Cases:
    """The validation images of one direction, at most `limit` of each domain.

    condition: of the translator; one that takes noise translates no image, and its results are compared with domain A
    truths: are translations compared with the input's partner?
    seed: of what the condition draws
    """

    def __init__(
        self,
        validation: ValidationSet,
        direction: Direction,
        condition: Condition,
        truths: bool = False,
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        self.validation, self.direction, self.condition, self.seed = validation, direction, condition, seed
        self.from_noise = from_noise = isinstance(condition, Noise)
        self.other: Literal["truth", "picture"] | None = "picture" if isinstance(condition, Picture) else "truth" if truths else None
        domains = {"a": (validation.read_a, validation.len_a), "b": (validation.read_b, validation.len_b)}
        self.read, self.length = domains[direction[0]]
        self.read_real, self.real_length = domains["a" if from_noise else direction[-1]]
        self.places = spread(self.length, limit)
        self.reals = spread(self.real_length, limit)

    def name(self, place: int) -> str:
        """The key of the image that is translated there."""
        return self.validation.source.keys(self.direction[0])[place]

    def check(self, suite: Suite) -> None:
        """`UserError` where there are too few images for the metrics, or the first ones are too small for them.

        The input stands in for its translation, which has its size.
        """
        if suite.compares("domain"):
            if min(len(self.places), len(self.reals)) < 2:
                advice = "add validation images" if min(self.length, self.real_length) < 2 else f"raise {suite.prefix}images"
                raise UserError(f"{', '.join(suite.names)}: two images of each domain are the least that fid and kid compare; {advice}")
            real, name = self.read_real(self.reals[0])
            suite.describe(_corner(real), name)
        if not self.from_noise:
            source, other, name = self._images(self.places[0])
            truth = _corner(other) if other is not None and self.other == "truth" else None
            stand_in = _corner(source if truth is None else source[:1].expand(len(truth), -1, -1))
            suite.measure(Case(name, stand_in, truth, _corner(source)))

    def question(self, place: int) -> Question:
        """The one at a place of `places`."""
        if self.from_noise:
            nothing = torch.empty(0)
            return Question(f"sample {place}", self.condition.inputs(Given(nothing, number=place, seed=self.seed)), nothing, None)
        source, other, name = self._images(place)
        inputs = self.condition.inputs(Given(source, other, place, seed=self.seed))
        return Question(name, inputs, source, other if self.other == "truth" else None)

    def _images(self, place: int) -> tuple[Tensor, Tensor | None, str]:
        """The input, the other image that it gets, and its name."""
        if self.other == "truth":
            pair = self.validation.read_pair(place)
            source, truth = (self.validation.sized(pair[domain]) for domain in (self.direction[0], self.direction[-1]))
            return source, truth, self.name(place)
        source, name = self.read(place)
        return source, self.read_real(place % self.real_length)[0] if self.other else None, name


def open_cases(
    data: DataConfig, method: str, condition: Condition, wanted: Wanted, directions: Iterable[Direction], seed: int
) -> tuple[Suite, dict[Direction, Cases]]:
    """What is measured, and the validation images of each direction; `UserError` where these do not go together.

    method: its name; condition: of its translators; seed: of what the condition draws
    """
    key = f"{wanted.networks.prefix}metrics"
    validation = open_validation_set(data, METHODS[method].needs, wanted.metrics, key)
    suite = Suite(choose(wanted.metrics, condition, validation.paired, key, method), wanted.networks)
    cases: dict[Direction, Cases] = {}
    for direction in directions:
        cases[direction] = Cases(validation, direction, condition, suite.compares("truth"), wanted.images, seed)
        cases[direction].check(suite)
    return suite, cases


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


def translations(
    cases: Cases, places: Sequence[int], translator: nn.Module, device: torch.device, advice: str
) -> Iterator[tuple[int, Case]]:
    """Each place and what becomes of it: translated alone and without autocast, as infer.py does, and rounded to its 8 bits.

    advice: what to do about an image that is too large for the device
    """
    for place, question in zip(places, read_ahead(cases.question, places), strict=True):
        said = f"{question.name}: {device.type} has no memory to translate it whole, as validation does"
        with room_for(said, advice), torch.no_grad():
            translated = as_written(translator(*(given[None].to(device) for given in question.inputs))[0])
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


def _corner(image: Tensor) -> Tensor:
    """The upper left _CORNER pixels of an image [C, H, W], or less where there is less."""
    return image[:, :_CORNER, :_CORNER]
