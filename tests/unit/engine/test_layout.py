import pytest
import torch

from gan_style.engine.layout import memory_format
from gan_style.methods import CONFIGS, METHODS
from gan_style.types import Task

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("method", "on_cpu"),
    [
        ("pix2pix", torch.contiguous_format),
        ("cyclegan", torch.channels_last),
        ("cut", torch.channels_last),
        ("pix2pixhd", torch.channels_last),
    ],
)
def test_auto_is_channels_last_but_for_a_u_net_on_a_cpu(method: str, on_cpu: torch.memory_format) -> None:
    generator = {"base_channels": 4} if method != "pix2pixhd" else {"name": "global", "base_channels": 4}
    config = {"name": method, "generator": generator, "discriminator": {"base_channels": 4}}
    networks = METHODS[method](CONFIGS[method].model_validate(config), Task()).networks.values()
    assert memory_format("auto", networks, CPU) is on_cpu
    assert memory_format("auto", networks, GPU) is torch.channels_last
    assert memory_format(True, networks, CPU) is torch.channels_last
    assert memory_format(False, networks, GPU) is torch.contiguous_format
