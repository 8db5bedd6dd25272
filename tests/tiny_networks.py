"""Networks of any registry by name, from one set of small sizes."""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from gan_style.networks import build, configs


def tiny_network(registry: Mapping[str, type[nn.Module]], name: str, **keywords: Any) -> nn.Module:
    """keywords: keys of its section, and what its constructor takes beside it; those that this network does not have are left out."""
    section = configs(registry)[name]
    given = {key: value for key, value in keywords.items() if key in inspect.signature(registry[name]).parameters}
    return build(registry, section(**{key: value for key, value in keywords.items() if key in section.model_fields}), **given)
