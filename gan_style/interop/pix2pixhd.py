"""Conversion of weights from and to pix2pixHD: the global generator, and the one with local enhancers.

The global generator is one `nn.Sequential`, `model`. The first enhancer is `model1_1` (halving) and `model1_2` (blocks and doubling), the
second `model2_1` and `model2_2`. Every convolution has a bias, also in front of batch normalisation, which takes it away: such biases go
into the running means, and are 0 in weights that go out.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.interop.foreign import Foreign, Statistics, in_full, section, without_memory
from gan_style.interop.held import Held
from gan_style.interop.label_settings import label_keys
from gan_style.interop.naming import Naming, into_ours, into_theirs, without_state
from gan_style.interop.pytorch_cyclegan_settings import count_halvings
from gan_style.interop.settings import Settings
from gan_style.interop.shapes import norm_of, places, weight, without_statistics
from gan_style.interop.weight_file import State
from gan_style.networks import GENERATORS
from gan_style.networks.generators.coarse_to_fine import LOCAL_BLOCKS, CoarseToFineConfig, GlobalConfig

PROJECT = "pix2pixHD"


def is_pix2pixhd(state: Mapping[str, Tensor]) -> bool:
    """Is it a generator that pix2pixHD alone has: with enhancers, or with other than two halvings?"""
    if any(name.startswith("model1_1.") for name in state):
        return True
    first = state.get("model.1.weight")
    if first is None or first.dim() != 4 or first.shape[-1] != 7 or any(name.endswith(".filt") for name in state):
        return False
    return count_halvings(_last(state), len(places(state, r"model\.(\d+)\.conv_block\."))) in range(3, 13)


def read_pix2pixhd(state: State, settings: Settings) -> Foreign:
    """Read a generator of pix2pixHD."""
    stages = places(state, r"model(\d+)_1\.")
    blocks = places(state, r"model\.(\d+)\.conv_block\.")
    last = _last(state)
    # 4 layers of the stem, 3 for each halving, the blocks, 3 for each doubling; the last convolution is the enhancer's where there is one
    halvings = (last - 1 - len(blocks)) / 6 if stages else count_halvings(last, len(blocks))
    if halvings != int(halvings):
        raise UserError(f"layer 'model.{last}' is not where a generator of {PROJECT} ends; give the whole state dict of one")
    kind = CoarseToFineConfig if stages else GlobalConfig
    name = kind.model_fields["name"].default
    settings.tell("network", name, "generator")
    enhancers = {"num_enhancers": settings.found("num_enhancers", len(stages))} if stages else {}
    local = len(places(state, r"model1_2\.(\d+)\.conv_block\."))
    if stages and local != LOCAL_BLOCKS:
        raise UserError(f"have {local} residual blocks in an enhancer, and one here has {LOCAL_BLOCKS}")
    config = section(
        kind,
        **enhancers,
        base_channels=settings.found("base_channels", len(weight(state, "model.1"))),
        num_downs=settings.found("num_downs", int(halvings)),
        num_blocks=settings.found("num_blocks", len(blocks)),
        norm=norm_of(state, "model.1", "model.2", settings),
        dropout=settings.found("dropout", bool(blocks) and f"model.{blocks[0]}.conv_block.5.weight" not in state),
        upsampling=settings.found("upsampling", "deconvolution"),
    )
    statistics: Statistics = "image"
    if config.norm == "batch":
        state = _without_biases(state, config, settings)
        statistics = settings.chosen("statistics", "image", ("image", "running"), "as the test.py of the project does")
    head = naming(config).layers["head"]
    in_channels = settings.found("in_channels", weight(state, "model.1").shape[1])
    out_channels = settings.found("out_channels", len(weight(state, head)))
    network = without_memory(partial(GENERATORS[name], in_channels=in_channels, out_channels=out_channels, config=config))
    weights = into_ours(without_statistics(state, config.norm, settings), network, naming(config))
    keys = label_keys(in_channels, settings, "colours" in settings.given)
    full = in_full(weights, settings)
    return Foreign("pix2pixhd", "generator", "pix2pixhd", config, in_channels, out_channels, full, tuple(settings.told), keys, statistics)


def to_pix2pixhd(held: Held, settings: Settings) -> dict[str, Tensor]:
    """The state dict with the names of pix2pixHD. `UserError` for a setting that it does not have."""
    config = held.config
    assert isinstance(config, GlobalConfig)
    refused = {
        "spectral_norm": config.spectral_norm,
        f"upsampling {config.upsampling}": config.upsampling != "deconvolution",
        "norm none": config.norm == "none",
    }
    for setting, present in refused.items():
        if present:
            raise UserError(f"{setting}: {PROJECT} has none and cannot hold these weights")
    theirs = into_theirs(held.weights, naming(config))
    if config.norm == "batch":
        for layer in _before_norms(config):
            theirs[f"{layer}.bias"] = torch.zeros_like(theirs[layer.rpartition(".")[0] + f".{int(layer.rpartition('.')[2]) + 1}.bias"])
    return theirs


def naming(config: GlobalConfig) -> Naming:
    """The names of pix2pixHD for a generator with this section."""
    layers = list(_layers(config))
    return Naming(PROJECT, dict(layers), config.norm, stateless=without_state(layers, config.norm))


def _last(state: Mapping[str, Tensor]) -> int:
    """The number of the last convolution of the global generator."""
    return max((number for number in places(state, r"model\.(\d+)\.weight$") if state[f"model.{number}.weight"].dim() == 4), default=0)


def _layers(config: GlobalConfig) -> Iterator[tuple[str, str]]:
    """(our name, the name of pix2pixHD) of every convolution and normalisation."""
    downs, blocks = config.num_downs, config.num_blocks
    yield from _pair("coarse.stem", "model", 1)
    for i in range(downs):
        yield from _pair(f"coarse.downs.{i}", "model", 4 + 3 * i)
    for i in range(blocks):
        yield from _block(f"coarse.blocks.{i}", f"model.{4 + 3 * downs + i}", config.dropout)
    for i in range(downs):
        yield from _pair(f"coarse.ups.{i}", "model", 4 + 3 * downs + blocks + 3 * i)
    enhancers = config.num_enhancers if isinstance(config, CoarseToFineConfig) else 0
    for i in range(enhancers):
        yield from _pair(f"enhancers.{i}.stem", f"model{i + 1}_1", 1)
        yield from _pair(f"enhancers.{i}.down", f"model{i + 1}_1", 4)
        for block in range(LOCAL_BLOCKS):
            yield from _block(f"enhancers.{i}.blocks.{block}", f"model{i + 1}_2.{block}", config.dropout)
        yield from _pair(f"enhancers.{i}.up", f"model{i + 1}_2", LOCAL_BLOCKS)
    yield "head", f"model{enhancers}_2.{LOCAL_BLOCKS + 4}" if enhancers else f"model.{4 + 6 * downs + blocks + 1}"


def _pair(ours: str, theirs: str, place: int) -> Iterator[tuple[str, str]]:
    yield f"{ours}.conv", f"{theirs}.{place}"
    yield f"{ours}.norm", f"{theirs}.{place + 1}"


def _block(ours: str, theirs: str, dropout: bool) -> Iterator[tuple[str, str]]:
    """pad, conv, norm, relu, (dropout), pad, conv, norm."""
    for half, place in ((1, 1), (2, 6 if dropout else 5)):
        yield f"{ours}.conv{half}", f"{theirs}.conv_block.{place}"
        yield f"{ours}.norm{half}", f"{theirs}.conv_block.{place + 1}"


def _before_norms(config: GlobalConfig) -> list[str]:
    """The names there of the convolutions in front of a normalisation."""
    return [theirs for ours, theirs in _layers(config) if ours.split(".")[-1].startswith("conv")]


def _without_biases(state: State, config: GlobalConfig, settings: Settings) -> State:
    """The same function without biases in front of batch normalisation: each goes into the running mean behind it."""
    kept, count = dict(state), 0
    for layer in _before_norms(config):
        start, _, place = layer.rpartition(".")
        mean = f"{start}.{int(place) + 1}.running_mean"
        bias = kept.pop(f"{layer}.bias", None)
        if bias is not None and mean in kept and kept[mean].shape == bias.shape:
            kept[mean], count = kept[mean] - bias, count + 1
    settings.tell("dropped", f"biases of {count} convolutions", "batch normalisation takes them away; the running means follow")
    return kept
