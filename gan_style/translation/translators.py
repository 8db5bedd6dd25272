"""Translators of a batch of pictures: one class for each condition of a bundle's network, made from infer's options."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from gan_style.conditions import Exemplar, Label, Mix
from gan_style.errors import UserError, nearest
from gan_style.translation.picture import Original
from gan_style.translation.predictor import Predictor
from gan_style.translation.stylist import NamedStyles, PictureStyles, StyleOptions

_MOST_NAMES = 30  # in a message


class Translator(Protocol):
    """A function from pictures of one size, [B, C, h, w], to their translations in [-1, 1].

    Pictures are whole pixels (uint8, uint16), which become values in [-1, 1] on the device, or such values.

    one_by_one: does it take one picture at a time?
    """

    one_by_one: bool

    def __call__(self, sources: Sequence[Original], photos: Tensor) -> Tensor: ...


class Plain:
    """Runs the network with the same condition tensors (without batch dimension) for every picture."""

    one_by_one = False

    def __init__(self, predictor: Predictor, *condition: Tensor) -> None:
        self.predictor, self.condition = predictor, condition

    def __call__(self, sources: Sequence[Original], photos: Tensor) -> Tensor:
        return self.predictor.translate(photos, *(each.expand(len(photos), *each.shape) for each in self.condition))


def translator_for(predictor: Predictor, styles: StyleOptions, to: str | None = None) -> Translator:
    """Make the translator for the options. to: of --to. `UserError` for options that do not fit the bundle."""
    condition, method = predictor.condition, predictor.info.method
    if not isinstance(condition, Label) and to is not None:
        raise UserError(f"--to {to}: a bundle of {method} has no domains to choose from; leave it out")
    if not isinstance(condition, Mix | Exemplar) and styles != StyleOptions():
        given = next(name for name, value in vars(styles).items() if value not in ((), None))
        raise UserError(f"--{given.replace('_', '-')}: a bundle of {method} takes no style; leave it out")
    match condition:
        case Label():
            return Plain(predictor, condition.of(known_name("--to", to, condition)))
        case Mix():
            return NamedStyles(predictor, condition, styles)
        case Exemplar():
            return PictureStyles(predictor, styles)
        case _:
            return Plain(predictor)


def known_name(option: str, name: str | None, label: Label) -> str:
    """The name in an option. `UserError` if there is none, or if the bundle does not know it."""
    shown = label.names[:_MOST_NAMES]
    known = ", ".join(shown) + (f" and {len(label.names) - len(shown)} more" if len(label.names) > len(shown) else "")
    if not isinstance(name, str):  # from Python it may be anything
        raise UserError(f"{option}: give one of {known}")
    if name not in label.names:
        raise UserError(f"{option} {name}: the bundle has no such domain{nearest(name, label.names)}; it has {known}")
    return name
