"""What several GPUs would do, as far as it can be told without them."""

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny import tiny_config
from torch import nn

from gan_style import build
from gan_style.engine.distribution import synchronise_batch_norm
from gan_style.errors import UserError

TWO_GPUS: Any = SimpleNamespace(num_processes=2, device=torch.device("cuda"), is_main_process=True)


def method(tmp_path: Path, norm: str, **keys: Any) -> Any:
    networks = {"generator": {"norm": "batch", "num_blocks": 1}, "discriminator": {"norm": norm, "num_layers": 1}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build.open_method(tiny_config("pix2pix", tmp_path, method={**networks, **keys}))


@pytest.mark.parametrize("penalty", ["r1_weight", "gradient_penalty_weight"])
def test_a_penalty_cannot_be_had_of_a_batch_normalisation_over_gpus(penalty: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"set method\.discriminator\.norm=instance"):
        synchronise_batch_norm(method(tmp_path, "batch", **{penalty: 1.0}), TWO_GPUS)
    sound = method(tmp_path, "instance", **{penalty: 1.0})  # the generator is not differentiated twice
    synchronise_batch_norm(sound, TWO_GPUS)
    kinds = {name: any(isinstance(module, nn.SyncBatchNorm) for module in network.modules()) for name, network in sound.networks.items()}
    assert kinds == {"generator": True, "discriminator": False}
