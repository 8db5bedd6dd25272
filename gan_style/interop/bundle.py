"""A foreign generator as a bundle of a method, which infer serves; and the network in a bundle, on its way out."""

from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from gan_style.bundles.file import BundleInfo, Resize, load_bundle
from gan_style.conditions import Exemplar
from gan_style.config.domain_names import DomainNamesConfig
from gan_style.config.network import choice_of
from gan_style.errors import UserError, wrong_value
from gan_style.interop.foreign import Foreign
from gan_style.interop.held import Held
from gan_style.methods import METHODS
from gan_style.methods.base import Method
from gan_style.methods.trained import check_weights, expected_weights, translator_config
from gan_style.methods.two_way import TwoWay
from gan_style.types import Direction

_ENCODED = "generator."  # before the names of a generator behind an encoding of label maps


def as_bundle(foreign: Foreign, path: Path, method: str | None, direction: Direction, size: int) -> tuple[BundleInfo, dict[str, Tensor]]:
    """The metadata and the weights of a bundle.

    path: of the foreign file, for messages; method: the one whose bundle it becomes; None: the usual one of its project
    size: pixels of the images in training, which `infer --resize train` repeats
    `UserError` if the method has no such generator, or if images cannot have the channels that it takes.
    """
    name = method or foreign.method
    kind = METHODS[name]
    if not _serves(kind, foreign.config.name):
        able = [other for other, each in METHODS.items() if _serves(each, foreign.config.name)]
        raise UserError(f"--method {name}: has no generator {foreign.config.name} that takes an image alone; take {' or '.join(able)}")
    keys = {"name": name, "generator": foreign.config.model_dump(), **foreign.keys}
    if "direction" in kind.Config.model_fields:
        keys["direction"] = direction
    elif direction == "b2a" and not issubclass(kind, TwoWay):
        raise UserError(f"--direction b2a: {name} translates a2b alone; leave it out")
    try:
        config: Any = kind.Config.model_validate(keys)
    except ValidationError as mistakes:
        first = mistakes.errors()[0]
        raise UserError(f"--method {name}: {'.'.join(map(str, first['loc']))}: {wrong_value(dict(first))}; take {foreign.method}") from None
    labels = foreign.keys.get("labels", {})
    in_channels = _image_channels(labels) if labels.get("colours") else foreign.in_channels
    for word, count in (("takes", in_channels), ("makes", foreign.out_channels)):
        if count > 4:
            raise UserError(f"{path}: the network {word} {count} channels, and image files have 1 to 4; no bundle can serve it")
    condition = kind.takes(config)
    info = BundleInfo(
        method=name,
        direction=direction,
        translator=config.model_dump(mode="json"),
        in_channels=in_channels,
        out_channels=foreign.out_channels,
        size_multiple=_size_multiple(kind, config, in_channels, foreign.out_channels),
        style=isinstance(condition, Exemplar),
        condition=condition,
        labels="yes" if labels.get("colours") else "auto",
        colours=[],
        resize=Resize(preprocess="resize_and_crop", load_size=size, crop_size=size),
        statistics=foreign.statistics,
        step=0,
    )
    expected = expected_weights(kind, config, in_channels, foreign.out_channels)
    prefix = _ENCODED if all(key.startswith(_ENCODED) for key in expected) else ""
    weights = {f"{prefix}{key}": value for key, value in foreign.weights.items()}
    if weights.keys() != expected.keys():
        raise UserError(f"--method {name}: its translator takes more than an image; take {foreign.method}")
    check_weights(path, kind, config, info, weights)
    return info, weights


def _serves(kind: type[Method], network: str) -> bool:
    """Has the method a generator of this name, for two domains?"""
    return network in choice_of(kind.Config.model_fields.get("generator")).kinds and not issubclass(kind.Config, DomainNamesConfig)


def _image_channels(labels: dict[str, Any]) -> int:
    """The channels of label maps in these colours."""
    return (len(labels["colours"][0]) - 1) // 2 + (labels.get("edges") == "alpha")


def _size_multiple(kind: Any, config: Any, in_channels: int, out_channels: int) -> int:
    with torch.device("meta"):
        return int(getattr(kind.translator(config, in_channels, out_channels), "size_multiple", 1))


def open_bundle(path: Path) -> Held:
    """The network in a bundle. `UserError` if the bundle is damaged or inconsistent."""
    info, weights = load_bundle(path)
    if info.method not in METHODS:
        raise UserError(f"{path}: made by method {info.method!r}, which this version of gan_style does not know")
    kind = METHODS[info.method]
    config = translator_config(path, info, kind)
    check_weights(path, kind, config, info, weights)
    with torch.device("meta"):
        network: nn.Module = kind.translator(config, info.in_channels, info.out_channels)
    if all(key.startswith(_ENCODED) for key in weights):
        network = network.get_submodule(_ENCODED.rstrip("."))
        weights = {key.removeprefix(_ENCODED): value for key, value in weights.items()}
    sides = {"inputs": info.values_in, "results": info.values_out}
    values = tuple(f"the range of its {side}, {found.scale.words()}" for side, found in sides.items() if found)
    return Held(path, config.generator, info.in_channels, network, weights, config, info.direction, values)
