"""Every method begins from its own weights: the first step is the one that these weights give, and a resumed run needs no file."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import make_run, make_trainer, micro_batches, tiny_config, weights

from gan_style import build
from gan_style.bundles.file import load_bundle
from gan_style.engine import checkpoint
from gan_style.engine.beginning.start import begin
from gan_style.engine.run import Run
from gan_style.engine.trainer import Trainer
from gan_style.interop.projects import read_foreign
from gan_style.methods import METHODS
from gan_style.types import Kept

METHOD_NAMES = sorted(METHODS)


def trained(name: str, folder: Path, **train: Any) -> Run:
    """A run of two steps."""
    run = make_run(tiny_config(name, folder, {"steps": 2, **train}))
    assert run.fit() == 0
    return run


def beginning(config: Any) -> tuple[Trainer, list[str]]:
    """A trainer whose method has begun as the configuration says, and the lines about it."""
    trainer = make_trainer(config)
    told = begin(config, trainer.method, build.make_task(config), Kept(), read_foreign)
    return trainer, told


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_the_first_losses_are_those_of_the_weights(name: str, tmp_path: Path) -> None:
    old = trained(name, tmp_path / "old")
    config = tiny_config(name, tmp_path / "new", {"seed": 1, "init_from": str(tmp_path / "old")}, method=styles(name, tmp_path))
    trainer, told = beginning(config)
    assert len(told) == len(trainer.networks), told
    expected = weights(old.trainer)
    assert all(torch.equal(value, expected[key]) for key, value in weights(trainer).items())

    continuing = make_trainer(config)
    checkpoint.verified(tmp_path / "old/checkpoints/step_0000002").load_networks(continuing.networks)
    losses = [each.step(0, micro_batches(0, 2)).losses for each in (trainer, continuing)]
    assert losses[0].keys() == losses[1].keys()
    assert all(torch.equal(losses[0][term], losses[1][term]) for term in losses[0])


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_a_bundle_gives_the_generator_of_its_direction(name: str, tmp_path: Path) -> None:
    old = trained(name, tmp_path / "old", ema_decay=0.5)
    drawn = weights(make_trainer(tiny_config(name, tmp_path / "new", {"seed": 1}, method=styles(name, tmp_path))))
    for direction, network in old.trainer.method.translators.items():
        bundle = tmp_path / f"old/bundles/{direction}.safetensors"
        trainer, _ = beginning(tiny_config(name, tmp_path / "new", {"seed": 1, "init_from": str(bundle)}, method=styles(name, tmp_path)))
        _, stored = load_bundle(bundle)
        for key, value in weights(trainer).items():
            owner, _, tensor = key.partition("/")
            assert torch.equal(value, stored[tensor] if owner == network else drawn[key]), key


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_the_moving_average_is_taken_and_begins_anew_from_it(name: str, tmp_path: Path) -> None:
    old = trained(name, tmp_path / "old", ema_decay=0.5)
    assert old.trainer.ema
    config = tiny_config(name, tmp_path / "new", {"init_from": str(tmp_path / "old"), "ema_decay": 0.9}, method=styles(name, tmp_path))
    method, told = build.begin_method(config, Kept())
    new = Trainer(method, config.train, config.optim, old.trainer.accelerator, 4)
    assert new.ema
    for network in method.translators.values():
        assert any(line.startswith(f"begins from {network}: ") and line.endswith("the moving average") for line in told)
        for key, value in old.trainer.ema.shadows[network].items():
            assert torch.equal(new.networks[network].state_dict()[key], value)
            assert torch.equal(new.ema.shadows[network][key], value)


def run_of(config: Any) -> Run:
    """A run that begins as `build.train` lets it begin: with what its newest checkpoint has kept."""
    kept = Kept(checkpoint.earlier_inputs(Path(config.run_dir)))
    run = make_run(config)
    begin(config, run.trainer.method, build.make_task(config), kept, read_foreign)
    return Run(
        config, run.plan, run.trainer, run.accelerator, run.agreement, run.loader, run.slots,
        build.bundle_infos(config, run.trainer.method, kept), None, kept=kept,
    )  # fmt: skip


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_a_resumed_run_needs_no_file_and_has_the_same_bits(name: str, tmp_path: Path) -> None:
    trained(name, tmp_path / "old")

    def config(folder: str, steps: int) -> Any:
        train = {"seed": 1, "init_from": str(tmp_path / "old"), "steps": steps, "epochs": 4}
        return tiny_config(name, tmp_path / folder, train, optim={"warmup": 3}, method=styles(name, tmp_path))

    whole = run_of(config("straight", 4))
    whole.fit()
    run_of(config("halved", 2)).fit()
    shutil.rmtree(tmp_path / "old/checkpoints")
    shutil.rmtree(tmp_path / "old/bundles")
    halved = run_of(config("halved", 4))
    halved.fit()
    expected, got = weights(whole.trainer), weights(halved.trainer)
    assert all(torch.equal(value, got[key]) for key, value in expected.items())
    for bundle in sorted((tmp_path / "straight/bundles").iterdir()):
        assert bundle.read_bytes() == (tmp_path / "halved/bundles" / bundle.name).read_bytes()
        begun_from = load_bundle(bundle)[0].begun_from
        assert begun_from and (begun_from.path, begun_from.step) == ("old/checkpoints/step_0000002", 2)


def styles(name: str, folder: Path) -> dict[str, Any]:
    """Style pictures that all runs of a test share."""
    tiny: Any = tiny_config(name, folder / "old")
    return {"styles": tiny.method.styles} if name == "fast_style" else {}
