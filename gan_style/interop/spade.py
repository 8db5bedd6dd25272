"""Conversion of weights from and to SPADE's public code, for its generator without an encoder.

The public code has the same seven blocks with 5 doublings ("normal") and with 6 ("more"): a block changes its place, and no weight shows
it. It tests with the running statistics of batch normalisation, and divides the blocks' convolutions by their largest singular value.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from gan_style.errors import UserError
from gan_style.interop.foreign import Foreign, Statistics, in_full, section, without_memory
from gan_style.interop.held import Held
from gan_style.interop.label_settings import label_keys
from gan_style.interop.naming import Naming, into_ours, into_theirs
from gan_style.interop.settings import Settings
from gan_style.interop.shapes import weight
from gan_style.interop.weight_file import State
from gan_style.networks import GENERATORS, build
from gan_style.networks.generators.spade import SpadeConfig

PROJECT = "SPADE"
BLOCKS = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
DOUBLINGS = {"normal": {"num_downs": 5, "second_middle": True}, "more": {"num_downs": 6, "second_middle": False}}
HIDDEN = 128  # channels of each modulation in the public code


def is_spade(state: Mapping[str, Tensor]) -> bool:
    """Is it a generator of SPADE?"""
    return "conv_img.weight" in state and any(name.startswith("head_0.norm_0.mlp_shared.") for name in state)


def read_spade(state: State, settings: Settings) -> Foreign:
    """Read a generator of SPADE."""
    settings.tell("network", "spade", "generator")
    if "fc.weight" in state and state["fc.weight"].dim() == 2:
        raise UserError("begin from noise (use_vae), and a generator here from the label map")
    if any(name.startswith("up_4.") for name in state):
        raise UserError("have 7 doublings (num_upsampling_layers most), and here are 5 (normal) or 6 (more)")
    base_channels = settings.found("base_channels", weight(state, "conv_img").shape[1])
    if (hidden := len(weight(state, "head_0.norm_0.mlp_shared.0"))) != 2 * base_channels:
        raise UserError(f"have {hidden} channels in a modulation, and with base_channels {base_channels} one here has {2 * base_channels}")
    batch = "head_0.norm_0.param_free_norm.running_mean" in state
    norm = settings.found("norm", *(("batch", "with running statistics") if batch else ("instance", "without running statistics")))
    spectral = settings.found("spectral_norm", "head_0.conv_0.weight_orig" in state)
    doublings = settings.chosen("doublings", "normal", DOUBLINGS, "num_upsampling_layers of the project, which no weight shows")
    blocks = {"spectral_layers": "blocks"} if spectral else {}
    keys = {"base_channels": base_channels, "norm": norm, "spectral_norm": spectral, **blocks, **DOUBLINGS[doublings]}
    config = section(SpadeConfig, **keys)
    statistics: Statistics = "image"
    if norm == "batch":
        statistics = settings.chosen("statistics", "running", ("running", "image"), "as the test.py of the project does")
    in_channels = settings.found("in_channels", weight(state, "fc").shape[1])
    out_channels = settings.found("out_channels", len(weight(state, "conv_img")))
    network = without_memory(partial(build, GENERATORS, config, in_channels=in_channels, out_channels=out_channels))
    weights = into_ours(_with_vectors(state) if spectral else state, network, naming(config))
    labels = label_keys(in_channels, settings, "colours" in settings.given)
    full = in_full(weights, settings)
    return Foreign("spade", "generator", "pix2pixhd", config, in_channels, out_channels, full, tuple(settings.told), labels, statistics)


def to_spade(held: Held, settings: Settings) -> dict[str, Tensor]:
    """The state dict with the names of SPADE. `UserError` for a setting that it does not have."""
    config = held.config
    assert isinstance(config, SpadeConfig)
    if 2 * config.base_channels != HIDDEN:
        raise UserError(f"base_channels {config.base_channels}: {PROJECT} has {HIDDEN // 2}, always, and cannot hold these weights")
    shape = {"num_downs": config.num_downs, "second_middle": config.second_middle}
    if shape not in DOUBLINGS.values():
        have = " or ".join(
            f"num_downs {each['num_downs']} with second_middle {each['second_middle']}".lower() for each in DOUBLINGS.values()
        )
        raise UserError(f"num_downs {config.num_downs}: {PROJECT} has {have}, and cannot hold these weights")
    settings.tell("doublings", next(word for word, each in DOUBLINGS.items() if each == shape), "num_upsampling_layers of the project")
    return renamed(held.weights, config)


def renamed(weights: Mapping[str, Tensor], config: SpadeConfig) -> dict[str, Tensor]:
    """Weights of a generator with this section, with the names of SPADE."""
    if config.norm == "none":
        raise UserError(f"norm none: {PROJECT} has none and cannot hold these weights")
    if config.spectral_norm and config.spectral_layers == "all":
        raise UserError(f"spectral_layers all: {PROJECT} divides the convolutions of its blocks alone and cannot hold these weights")
    return into_theirs(weights, naming(config))


def naming(config: SpadeConfig) -> Naming:
    """The names of SPADE for a generator with this section."""
    layers = dict(_layers())
    return Naming(PROJECT, layers, config.norm)


def _layers() -> Iterator[tuple[str, str]]:
    """(our name, the name of SPADE) of every convolution and normalisation."""
    yield "stem", "fc"
    for number, name in enumerate(BLOCKS):
        for ours, theirs in (("first", "0"), ("second", "1"), ("shortcut", "s")):
            block = f"blocks.{number}.{ours}"
            yield f"{block}.conv", f"{name}.conv_{theirs}"
            yield f"{block}.norm.plain", f"{name}.norm_{theirs}.param_free_norm"
            yield f"{block}.norm.shared", f"{name}.norm_{theirs}.mlp_shared.0"
            yield f"{block}.norm.gamma", f"{name}.norm_{theirs}.mlp_gamma"
            yield f"{block}.norm.beta", f"{name}.norm_{theirs}.mlp_beta"
    yield "head", "conv_img"


def _with_vectors(state: State) -> State:
    """The state dict as torch saves it since 1.2: with the second singular vectors, and without the quotients that it computes."""
    kept = dict(state)
    for name in [name for name in state if name.endswith(".weight_orig")]:
        layer = name.removesuffix("_orig")
        kept.pop(layer, None)
        if f"{layer}_v" not in kept and f"{layer}_u" in kept:
            matrix = state[name].flatten(1).float()
            if matrix.shape[0] == kept[f"{layer}_u"].numel():
                kept[f"{layer}_v"] = F.normalize(matrix.T @ kept[f"{layer}_u"].flatten().float(), dim=0)
    return kept
