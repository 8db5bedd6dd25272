"""The suite of metrics of a run or a command, with their networks."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_style.config.metrics import INSIDE, Compares
from gan_style.errors import UserError
from gan_style.evaluation.choice import compares
from gan_style.evaluation.distributions import fid, kid
from gan_style.evaluation.features import feature_network, structure_network
from gan_style.evaluation.inside import inside, of_labels
from gan_style.evaluation.lpips import LPIPS
from gan_style.evaluation.paired import PAIRED, l1
from gan_style.evaluation.structure import bounded, structure_distance
from gan_style.machine.memory import room_for

DISTRIBUTIONS = {"fid": fid, "kid": kid}
FEATURES = "features"  # the input of both distances

# The measurements of one image: a number for each metric of single images, and its features [D] if sets are compared.
Row = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """A translation and the images that it is compared with, [C, H, W] in [-1, 1] or None.

    name: for messages; span: the distance of -1 and 1 in the unit of the values, for `mae`
    mask: [1, H, W], 0 outside, inside the label of each pixel; the metrics of pixels are those inside
    """

    name: str
    translated: Tensor
    truth: Tensor | None = None
    source: Tensor | None = None
    span: float | None = None
    mask: Tensor | None = None


@dataclass(frozen=True)
class Networks:
    """The choices of the metrics' networks, see `evaluation.features`. prefix: of their keys in messages ("validation." or "--")"""

    features: str = "inception"
    lpips: str = "alex"
    structure: str = "imagenet"
    prefix: str = "validation."


def _mean(name: str, rows: Sequence[Row]) -> float:
    """The mean of a metric over the rows that have it; NaN if none has: all masks are empty."""
    values = [float(row[name]) for row in rows if name in row]
    return math.fsum(values) / len(values) if values else math.nan


