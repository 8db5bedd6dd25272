"""A run that began from weights, with frozen parts and a warm-up, stopped and resumed by the real command."""

import shutil
from pathlib import Path

import pytest
from runs import arguments, bundles, metrics, networks

from gan_style.commands.train import train_command
from gan_style.errors import UserError

KEYS = [
    "data.workers=0",
    "train.seed=5",
    "train.ema_decay=0.9",
    "train.freeze=[generator_ab.stem, discriminator_a.layers.0, generator_ba]",
    "optim.warmup=4",
    "optim.schedule=constant",
]


@pytest.mark.parametrize("partial", [False, True])
def test_a_resumed_run_needs_no_file_that_it_began_from(partial: bool, data: Path, tmp_path: Path) -> None:
    assert train_command(arguments("cyclegan", data, tmp_path / "old", "data.workers=0", "train.steps=2")) == 0
    more = [f"train.init_from={tmp_path / 'old'}", *KEYS]
    if partial:
        more += ["train.init_partial=true", "method.generator.num_blocks=4"]
    assert train_command(arguments("cyclegan", data, tmp_path / "straight", *more)) == 0
    assert train_command(arguments("cyclegan", data, tmp_path / "run", *more, "train.steps=3")) == 0
    shutil.move(tmp_path / "old", tmp_path / "gone")
    with pytest.raises(UserError, match=r"train\.init_from .*old: no such file or folder"):
        train_command(arguments("cyclegan", data, tmp_path / "another", *more))
    assert train_command(arguments("cyclegan", data, tmp_path / "run", *more)) == 0
    assert networks(tmp_path / "run") == networks(tmp_path / "straight")
    assert bundles(tmp_path / "run") == bundles(tmp_path / "straight")
    regular = [[line for line in metrics(run) if line["step"] % 2 == 0] for run in (tmp_path / "run", tmp_path / "straight")]
    assert regular[0] == regular[1]
    with pytest.raises(UserError, match=r"another configuration: train\.init_from: .*old -> .*gone"):
        train_command([*arguments("cyclegan", data, tmp_path / "run", *more), f"train.init_from={tmp_path / 'gone'}"])


def test_what_is_frozen_has_the_bits_of_the_file(data: Path, tmp_path: Path) -> None:
    assert train_command(arguments("cyclegan", data, tmp_path / "old", "data.workers=0", "train.steps=2")) == 0
    assert train_command(arguments("cyclegan", data, tmp_path / "run", f"train.init_from={tmp_path / 'old'}", *KEYS)) == 0
    old, new = networks(tmp_path / "old", 2), networks(tmp_path / "run")
    same = {key for key in old if old[key] == new[key]}
    assert same == {key for key in old if key.startswith(("generator_ab/stem.", "discriminator_a/layers.0.", "generator_ba/"))}
