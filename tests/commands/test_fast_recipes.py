"""The recipes for little time train for their minutes, and their learning rate ends with them."""

from pathlib import Path

import numpy as np
import pytest
from pictures import draw_folders
from recipes import load
from runs import metrics
from smoke import ROOT

import gan_style
from gan_style.commands.train import train_command
from gan_style.report.record import read_record

RECIPES = {  # a key that makes its network small, its method, its precision, a target domain
    "fast": ("method.generator.num_downs=3", "pix2pix", "auto", None),
    "fast_unpaired": ("method.generator.num_blocks=1", "cyclegan", "auto", None),
    "fast_domains": ("method.generator.num_blocks=1", "stargan", "no", "B"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_for_little_time_is_measured_in_minutes_and_averages_its_weights(name: str) -> None:
    config = load(ROOT / f"configs/{name}.yaml")
    train = config.train
    assert (config.method.name, train.mixed_precision) == RECIPES[name][1:3]
    assert train.minutes and train.steps is train.epochs is None
    assert train.ema_decay and train.ema_warmup
    assert config.method.generator.upsampling == ("bilinear-convolution" if name == "fast_domains" else "resize-convolution")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_for_little_time_trains_to_the_end_of_its_schedule(name: str, tmp_path: Path) -> None:
    data, run_dir = draw_folders(tmp_path / "data"), tmp_path / "run"
    small = ["data.load_size=20", "data.crop_size=16", "method.generator.base_channels=4", "method.discriminator.base_channels=4"]
    small += ["method.discriminator.num_layers=1", RECIPES[name][0], "data.workers=0", "train.minutes=0.02", "logging.every=1"]
    assert train_command([f"--config={ROOT}/configs/{name}.yaml", f"data.root={data}", f"run_dir={run_dir}", *small]) == 0
    lines, steps = metrics(run_dir), read_record(run_dir).steps
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1)) and len(lines) == steps
    rates = [value for key, value in lines[-1].items() if key.startswith("lr/")]
    assert all(0 < rate < 2e-4 for rate in rates)
    picture = np.zeros((16, 20, 3), dtype=np.uint8)
    to = {"to": RECIPES[name][3]} if RECIPES[name][3] else {}
    assert gan_style.load(run_dir)(picture, **to).shape == picture.shape
