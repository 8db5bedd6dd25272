"""What the PyTorch examples' fast-neural-style cannot hold."""

from typing import Any

import pytest

from gan_style.errors import UserError
from gan_style.interop.fast_neural_style import check_size
from gan_style.networks.generators.transformer_net import TransformerNetConfig


@pytest.mark.parametrize(
    "keys", [{"base_channels": 16}, {"num_blocks": 4}, {"skip": True}, {"resize_mode": "bilinear"}, {"spectral_norm": True}]
)
def test_settings_that_the_project_does_not_have(keys: dict[str, Any]) -> None:
    check_size(TransformerNetConfig())
    (key, value), *_ = keys.items()
    with pytest.raises(UserError, match=f"^{key} {value}: the network of fast-neural-style has"):
        check_size(TransformerNetConfig(**keys))