class Suite(nn.Module):
    """Some of `METRICS`. Call `measure` for each translation and `describe` for each real image, then `combine` for all of them.

    The result does not depend on the order of the images, the number of processes, or batches: each image is measured alone, and the
    numbers are combined in the order of their places.
    """

    def __init__(self, names: Sequence[str], networks: Networks) -> None:
        """`UserError` if a network's weights are missing."""
        super().__init__()
        self.register_buffer("place", torch.empty(0), persistent=False)  # is where `to` has moved the suite, networks or none
        self.names, self.networks, self.prefix = tuple(names), networks, networks.prefix
        self.features = feature_network(networks.features, f"{networks.prefix}features") if self.compares("domain") else None
        self.lpips = LPIPS(networks.lpips, f"{networks.prefix}lpips") if "lpips" in names else None
        self.structure = structure_network(networks.structure, f"{networks.prefix}structure") if "structure" in names else None

    def compares(self, what: Compares) -> bool:
        """Does one of the metrics compare translations with `what`?"""
        return compares(self.names, what)

    def words(self) -> dict[str, str]:
        """metric -> its network, for metrics that have one."""
        found = {name: self.features.words for name in self.names if name in DISTRIBUTIONS and self.features}
        found |= {"lpips": self.lpips.words} if self.lpips else {}
        return found | ({"structure": self.structure.words} if self.structure else {})

    def warning(self) -> str:
        """A warning of metrics whose networks have random weights, and the keys that change this; "" if there are none."""
        chosen = {**dict.fromkeys(DISTRIBUTIONS, "features"), "lpips": "lpips", "structure": "structure"}
        found = [name for name in self.names if name in chosen and getattr(self.networks, chosen[name]) == "random"]
        if not found:
            return ""
        keys = ", ".join(f"{self.prefix}{key}" for key in dict.fromkeys(chosen[name] for name in found))
        return (
            f"{', '.join(found)}: by a network with random weights, which does not order faults as people do; "
            f"give a file of a trained VGG-16 as {keys} (docs/guide/evaluation.md)"
        )

    @torch.no_grad()
    def measure(self, case: Case) -> Row:
        """The row of one translation, on the CPU. For a translation that is not finite, its numbers are NaN."""
        with self._called(case.name):
            row = self._row(case)
            if not torch.isfinite(case.translated).all():
                row = {name: torch.full_like(value, math.nan) for name, value in row.items()}
            return {name: value.cpu() for name, value in row.items()}

    @torch.no_grad()
    def describe(self, image: Tensor, name: str) -> Tensor:
        """The features [D] of an image [C, H, W] in [-1, 1], on the CPU. name: for messages"""
        assert self.features
        with self._called(name):
            return self.features(self._placed(image))[0].cpu()

    def combine(self, rows: Mapping[int, Row], real: Mapping[int, Tensor]) -> dict[str, float]:
        """metric -> value over all translations and real images. rows, real: place -> row, place -> features

        With masks of several labels, `l1_label2` and so on follow the metric. An image without a pixel inside does not count.
        """
        ordered = [rows[place] for place in sorted(rows)]
        values: dict[str, float] = {}
        for name in self.names:
            if name not in DISTRIBUTIONS:
                values |= {each: _mean(each, ordered) for each in (name, *of_labels(name, ordered))}
                continue
            sets = torch.stack([row[FEATURES] for row in ordered]), torch.stack([real[place] for place in sorted(real)])
            values[name] = DISTRIBUTIONS[name](*sets) if all(torch.isfinite(each).all() for each in sets) else math.nan
        return values

    def _row(self, case: Case) -> Row:
        translated = self._placed(case.translated)
        row: Row = {}
        if self.compares("truth"):
            truth = self._placed(self._truth(case))
            precise = [(image.double() + 1) / 2 for image in (translated, truth)]
            row |= self._pixels(case, *precise)
            if self.lpips:
                row["lpips"] = self.lpips(translated, truth)
        if self.structure:
            images = (translated, self._placed(self._source(case)))
            row["structure"] = structure_distance(*(self.structure(bounded(image)) for image in images))
        if self.features:
            row[FEATURES] = self.features(translated)[0]
        return row

    def _pixels(self, case: Case, translated: Tensor, truth: Tensor) -> Row:
        """The metrics of pixels of two images [1, C, H, W] in [0, 1], inside the mask if there is one."""
        whole = [name for name in self.names if name in PAIRED and (case.mask is None or name not in INSIDE)]
        row = {name: PAIRED[name](translated, truth) for name in whole}
        if case.mask is not None:
            row |= inside([name for name in self.names if name in INSIDE], translated, truth, self._mask(case))
        if "mae" in self.names:
            assert case.span is not None
            errors = {"l1": l1(translated, truth)} if case.mask is None else inside(("l1",), translated, truth, self._mask(case))
            row |= {f"mae{name.removeprefix('l1')}": value * case.span for name, value in errors.items()}
        return row

    def _mask(self, case: Case) -> Tensor:
        """The labels [H, W] on the suite's device."""
        assert case.mask is not None
        if case.mask.shape[1:] != case.translated.shape[1:]:
            (own_height, own_width), (height, width) = case.translated.shape[1:], case.mask.shape[1:]
            raise UserError(f"the translation has {own_width} x {own_height} pixels, its mask {width} x {height}; they must be equal")
        return case.mask[0].to(self.get_buffer("place").device)

    def _placed(self, image: Tensor) -> Tensor:
        """[C, H, W] -> [1, C, H, W] on the suite's device."""
        return image[None].to(self.get_buffer("place").device, torch.float32)

    @contextmanager
    def _called(self, name: str) -> Iterator[None]:
        """Add the image's name to a mistake inside the block."""
        device = self.get_buffer("place").device.type
        with room_for(f"{name}: {device} has no memory to measure it", "ask for fewer metrics, or take smaller images"):
            try:
                yield
            except UserError as mistake:
                raise UserError(f"{name}: {mistake}") from None

    def _source(self, case: Case) -> Tensor:
        assert case.source is not None
        if case.source.shape[-2:] != case.translated.shape[-2:]:
            (own_height, own_width), (height, width) = case.translated.shape[-2:], case.source.shape[-2:]
            raise UserError(f"the translation has {own_width} x {own_height} pixels, its input {width} x {height}; they must be equal")
        return case.source

    def _truth(self, case: Case) -> Tensor:
        assert case.truth is not None
        if case.truth.shape != case.translated.shape:
            (channels, height, width), (own_channels, own_height, own_width) = case.truth.shape, case.translated.shape
            raise UserError(
                f"the translation has {own_width} x {own_height} pixels in {own_channels} channel(s), its true output {width} x {height} "
                f"in {channels}; they must be equal"
            )
        return case.truth
