"""Tiny trainers that begin from weights."""

from pathlib import Path
from typing import Any

import pytest
from tiny import make_trainer, tiny_config

from gan_style import build
from gan_style.engine.beginning.start import begin
from gan_style.engine.trainer import Trainer
from gan_style.errors import UserError
from gan_style.interop.projects import read_foreign
from gan_style.types import Kept

TINY_RESNET = {
    "name": "resnet",
    "base_channels": 4,
    "num_blocks": 1,
    "norm": "instance",
    "antialias": False,
    "upsampling": "deconvolution",
    "dropout": False,
}
TINY_PATCHGAN = {"base_channels": 4, "num_layers": 1, "norm": "instance", "antialias": False}


def config(name: str, folder: Path, init_from: Any, channels: tuple[int, int] = (3, 3), generator: Any = TINY_RESNET, **train: Any) -> Any:
    data = {"crop_size": 16, "load_size": 16, "domain_a": {"channels": channels[0]}, "domain_b": {"channels": channels[1]}}
    sections: Any = {"data": data, "method": {"generator": generator, "discriminator": TINY_PATCHGAN}}
    if init_from is not None:
        train["init_from"] = init_from if isinstance(init_from, dict) else str(init_from)
    return tiny_config(name, folder / "run", {"seed": 3, **train}, **sections)


def beginning(chosen: Any) -> tuple[Trainer, list[str]]:
    trainer = make_trainer(chosen)
    return trainer, begin(chosen, trainer.method, build.make_task(chosen), Kept(), read_foreign)


def refusal(chosen: Any) -> str:
    with pytest.raises(UserError) as refused:
        beginning(chosen)
    assert "\n" not in str(refused.value)
    return str(refused.value)
