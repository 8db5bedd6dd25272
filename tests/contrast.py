"""What a contrastive term must do: tell the patches of a translation by those of its source at the same places.

Both are found by the encoder, and go through the head, of their own domain. The check finds the terms by the networks that are
`ProjectionHeads`, and the rest by watching what generators and heads are given.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from games import along, generators, moved_by
from tiny import micro_batches
from torch import Tensor, nn

from gan_style.methods.base import Method
from gan_style.networks.features import FeatureGenerator
from gan_style.networks.layers.projection import ProjectionHeads
from gan_style.types import Batch

TEMPERATURE = 0.07


@dataclass(frozen=True)
class Image:
    """pixels [C, H, W] of a domain; source: what a generator made it of, None for a real one."""

    pixels: Tensor
    domain: str
    source: "Image | None" = None


@dataclass(frozen=True)
class Features:
    """values [P, C]: patches of `image`, found by the encoder of a generator."""

    values: Tensor
    layer: str
    generator: str
    image: Image


@dataclass(frozen=True)
class Vectors:
    """values [P, K]: what a head made of those features; of patches that learn, or of keys."""

    values: Tensor
    layer: str
    heads: str
    found: Features


class Watch:
    """Everything that goes through the generators and heads of a method while it is entered."""

    def __init__(self, method: Method, batch: Batch) -> None:
        self.directions = {network: direction for direction, network in method.translators.items()}
        self.images = [Image(pixels, domain) for domain in "ab" for pixels in getattr(batch, domain)]
        self.features: list[Features] = []
        self.vectors: list[Vectors] = []
        self.learning: list[Tensor] = []  # the vectors of patches that learn, as heads gave them

    def translated(self, name: str, given: Tensor, result: Any) -> None:
        sources = [self._image(pixels) for pixels in given]
        parts = result if isinstance(result, dict) else {"translation": result}
        for layer, rows in parts.items():
            for source, row in zip(sources, rows, strict=True):
                if layer != "translation":
                    self.features.append(Features(row.detach(), layer, name, source))
                else:
                    self.images.append(Image(row.detach(), self.directions[name][-1], source))

    def projected(self, name: str, given: Mapping[str, Tensor], result: Mapping[str, Tensor]) -> None:
        self.learning += [vectors for vectors in result.values() if vectors.requires_grad]
        for layer, vectors in result.items():
            for values, row in zip(given[layer], vectors, strict=True):
                self.vectors.append(Vectors(row, layer, name, self._features(values, layer, name)))

    def _image(self, pixels: Tensor) -> Image:
        found = [image for image in self.images if torch.equal(image.pixels, pixels)]
        assert found, "a generator encodes an image that is neither real nor translated"
        return found[0]

    def _features(self, values: Tensor, layer: str, heads: str) -> Features:
        found = [each for each in self.features if each.layer == layer and torch.equal(each.values, values)]
        assert found, f"{heads} is given features of {layer} that no encoder found there"
        right = [each for each in found if self.encodes(each)]  # two encoders may find the same, of pixels
        assert right, f"{heads} is given patches of an image of domain {found[0].image.domain} that {found[0].generator} encoded"
        return right[0]

    def encodes(self, found: Features) -> bool:
        """Is this the encoder of the image's domain: that of the generator which translates from there? The only one is everyone's."""
        return len(self.directions) == 1 or self.directions[found.generator][0] == found.image.domain


@contextmanager
def watched(method: Method, batch: Batch) -> Iterator[Watch]:
    watch, handles = Watch(method, batch), []
    for name in watch.directions:
        hook = lambda module, given, result, name=name: watch.translated(name, given[0], result)  # noqa: E731
        handles.append(method.networks[name].register_forward_hook(hook))
    for name in heads_of(method):
        hook = lambda module, given, result, name=name: watch.projected(name, given[0], result)  # noqa: E731
        handles.append(method.networks[name].register_forward_hook(hook))
    try:
        yield watch
    finally:
        for handle in handles:
            handle.remove()


def heads_of(method: Method) -> list[str]:
    return [name for name, network in method.networks.items() if isinstance(network, ProjectionHeads)]


def check_patches_are_compared_with_their_source(method: Method) -> None:
    """Encoders and heads are those of the image's domain, fewer patches are drawn than there are, and the slope of the contrastive terms
    makes the vector of each patch of a translation more like its source than like the other patches of that image."""
    [batch] = micro_batches(0, 2)
    with watched(method, batch) as watch:
        outputs = method.translate(batch)
        terms = method.losses(generators(method), batch, outputs)
    contrastive = [loss for loss in terms.values() if moved_by(loss, method) & {*heads_of(method)}]
    assert contrastive, f"no term learns through {heads_of(method)}"
    assert {vectors.heads for vectors in watch.vectors} == {*heads_of(method)}, "there are heads that nothing goes through"

    seen = {name: {vectors.found.image.domain for vectors in watch.vectors if vectors.heads == name} for name in heads_of(method)}
    if len(seen) > 1:
        assert all(len(domains) == 1 for domains in seen.values()), f"heads of one domain are given patches of the other: {seen}"
        assert len({frozenset(domains) for domains in seen.values()}) == len(seen), f"two heads for one domain: {seen}"
    for found in watch.features:
        places = _places(method.networks[found.generator], found)
        assert len(found.values) < places, f"all {places} patches of {found.layer} are drawn, so that this says nothing: draw fewer"

    slopes = (torch.autograd.grad(loss, watch.learning, allow_unused=True) for loss in (torch.stack(contrastive).sum(), _contrast(watch)))
    assert along(*slopes) > 0.5, "the contrastive terms do not draw patches to their sources and away from the others"


def _contrast(watch: Watch) -> Tensor:
    """How far patches of translations are from being told by their source among the others of that image (2007.15651, equation 3)."""
    losses: list[Tensor] = []
    for query in watch.vectors:
        source = query.found.image.source
        if source is None or not query.values.requires_grad:
            continue
        keys = [key.values.detach() for key in watch.vectors if key.layer == query.layer and key.found.image is source]
        assert keys, f"{query.heads} is given patches of a translation in {query.layer}, and none of what it is a translation of"
        logits = query.values @ keys[0].T / TEMPERATURE
        losses.append(F.cross_entropy(logits, torch.arange(len(logits))))
    assert losses, "no patch of a translation learns"
    return torch.stack(losses).mean()


def _places(generator: nn.Module, found: Features) -> int:
    """The number of positions that a layer of the encoder has."""
    assert isinstance(generator, FeatureGenerator)
    height, width = found.image.pixels.shape[1:]
    stride = generator.feature_stages()[found.layer].stride
    return -(-height // stride) * -(-width // stride)
