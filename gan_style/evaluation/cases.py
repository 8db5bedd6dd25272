"""The cases of validation: the images that are translated, the images that results are compared with, and their division."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from gan_style.conditions import Condition, Exemplar, Given, Label, Noise
from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import ValidationSet, open_dataset
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import told
from gan_style.errors import UserError
from gan_style.evaluation.choice import choose, compares
from gan_style.evaluation.suite import Case, Networks, Suite
from gan_style.files import images
from gan_style.files.scale import Scale
from gan_style.machine.batches import Batches, read_ahead, result_of
from gan_style.machine.memory import room_for
from gan_style.methods import METHODS
from gan_style.tiling.tiled import Tiling, by_regions
from gan_style.types import Direction, Needs

_CORNER = 256  # pixels of an image's side that tell whether it is too small: no metric needs more


@dataclass(frozen=True)
class Wanted:
    """The request of a run or a command. metrics: None for those that fit; images: most of each domain, None for all"""

    metrics: Sequence[str] | None
    images: int | None
    networks: Networks


@dataclass(frozen=True)
class Question:
    """The images of one translation, [C, H, W] in [-1, 1]: its inputs, and the images that it is compared with; the mask as in `Case`."""

    name: str
    inputs: tuple[Tensor, ...]
    source: Tensor
    truth: Tensor | None
    mask: Tensor | None = None


class Cases:
    """The validation images of one direction, at most `limit` of each domain.

    condition: of the translator. A translator that takes noise has no input image; its results are compared with domain A
    truths: are translations compared with the input's partner?
    values: of the results, if they have a unit
    seed: of the condition's random numbers
    to: the label to which images of all other labels are translated; results are compared with the images of that label. Without it,
        images of all labels are translated to all labels and compared with all images
    """

    def __init__(
        self,
        validation: ValidationSet,
        direction: Direction,
        condition: Condition,
        truths: bool = False,
        limit: int | None = None,
        seed: int = 0,
        to: str | None = None,
        values: Scale | None = None,
    ) -> None:
        self.values = values
        self.validation, self.direction, self.condition, self.seed = validation, direction, condition, seed
        self.from_noise, self.to = isinstance(condition, Noise), to
        self.other: Literal["truth", "picture"] | None = "picture" if isinstance(condition, Exemplar) else "truth" if truths else None
        domains = {"a": (validation.read_a, validation.len_a), "b": (validation.read_b, validation.len_b)}
        self.read, self.length = domains[direction[0]]
        one = self.from_noise or "b" not in validation.source.domains
        self.read_real, self.real_length = domains["a" if one else direction[-1]]
        self.places = spread(self.length, limit)
        self.reals = spread(self.real_length, limit)
        self.available = self.length, self.real_length  # images to translate, real images to compare with
        if to is not None:
            labels = [validation.label(place) for place in range(self.length)]
            others, own = ([place for place, label in enumerate(labels) if (label == to) == same] for same in (False, True))
            self.available = len(others), len(own)
            self.places, self.reals = ([found[place] for place in spread(len(found), limit)] for found in (others, own))

    @property
    def span(self) -> float | None:
        """The distance of -1 and 1 in the unit of the results; None if they have none."""
        return self.values.span if self.values else None

    def name(self, place: int) -> str:
        """The key of the image at a place."""
        return told(self.validation.source.keys(self.direction[0])[place])

    def check(self, suite: Suite) -> None:
        """`UserError` if there are too few images for the metrics, or the first ones are too small for them.

        The size of an input is checked, because its translation has the same size.
        """
        if suite.compares("domain"):
            if min(len(self.places), len(self.reals)) < 2:
                advice = f"add validation images{self._of()}" if min(self.available) < 2 else f"raise {suite.prefix}images"
                raise UserError(f"{', '.join(suite.names)}: fid and kid need two images of each domain or more; {advice}")
            real, name = self.read_real(self.reals[0])
            suite.describe(_corner(real), name)
        if not self.places:
            raise UserError(f"--to {self.to}: all validation images are of this domain; name another domain, or add images of others")
        if not self.from_noise:
            source, other, name, _ = self._images(self.places[0])
            truth = _corner(other) if other is not None and self.other == "truth" else None
            stand_in = _corner(source if truth is None else source[:1].expand(len(truth), -1, -1))
            suite.measure(Case(name, stand_in, truth, _corner(source), self.span))

    def _of(self) -> str:
        """The domains whose images are too few, in words."""
        if self.to is None:
            return ""
        return f" of {self.to}" if self.available[1] < 2 else f" of domains other than {self.to}"

    def question(self, place: int) -> Question:
        """The question at one of `places`."""
        if self.from_noise:
            nothing = torch.empty(0)
            return Question(f"sample {place}", self.condition.inputs(Given(nothing, number=place, seed=self.seed)), nothing, None)
        source, other, name, mask = self._images(place)
        inputs = self.condition.inputs(Given(source, other, place, self.validation.label(place), self.seed, self.to))
        return Question(name, inputs, source, other if self.other == "truth" else None, mask)

    def _images(self, place: int) -> tuple[Tensor, Tensor | None, str, Tensor | None]:
        """The input, the other image that it gets, its name, and the mask of a true output."""
        if self.other == "truth":
            pair = self.validation.read_pair(place)
            source, truth = (self.validation.sized(pair[domain]) for domain in (self.direction[0], self.direction[-1]))
            return source, truth, self.name(place), self.validation.mask(self.direction[-1], place, pair[self.direction[-1]])
        source, name = self.read(place)
        return source, self.read_real(place % self.real_length)[0] if self.other else None, name, None


def open_cases(
    data: DataConfig, method: str, condition: Condition, wanted: Wanted, directions: Iterable[Direction], seed: int, to: str | None = None
) -> tuple[Suite, dict[Direction, Cases]]:
    """Open the metrics, and the validation images of each direction. `UserError` if they do not fit together.

    method: the name of the method; condition: that of its translators; seed: of the condition's random numbers; to: see `Cases`
    """
    key = f"{wanted.networks.prefix}metrics"
    validation = open_validation_set(data, METHODS[method].needs, wanted.metrics, key)
    directions = tuple(directions)
    made = {direction: scale_of_results(data, method, direction) for direction in directions}
    measured = all(scale is not None and scale.span is not None for scale in made.values())
    names = choose(wanted.metrics, condition, validation.paired, key, method, measured)
    suite = Suite(names, wanted.networks)
    if isinstance(condition, Label) and (strange := [name for name in validation.source.classes if name not in condition.names]):
        raise UserError(
            f"{data.root}: holds images of {strange[0]}, which the translator does not know ({', '.join(condition.names)}); take them out"
        )
    cases: dict[Direction, Cases] = {}
    for direction in directions:
        cases[direction] = Cases(validation, direction, condition, suite.compares("truth"), wanted.images, seed, to, made[direction])
        cases[direction].check(suite)
    return suite, cases


def open_validation_set(data: DataConfig, needs: Needs, metrics: Sequence[str] | None, key: str) -> ValidationSet:
    """Open the validation images for a method and the requested metrics. Metrics may need pairs even if the method does not.

    metrics: None for those that fit; key: the option or key of the metrics, for messages
    """
    measured: Needs = "pairs" if needs == "domains" and compares(metrics or (), "truth") else needs
    try:
        validation = open_dataset(data, "val", measured, 0)
    except UserError as mistake:
        if measured == needs:
            raise
        raise UserError(f"{key}: {', '.join(metrics or ())} need validation images in pairs ({mistake})") from None
    if validation is None:
        raise UserError(f"{data.root}: has no validation images to measure (data/README.md)")
    return validation


def translations(
    cases: Cases, places: Sequence[int], translator: nn.Module, device: torch.device, advice: str
) -> Iterator[tuple[int, Case]]:
    """Translate the image of each place, and yield the place and its case.

    As in infer, an image is alone in its batch, there is no autocast, and the result is rounded to 8 bits, unless it has a unit.

    advice: what to do about an image that is too large for the device
    """

    def translate(batch: Sequence[Question]) -> list[Tensor]:
        (question,) = batch
        said = f"{question.name}: {device.type} has no memory to translate it whole, as validation does"
        with room_for(said, advice):
            translated = run_alone(translator, question.inputs, device)
            return [as_written(translated) if cases.values is None else translated.float().cpu().clamp(-1, 1)]

    alone = Batches(translate, 1)
    for place, reading in read_ahead(cases.question, places):
        for question, translated in alone.over([reading.result()]):
            yield place, Case(question.name, result_of(translated), question.truth, question.source, cases.span, question.mask)


def scale_of_results(data: DataConfig, method: str, direction: Direction) -> Scale | None:
    """The scale of the results of a direction; None if they are pictures."""
    made = direction[-1] if "b" in METHODS[method].Config.domains else "a"
    return data.domain_b.scale if made == "b" else data.domain_a.scale


def describe_reals(cases: Cases, places: Sequence[int], suite: Suite) -> dict[int, Tensor]:
    """The features of real images by place."""
    found: dict[int, Tensor] = {}
    for place, reading in read_ahead(cases.read_real, places):
        found[place] = suite.describe(*reading.result())
    return found


@torch.no_grad()
def run_alone(translator: nn.Module, inputs: Sequence[Tensor], device: torch.device) -> Tensor:
    """The translation [C, H, W] of one image, by regions where the memory is too small for the whole.

    inputs: the translator's arguments without their batch dimension
    """
    image, *others = (given[None].to(device) for given in inputs)
    result = by_regions(lambda part: translator(part, *others), [image], device, Tiling())
    return (translator(image, *others) if result is None else result)[0]


def as_written(translated: Tensor) -> Tensor:
    """A translation [C, H, W] on the CPU, rounded to 8 bits as in a file. A translation that is not finite is not rounded."""
    if not torch.isfinite(translated).all():
        return torch.full_like(translated, torch.nan, device="cpu")
    return images.to_tensor(images.to_pixels(translated))


def _corner(image: Tensor) -> Tensor:
    """The upper left _CORNER pixels of an image [C, H, W], or fewer if it is smaller."""
    return image[:, :_CORNER, :_CORNER]
