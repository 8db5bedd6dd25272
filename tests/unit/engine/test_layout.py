from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny import make_trainer, tiny_config

from gan_style.engine.layout import memory_format
from gan_style.methods import CONFIGS, METHODS
from gan_style.types import Task

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("method", "on_cpu", "on_gpu"),
    [
        ("pix2pix", torch.contiguous_format, torch.channels_last),
        ("cyclegan", torch.channels_last, torch.contiguous_format),
        ("cut", torch.channels_last, torch.contiguous_format),
        ("pix2pixhd", torch.channels_last, torch.contiguous_format),
    ],
)
def test_auto_is_channels_last_but_for_a_u_net_on_a_cpu_and_reflection_padding_on_a_gpu(
    method: str, on_cpu: torch.memory_format, on_gpu: torch.memory_format
) -> None:
    generator = {"base_channels": 4} if method != "pix2pixhd" else {"name": "global", "base_channels": 4}
    config = {"name": method, "generator": generator, "discriminator": {"base_channels": 4}}
    networks = METHODS[method](CONFIGS[method].model_validate(config), Task()).networks.values()
    assert memory_format("auto", networks, CPU) is on_cpu
    assert memory_format("auto", networks, GPU) is on_gpu
    assert memory_format("auto", networks, GPU, compiled=True) is torch.channels_last
    assert memory_format(True, networks, CPU) is torch.channels_last
    assert memory_format(False, networks, GPU) is torch.contiguous_format


def test_networks_with_maps_of_one_position_are_not_compiled_channels_last_on_a_gpu(tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config("gan", tmp_path, train={"channels_last": True}))
    assert memory_format("auto", trainer.networks.values(), GPU) is torch.contiguous_format
    assert not trainer._not_compiled()
    trainer.accelerator = SimpleNamespace(device=GPU)  # type: ignore[assignment]
    assert trainer._not_compiled().keys() == {"generator", "discriminator"}
    trainer.memory_format = torch.contiguous_format
    assert not trainer._not_compiled()
