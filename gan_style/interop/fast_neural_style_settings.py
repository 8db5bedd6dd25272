"""The network of the PyTorch examples' fast-neural-style, recognised by the names and shapes in a state dict."""

from collections.abc import Mapping
from functools import partial
from typing import cast

from torch import Tensor

from gan_style.errors import UserError
from gan_style.interop.fast_neural_style import from_reference
from gan_style.interop.foreign import Foreign, in_full, section, without_memory
from gan_style.interop.settings import Settings
from gan_style.interop.shapes import places, weight, without_statistics
from gan_style.interop.weight_file import State
from gan_style.networks.generators.transformer_net import TransformerNet, TransformerNetConfig


def is_fast_neural_style(state: Mapping[str, Tensor]) -> bool:
    """Is it a `TransformerNet`?"""
    return "conv1.conv2d.weight" in state and "deconv3.conv2d.weight" in state


def read_fast_neural_style(state: State, settings: Settings) -> Foreign:
    """Read a `TransformerNet`: one style, whose name is a setting."""
    settings.tell("network", "transformer_net", "stylizer")
    blocks = places(state, r"res(\d+)\.")
    first = weight(state, "conv1.conv2d")
    if (first.shape[1], len(weight(state, "deconv3.conv2d"))) != (3, 3):
        raise UserError(f"take {first.shape[1]} channels and give {len(weight(state, 'deconv3.conv2d'))}, and a stylizer here 3 and 3")
    config = section(
        TransformerNetConfig,
        base_channels=settings.found("base_channels", len(first)),
        num_blocks=settings.found("num_blocks", len(blocks)),
        norm=settings.found("norm", "instance", "with scales, as always"),
        values=settings.found("values", "bytes", "as all weights of this kind"),
    )
    style = settings.text("style", "style", "the style's name for infer --style; --set style=NAME")
    if not style or not style.isprintable() or set(style) & set(":,"):
        raise UserError(f"--set style={style}: the name of a style is printable, without : and , which infer --style reads; give another")
    network = cast(TransformerNet, without_memory(partial(TransformerNet, 3, 3, config)))
    weights = from_reference(without_statistics(state, "instance", settings), network)
    keys = {"styles": {style: ""}}
    return Foreign("fast_neural_style", "generator", "fast_style", config, 3, 3, in_full(weights, settings), tuple(settings.told), keys)
