"""Settings that the names and shapes of a state dict show."""

import re
from collections.abc import Mapping

from torch import Tensor

from gan_style.errors import UserError
from gan_style.interop.naming import STATISTICS
from gan_style.interop.settings import Settings


def norm_of(state: Mapping[str, Tensor], conv: str, norm: str, settings: Settings) -> str:
    """The normalisation `norm` behind the convolution `conv`, both by their names in the state dict.

    Batch normalisation has scales, instance normalisation here has none and a bias in front; without either there is no bias.
    `UserError` for an instance normalisation with scales, which no network here has.
    """
    scales, bias = f"{norm}.weight" in state, f"{conv}.bias" in state
    if scales and f"{norm}.running_var" not in state:
        raise UserError(f"layer {norm!r} has scales and no running statistics: an affine instance normalisation, which no network here has")
    if scales:
        return settings.found("norm", "batch", "its layers have scales and running statistics")
    if bias:
        return settings.found("norm", "instance", "its layers have no scales, and convolutions have biases")
    return settings.found("norm", "none", "neither scales nor biases")


def without_statistics(state: Mapping[str, Tensor], norm: str, settings: Settings) -> dict[str, Tensor]:
    """The state dict without the running statistics of instance normalisations, which never took part."""
    if norm != "instance":
        return dict(state)
    kept = {name: value for name, value in state.items() if not name.endswith(tuple(f".{each}" for each in STATISTICS))}
    if count := sum(name.endswith(".running_mean") for name in state):
        settings.tell("dropped", f"running statistics of {count} instance normalisations", "from before PyTorch 0.4; they never took part")
    return kept


def places(state: Mapping[str, Tensor], pattern: str) -> list[int]:
    """The sorted numbers that the group of `pattern` matches at the beginning of names."""
    return sorted({int(match.group(1)) for name in state if (match := re.match(pattern, name))})


def weight(state: Mapping[str, Tensor], layer: str, dims: int = 4) -> Tensor:
    """The weight of a layer. `UserError` if it is missing or has another number of dimensions."""
    value = state.get(f"{layer}.weight")
    if value is None or value.dim() != dims:
        raise UserError(f"layer {layer!r} is not among the weights, or is no convolution; give the whole state dict of one network")
    return value
