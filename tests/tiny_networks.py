"""Networks of any registry by name, from one set of small sizes."""

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from torch import nn

from gan_style.config.network import NetworkConfig
from gan_style.networks import build, configs

SIZES = ("base_channels", "num_blocks", "num_downs", "num_layers", "num_scales")  # keys that make a network small


def tiny_network(registry: Mapping[str, type[nn.Module]], name: str, **keywords: Any) -> nn.Module:
    """keywords: keys of its section, and what its constructor takes beside it; those that this network does not have are left out.

    So are sizes that a rule of the section refuses.
    """
    beside = {key: value for key, value in keywords.items() if key in inspect.signature(registry[name]).parameters}
    section = configs(registry)[name]
    return build(registry, section(**fitting(section, keywords)), **beside)


def fitting(section: type[NetworkConfig], keys: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `keys` that the section has, without the `SIZES` that a rule of the section refuses beside the others."""
    known = {key: value for key, value in keys.items() if key in section.model_fields}
    if _valid(section, known):
        return known
    kept = {key: value for key, value in known.items() if key not in SIZES}
    for size in (size for size in SIZES if size in known):
        if _valid(section, larger := {**kept, size: known[size]}):
            kept = larger
    return kept


def _valid(section: type[NetworkConfig], keys: Mapping[str, Any]) -> bool:
    try:
        section(**keys)
    except ValidationError:
        return False
    return True
