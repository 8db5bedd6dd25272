"""The keys of label maps: how a method encodes them for its networks."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from gan_style.config.data import HexColour
from gan_style.config.schema import MethodConfig
from gan_style.config.section import Section
from gan_style.types import Direction


class LabelsConfig(Section):
    """How label maps are shown to the networks; other images are shown as they are."""

    one_hot: bool = Field(
        default=True,
        description="Feed label maps (`data.domain_a.labels`) to the networks as one map for each class (1711.11585, section 3). false: "
        "as colours.",
    )
    colours: list[HexColour] | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="The colours of the classes, such as `['#000000', '#804080']`, with two hexadecimal digits a channel. A pixel of "
        "another colour belongs to the nearest class. null: the colours of the training label maps, at most 256.",
    )
    edges: Literal["none", "labels", "alpha"] = Field(
        default="none",
        description="A further map that is 1 at the edges of areas. `labels`: where neighbouring pixels differ in class. `alpha`: where "
        "they differ in the alpha channel, which then holds the number of the object and parts touching objects of one class "
        "(1711.11585, section 3.3).",
    )

    @model_validator(mode="after")
    def _colours_are_used(self) -> "LabelsConfig":
        if self.colours is not None and not self.one_hot:
            raise ValueError("colours have no effect with one_hot false: set colours to null, or one_hot to true")
        return self

    def values(self) -> list[list[int]] | None:
        """The colours' channels, 0 to 255."""
        return None if self.colours is None else [list(bytes.fromhex(colour[1:])) for colour in self.colours]


class DirectedConfig(MethodConfig):
    """The configuration of a method that translates pairs in one direction."""

    direction: Direction = Field(default="a2b", description="Direction of the translation: `a2b` from domain A to B, or `b2a`.")


class LabelledConfig(DirectedConfig):
    """The configuration of a method whose networks see label maps class by class."""

    labels: LabelsConfig = Field(default_factory=LabelsConfig, description="How the networks see label maps.")

    def with_colours(self, colours: Sequence[Any]) -> Self:
        """A copy with these colours of the classes. `ValueError` if they are not colours."""
        labels = LabelsConfig.model_validate({**self.labels.model_dump(), "colours": list(colours)})
        return self.model_copy(update={"labels": labels})
