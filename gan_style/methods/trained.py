"""Checking a bundle against the method that its header names, before inference runs it or a training begins from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from gan_style.bundles.file import BundleInfo, load_bundle, unreadable
from gan_style.bundles.place import find_bundle
from gan_style.conditions import Exemplar
from gan_style.config.mistakes import place_of
from gan_style.errors import UserError
from gan_style.methods.base import Method


def open_trained(key: str, path: Path, kind: type[Method]) -> tuple[BundleInfo, Any, dict[str, Tensor]]:
    """Metadata, translator's configuration and weights of a bundle of the method `kind`.

    key: the configuration key that names the bundle, for messages; path: a bundle, or a run folder that holds one
    `UserError` if the bundle is missing, damaged, or of another method or version.
    """
    path = find_bundle(key, path)
    try:
        info, weights = load_bundle(path)
        if info.method != (name := kind.Config.model_fields["name"].default):
            raise UserError(f"{path}: a bundle of {info.method}; give one of {name}")
        config = translator_config(path, info, kind)
        check_weights(path, kind, config, info, weights)
    except UserError as mistake:
        raise UserError(f"{key} {mistake}") from None
    return info, config, weights


def translator_config(path: Path, info: BundleInfo, kind: type[Method]) -> Any:
    """The configuration of a bundle's translator, an instance of `kind.Config`. kind: the bundle's method"""
    if tuple(info.value_range) != (-1.0, 1.0):
        raise UserError(
            f"{path}: value_range is {list(info.value_range)}, but this version of gan_style runs images in [-1, 1] only; train it again"
        )
    for key, values in (("in_channels", info.values_in), ("out_channels", info.values_out)):
        if getattr(info, key) > 4 and values is None:  # pictures; measurements have up to 64
            raise UserError(f"{path}: {key} is {getattr(info, key)}, but image files have 1 to 4 channels; train it again")
    try:
        config = kind.Config.model_validate(info.translator)
        condition = kind.takes(config)
    except ValidationError as mistakes:
        place = ("translator", *place_of(kind.Config, mistakes.errors()[0]["loc"]))
        raise UserError(f"{path}: {unreadable(mistakes, place)}") from None
    if info.style != isinstance(condition, Exemplar):
        needs = "needs a style image" if info.style else "needs no style image"
        raise UserError(f"{path}: its metadata says that it {needs}, which is not so for {info.method!r}; train it again")
    if info.condition not in (None, condition):
        raise UserError(f"{path}: its metadata has another condition than its translator's configuration; train it again")
    return config


def expected_weights(kind: type[Method], config: Any, in_channels: int, out_channels: int) -> dict[str, torch.Size]:
    """Names and shapes of the weights of a translator with this configuration, found without allocating memory for them."""
    with torch.device("meta"):
        network = kind.translator(config, in_channels, out_channels)
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def check_weights(path: Path, kind: type[Method], config: Any, info: BundleInfo, weights: Mapping[str, Tensor]) -> None:
    """`UserError` if a bundle's weights differ from those that its metadata calls for; names the first differences."""
    expected = expected_weights(kind, config, info.in_channels, info.out_channels)
    missing = [name for name in expected if name not in weights]
    unexpected = [name for name in weights if name not in expected]
    reshaped = [name for name in expected if name in weights and weights[name].shape != expected[name]]
    problems = [f"{_some(names)} {word}" for word, names in (("missing", missing), ("unexpected", unexpected)) if names]
    if reshaped:
        name = reshaped[0]
        problems.append(f"{_some(reshaped)} of the wrong shape ({list(weights[name].shape)}, not {list(expected[name])})")
    if problems:
        raise UserError(f"{path}: its weights do not fit the network that its metadata describes: {'; '.join(problems)}")
    # Such a network would paint every picture black without a word.
    broken = [name for name, weight in weights.items() if not _finite(weight)]
    if broken:
        raise UserError(f"{path}: {_some(broken)} not finite: the training went wrong; take the bundle of an earlier checkpoint")


def _some(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _finite(weight: Tensor) -> bool:
    """Are all values finite? The extremes tell it in one pass without memory: NaN is an extreme of any values."""
    return weight.numel() == 0 or all(torch.isfinite(extreme).item() for extreme in weight.aminmax())
