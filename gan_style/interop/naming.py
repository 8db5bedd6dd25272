"""The names of a network's tensors in another project's code, and weights taken from one set of names to the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gan_style.errors import UserError

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_WRAPPERS = ("module.", "_orig_mod.")  # DataParallel, torch.compile
_SPECTRAL = {"original": "weight_orig", "0.u": "weight_u", "0.v": "weight_v"}  # ours below `parametrizations.weight` -> torch's hook


@dataclass(frozen=True)
class Naming:
    """How a project names the tensors of one of our networks.

    project: its name in messages; layers: our name of a convolution or normalisation -> theirs
    biased: our names of the layers that have a bias in theirs even without normalisation; None: all have
    fixed: their names and values of filters that are never trained; ours do not store them
    stateless: their names of normalisations without parameters, whose running statistics old checkpoints hold
    """

    project: str
    layers: Mapping[str, str]
    norm: str = "instance"
    biased: frozenset[str] | None = None
    fixed: Mapping[str, Tensor] = field(default_factory=dict)
    stateless: frozenset[str] = frozenset()

    def theirs(self, key: str) -> str:
        """Their name of our tensor `key`."""
        layer, spectral, tensor = key.partition(".parametrizations.weight.")
        if spectral:
            return f"{self.layers[layer]}.{_SPECTRAL[tensor]}"
        layer, _, tensor = key.rpartition(".")
        return f"{self.layers[layer]}.{tensor}"

    def lacks(self, key: str) -> bool:
        """Is our tensor `key` a bias that theirs does not have?"""
        layer, _, tensor = key.rpartition(".")
        return tensor == "bias" and self.norm == "none" and self.biased is not None and layer not in self.biased


def unwrapped(key: str) -> str:
    """A tensor's name without the prefixes of wrappers around the network."""
    while wrapper := next((each for each in _WRAPPERS if key.startswith(each)), None):
        key = key.removeprefix(wrapper)
    return key


def into_ours(state: Mapping[str, Tensor], network: nn.Module, naming: Naming) -> dict[str, Tensor]:
    """Convert their state dict to our names; `network.load_state_dict` loads the result strictly.

    network: one of ours with the same settings, also on the meta device; only its names and shapes are read
    `UserError` names a layer that is missing, left over or of another shape, or a fixed filter with other values.
    """
    theirs = {unwrapped(key): value for key, value in state.items()}
    advice = f"give the settings that the {type(network).__name__} was trained with (blocks or halvings, channels, norm, dropout)"
    converted: dict[str, Tensor] = {}
    for key, ours in network.state_dict().items():
        name = naming.theirs(key)
        if name in theirs:
            value = theirs.pop(name)
        elif name.endswith(".num_batches_tracked") or naming.lacks(key):
            value = torch.zeros(ours.shape, dtype=ours.dtype)  # checkpoints before PyTorch 0.4.1 count no batches
        else:
            raise UserError(f"layer {name!r} ({key} here) is not among the weights: {advice}")
        if value.shape != ours.shape:
            raise UserError(f"layer {name!r} is {list(value.shape)} in the weights and {list(ours.shape)} here: {advice}")
        converted[key] = value
    for name, value in naming.fixed.items():
        if name in theirs and not _same(theirs.pop(name), value):
            raise UserError(f"the filter {name!r} has other values than that of {naming.project}, and no network here has it")
    dead = {f"{layer}.{statistic}" for layer in naming.stateless for statistic in STATISTICS}
    left_over = [name for name in theirs if name not in dead]
    if left_over:
        raise UserError(f"the weights hold {left_over[0]!r}, for which this network has no layer: {advice}")
    return converted


def into_theirs(weights: Mapping[str, Tensor], naming: Naming) -> dict[str, Tensor]:
    """The state dict with their names. Their network with the same settings loads it strictly.

    `UserError` if a bias that theirs does not have is not 0.
    """
    for key, value in weights.items():
        if naming.lacks(key) and value.count_nonzero():
            raise UserError(
                f"norm none: {naming.project} has no bias at {naming.theirs(key).rpartition('.')[0]} and cannot hold these weights; "
                "use norm instance or batch"
            )
    held = {naming.theirs(key): value for key, value in weights.items() if not naming.lacks(key)}
    return {**held, **naming.fixed}


def without_state(layers: Iterable[tuple[str, str]], norm: str) -> frozenset[str]:
    """Their names of the instance normalisations among `layers`."""
    return frozenset(theirs for ours, theirs in layers if norm == "instance" and ours.split(".")[-1].startswith("norm"))


def _same(value: Tensor, expected: Tensor) -> bool:
    return value.shape == expected.shape and torch.allclose(value.float(), expected.float(), rtol=1e-3, atol=1e-6)  # half precision too
