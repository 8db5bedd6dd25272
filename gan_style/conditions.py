"""Conditions: the input of a translator beside the image.

A method declares the condition of its translators (`Method.takes`), and a bundle stores it. Validation, evaluate, sample grids and infer
ask the condition and not the method, so a method with one of these conditions needs no change outside its own file. A condition also
determines the call of the network:

    Alone       network(image)
    Label       network(image, labels)              labels [B, K], one-hot over K names
    Mix         network(image, shares)              shares [B, K] or [B, K, H, W] over K names, their sum 1 everywhere
    Exemplar    network(image, picture); infer calls network(image, features=[...], shares=, alpha=) with network.encode(picture)
    Noise       network(latents)                    latents [B, Z], instead of an image
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from gan_style.seeding import derive_seed


@dataclass(frozen=True)
class Given:
    """Validation image `number`, from which a condition makes what a translator takes.

    source: the image [C, H, W]; other: an image of the domain that the translator leads to, the partner where the data are pairs
    label: the name of the source's class in a labelled data set; seed: of the run, for what is drawn; to: the label to lead to; None: any
    """

    source: Tensor
    other: Tensor | None = None
    number: int = 0
    label: str | None = None
    seed: int = 0
    to: str | None = None


class Condition(BaseModel):
    """The base of the conditions. `kind` identifies a condition in a bundle's metadata."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def inputs(self, given: Given) -> tuple[Tensor, ...]:
        """The arguments of the translator for a validation image, each without its batch dimension."""
        return (given.source,)

    def row(self, given: Given) -> list[tuple[Tensor, ...]]:
        """The arguments for each translation in the image's row of a sample grid."""
        return [self.inputs(given)]

    def shown(self, given: Given) -> tuple[Tensor, ...]:
        """The images [C, H, W] at the left of that row."""
        return (given.source,)


class Alone(Condition):
    """Nothing beside the image."""

    kind: Literal["alone"] = "alone"


class Label(Condition):
    """One of several names, such as the domain that the image is led to."""

    kind: Literal["label"] = "label"
    names: tuple[str, ...] = Field(min_length=1, max_length=1024)

    def inputs(self, given: Given) -> tuple[Tensor, ...]:
        """The arguments for the requested label, else for a label other than the source's, which is a function of the number."""
        if given.to is not None:
            return given.source, self.of(given.to)
        others = [name for name in self.names if name != given.label] or self.names
        return given.source, self.of(others[derive_seed("target", given.number) % len(others)])

    def row(self, given: Given) -> list[tuple[Tensor, ...]]:
        """The arguments for every label, including the source's own."""
        return [(given.source, self.of(name)) for name in self.names]

    def of(self, name: str) -> Tensor:
        """[K]: 1 at the place of `name`."""
        return _one_hot(self.names.index(name), len(self.names))


class Mix(Condition):
    """Shares of several names. first: the first name that validation shows; a run that adds names to others shows its own."""

    kind: Literal["mix"] = "mix"
    names: tuple[str, ...] = Field(max_length=2**16)
    first: int = Field(default=0, exclude=True)

    def inputs(self, given: Given) -> tuple[Tensor, ...]:
        """The arguments for one name alone; the names take turns."""
        place = self.first + given.number % (len(self.names) - self.first)
        return given.source, _one_hot(place, len(self.names))


class Exemplar(Condition):
    """A picture, such as that of a style. Validation gives images of the domain that the translator leads to."""

    kind: Literal["picture"] = "picture"

    def inputs(self, given: Given) -> tuple[Tensor, ...]:
        return self.shown(given)

    def shown(self, given: Given) -> tuple[Tensor, ...]:
        assert given.other is not None
        return given.source, given.other


class Noise(Condition):
    """Noise instead of an image. size: numbers in the latent of one image, Z."""

    kind: Literal["noise"] = "noise"
    size: int = Field(ge=1, le=2**16)

    def inputs(self, given: Given) -> tuple[Tensor, ...]:
        """Training draws with the numbers of its samples, from 0 up; validation draws with numbers below 0."""
        return (self.latent(given.seed, -1 - given.number),)

    def shown(self, given: Given) -> tuple[Tensor, ...]:
        return ()

    def latent(self, seed: int, number: int) -> Tensor:
        """[Z] standard normal numbers: a function of the seed and the number alone."""
        generator = torch.Generator().manual_seed(derive_seed(seed, "noise", number))
        return torch.randn(self.size, generator=generator)


AnyCondition = Annotated[Alone | Label | Mix | Exemplar | Noise, Field(discriminator="kind")]


def _one_hot(place: int, count: int) -> Tensor:
    return F.one_hot(torch.tensor(place), count).float()
