"""Small networks of the tests: sizes that a rule of a section refuses are left as they are."""

from typing import Any, Literal

import pytest
from pydantic import Field, model_validator
from tiny_networks import fitting

from gan_style.config.network import NetworkConfig
from gan_style.networks.keys import BaseChannels, NumBlocks


class RuledConfig(NetworkConfig):
    """A section whose blocks must be at least as many as those of a kind."""

    name: Literal["ruled"] = "ruled"
    base_channels: BaseChannels = 64
    num_blocks: NumBlocks = 9
    adaptive_blocks: int = Field(default=4, ge=1)

    @model_validator(mode="after")
    def _blocks_fit(self) -> "RuledConfig":
        if self.num_blocks < self.adaptive_blocks:
            raise ValueError("num_blocks is smaller than adaptive_blocks")
        return self


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"base_channels": 4, "num_blocks": 5}, {"base_channels": 4, "num_blocks": 5}),
        ({"base_channels": 4, "num_blocks": 1}, {"base_channels": 4}),
        ({"base_channels": 4, "num_blocks": 1, "adaptive_blocks": 1}, {"base_channels": 4, "num_blocks": 1, "adaptive_blocks": 1}),
        ({"num_blocks": 2, "num_downs": 3, "init_gain": 0.2}, {"init_gain": 0.2}),
    ],
)
def test_sizes_that_a_rule_refuses_are_left_out(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert fitting(RuledConfig, given) == expected
    assert RuledConfig(**fitting(RuledConfig, given))
