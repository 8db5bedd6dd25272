"""What holds for every method holds with a registration network beside the generator: resume, division, precision, bundles, weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from compilers import recording
from safetensors.torch import load_file
from tiny import check_division, make_run, make_trainer, micro_batches, tiny_config, weights
from waiting import NeverWaiting

from gan_style import build
from gan_style.bundles.file import load_bundle
from gan_style.engine.beginning.start import begin
from gan_style.interop.projects import read_foreign
from gan_style.methods import CONFIGS, METHODS
from gan_style.methods.pairs import REGISTRATION, PairsConfig
from gan_style.types import Kept

NAMES = sorted(name for name, config in CONFIGS.items() if issubclass(config, PairsConfig))
KEYS: dict[str, Any] = {"l1_weight": 10.0, "registration_weight": 1.0, "registration": {"base_channels": 4, "num_downs": 2}}
BATCH_INDEPENDENT = {
    "generator": {"name": "resnet", "base_channels": 4, "num_blocks": 1, "norm": "instance", "dropout": True},
    "discriminator": {"base_channels": 4, "num_layers": 1, "num_scales": 2, "norm": "instance"},
}
each_method = pytest.mark.parametrize("name", NAMES)
each_distance = pytest.mark.parametrize("distance", ["plain", "pyramid", "shift"])


def registered(name: str, run_dir: Path, train: dict[str, Any] | None = None, **method: Any) -> Any:
    return tiny_config(name, run_dir, train, method={**KEYS, **method})


def test_methods_of_pairs_have_it() -> None:
    assert NAMES == ["pix2pix", "pix2pixhd"]


@each_method
def test_stopped_and_resumed_equals_uninterrupted(name: str, tmp_path: Path) -> None:
    extras = {"ema_decay": 0.9, "epochs": 4}
    whole = make_run(registered(name, tmp_path / "straight", {"steps": 5, **extras}))
    assert whole.fit() == 0
    for steps in (2, 5):
        resumed = make_run(registered(name, tmp_path / "halved", {"steps": steps, **extras}))
        assert resumed.fit() == 0
    expected, got = weights(whole.trainer), weights(resumed.trainer)
    assert any(key.startswith(f"{REGISTRATION}/") for key in expected)
    assert [key for key, value in expected.items() if not torch.equal(value, got[key])] == []
    for bundle in sorted((tmp_path / "straight/bundles").iterdir()):
        assert bundle.read_bytes() == (tmp_path / "halved/bundles" / bundle.name).read_bytes()


@each_method
@each_distance
def test_accumulated_micro_batches_equal_one_batch(name: str, distance: str, tmp_path: Path) -> None:
    results = []
    for accumulate in (1, 2):
        train = {"batch_size": 4, "accumulate": accumulate, "dtype": "float64"}
        keys = {"l1": distance, "l1_levels": 2, "l1_radius": 1, "l1_patch": 5, **BATCH_INDEPENDENT}
        trainer = make_trainer(registered(name, tmp_path, train, **keys))
        assert trainer.method.divisible
        for step in range(3):
            trainer.step(step, micro_batches(step, 4, accumulate))
        results.append(weights(trainer))
    check_division(*results)


@each_method
def test_the_average_and_the_bundle_are_the_generators_alone(name: str, tmp_path: Path) -> None:
    run = make_run(registered(name, tmp_path / "with", {"ema_decay": 0.9}))
    run.fit()
    assert run.trainer.ema and set(run.trainer.ema.shadows) == {"generator"}
    plain = make_run(tiny_config(name, tmp_path / "without", {"ema_decay": 0.9}, method={"l1_weight": 10.0}))
    plain.fit()
    bundles = [folder / "bundles/a2b.safetensors" for folder in (tmp_path / "with", tmp_path / "without")]
    assert load_file(bundles[0]).keys() == load_file(bundles[1]).keys()
    info, stored = load_bundle(bundles[0])
    translator = METHODS[name].translator(CONFIGS[name].model_validate(info.translator), info.in_channels, info.out_channels)
    translator.load_state_dict(stored)


@each_method
def test_half_precision_trains_nearly_as_float32_does(name: str, tmp_path: Path) -> None:
    losses = []
    for kind in ("bf16", "no"):
        trainer = make_trainer(registered(name, tmp_path, {"mixed_precision": kind}, **BATCH_INDEPENDENT))
        losses.append([trainer.step(step, micro_batches(step, 2)).losses for step in range(3)])
    for half, full in zip(*losses, strict=True):
        for key, loss in full.items():
            assert half[key].dtype == torch.float32
            assert half[key].item() == pytest.approx(loss.item(), rel=0.05, abs=0.03), key


@each_method
@pytest.mark.parametrize("channels_last", [True, False])
def test_both_memory_formats_train_alike(name: str, channels_last: bool, tmp_path: Path) -> None:
    results = []
    for wanted in (channels_last, "auto"):
        trainer = make_trainer(registered(name, tmp_path, {"channels_last": wanted, "dtype": "float64"}, **BATCH_INDEPENDENT))
        for step in range(2):
            trainer.step(step, micro_batches(step, 2))
        results.append(weights(trainer))
    check_division(*results)


@each_method
@each_distance
def test_a_whole_step_reads_no_value(name: str, distance: str, tmp_path: Path) -> None:
    trainer = make_trainer(registered(name, tmp_path, l1=distance))
    trainer.step(0, micro_batches(0, 2))
    with NeverWaiting():
        trainer.step(1, micro_batches(1, 2), measured=True)


@each_method
def test_compiled_networks_learn_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = recording(monkeypatch)
    results, counts = [], []
    for wanted in ("off", "on"):
        trainer = make_trainer(registered(name, tmp_path, {"compile": wanted}))
        for step in range(2):
            trainer.step(step, micro_batches(step, 2))
        results.append(weights(trainer))
        counts.append(len(graphs))
    assert counts[1] >= 3  # the generator, the discriminator and the registration network
    assert [key for key, value in results[0].items() if not torch.equal(value, results[1][key])] == []


@each_method
def test_a_run_begins_from_the_weights_of_one_that_registered_and_of_one_that_did_not(name: str, tmp_path: Path) -> None:
    old = make_run(registered(name, tmp_path / "old", {"steps": 2}))
    plain = make_run(tiny_config(name, tmp_path / "plain", {"steps": 2}, method={"l1_weight": 10.0}))
    assert old.fit() == plain.fit() == 0
    for folder, run in ((tmp_path / "old", old), (tmp_path / "plain", plain)):
        config = registered(name, tmp_path / "new", {"seed": 1, "init_from": str(folder)})
        trainer = make_trainer(config)
        drawn = weights(trainer)
        told = begin(config, trainer.method, build.make_task(config), Kept(), read_foreign)
        expected = weights(run.trainer)
        for key, value in weights(trainer).items():
            assert torch.equal(value, expected.get(key, drawn[key])), key
        assert (f"begin anew  {REGISTRATION}" in told) == (run is plain)


@each_method
def test_a_frozen_registration_network_stays(name: str, tmp_path: Path) -> None:
    trainer = make_trainer(registered(name, tmp_path, {"freeze": [REGISTRATION]}))
    before = weights(trainer)
    trainer.step(0, micro_batches(0, 2))
    after = weights(trainer)
    assert all(torch.equal(value, after[key]) for key, value in before.items() if key.startswith(REGISTRATION))
    assert any(not torch.equal(value, after[key]) for key, value in before.items() if key.startswith("generator"))
