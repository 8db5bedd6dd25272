"""Every stabiliser works with every method that has discriminators, found by its configuration: it trains and goes on exactly."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import SIZE, TINY_NETWORKS, check_division, make_run, make_trainer, micro_batches, tiny_config, weights
from torch import Tensor

from gan_style.losses.adversarial import ADVERSARIAL, GENERATORS_SIDE, AdversarialLoss
from gan_style.methods import CONFIGS, METHODS
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.types import Task

METHOD_NAMES = [*sorted(name for name, config in CONFIGS.items() if issubclass(config, AdversarialConfig)), "each_domain"]
STABILISERS: dict[str, dict[str, Any]] = {
    "hinge": {"adversarial": "hinge"},
    "non-saturating": {"adversarial": "non-saturating"},
    "least squares": {"adversarial": "lsgan"},
    "R1": {"r1_weight": 10.0, "r1_every": 2},
    "WGAN-GP": {"adversarial": "wgan", "gradient_penalty_weight": 10.0, "critic_steps": 3},
    "spectral": {"adversarial": "hinge", "discriminator": {"spectral_norm": True}},
    "noise": {"instance_noise": 0.1, "instance_noise_steps": 5},
    "diffaugment": {"diffaugment": ["color", "translation", "cutout"]},
    "ada": {"ada": ["blit", "geometry", "color"], "ada_p": 0.5, "ada_images": None},
}
ADAPTIVE = {"ada": ["blit", "geometry", "color"], "ada_p": 0.4, "ada_images": 20, "adversarial": "hinge"}
MANY = {
    key: value for stabiliser in ("R1", "WGAN-GP", "spectral", "noise", "diffaugment") for key, value in STABILISERS[stabiliser].items()
}
BATCH_INDEPENDENT = {"generator": {"norm": "instance"}, "discriminator": {"norm": "instance"}}

each_method = pytest.mark.parametrize("name", METHOD_NAMES)


def stabilised(name: str, run_dir: Path, method: dict[str, Any], train: dict[str, Any] | None = None, **sections: Any) -> Any:
    """A tiny configuration without batch normalisation, with dropout where the method's generators can have it."""
    networks = {key: {**TINY_NETWORKS[key], **values, **method.get(key, {})} for key, values in BATCH_INDEPENDENT.items()}
    if name == "gan":
        networks["discriminator"]["name"] = networks["generator"]["name"] = "dcgan"
    else:
        networks["generator"] |= {"name": "resnet", "dropout": True}
    return tiny_config(name, run_dir, train, method={**method, **networks}, **sections)


def both_sides(adversarial: str) -> tuple[AdversarialLoss, AdversarialLoss]:
    """The discriminator's and the generator's side of a value of `adversarial`; two values may name the same losses."""
    return ADVERSARIAL[adversarial], GENERATORS_SIDE[adversarial]


def trained(name: str, run_dir: Path, method: dict[str, Any]) -> dict[str, Tensor]:
    """The weights after some steps, in which every loss was finite and every network learnt."""
    # until a generator that rests for two steps, and not for four, tells on its critic
    steps = 5 if CONFIGS[name].model_fields["adversarial"].default == "wgan" else 3
    trainer = make_trainer(stabilised(name, run_dir, method))
    before = weights(trainer)
    for step in range(steps):
        losses = trainer.step(step, micro_batches(step, 2)).losses
        assert all(torch.isfinite(loss) and loss.ndim == 0 and not loss.requires_grad for loss in losses.values())
    after = weights(trainer)
    for network, module in trainer.networks.items():
        keys = [f"{network}/{key}" for key, _ in module.named_parameters()]
        assert not keys or any(not torch.equal(before[key], after[key]) for key in keys)
    return after


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Tensor]]:
    """The weights of a method that nothing stabilises: trained when they are first asked for."""
    folder = tmp_path_factory.mktemp("plain")
    return cache(lambda name: trained(name, folder / name, {}))


@each_method
@pytest.mark.parametrize("stabiliser", STABILISERS)
def test_it_changes_the_training_which_stays_finite(
    name: str, stabiliser: str, plain: Callable[[str], dict[str, Tensor]], tmp_path: Path
) -> None:
    changes, default = STABILISERS[stabiliser], CONFIGS[name].model_fields["adversarial"].default
    expected, got = plain(name), trained(name, tmp_path, changes)
    same = changes.keys() == {"adversarial"} and both_sides(changes["adversarial"]) == both_sides(default)
    for network in {key.partition("/")[0] for key in expected}:
        changed = any(key.startswith(f"{network}/") and not torch.equal(value, got.get(key, value)) for key, value in expected.items())
        told = f"{changes} {'has changed' if changed else 'has not changed'} how {network} is trained; adversarial is {default} without it"
        assert changed != same, told


@each_method
@pytest.mark.parametrize("stabiliser", STABILISERS)
def test_accumulated_micro_batches_equal_one_batch(name: str, stabiliser: str, tmp_path: Path) -> None:
    results = []
    for accumulate in (1, 2):
        train = {"batch_size": 4, "accumulate": accumulate, "dtype": "float64"}
        trainer = make_trainer(stabilised(name, tmp_path, STABILISERS[stabiliser], train))
        for step in range(3):
            trainer.step(step, micro_batches(step, 4, accumulate))
        results.append(weights(trainer))
    check_division(*results)


@each_method
def test_stopped_and_resumed_equals_uninterrupted(name: str, tmp_path: Path) -> None:
    """Many at once, cut where R1 was and was not due and where the generator rested: weights, singular vectors, average, log."""
    extras = {"ema_decay": 0.999, "ema_warmup": 0.3, "epochs": 4}

    def run(folder: str, steps: int) -> Any:
        return make_run(stabilised(name, tmp_path / folder, MANY, {"steps": steps, **extras}, optim={"player_lr": _rates(name, tmp_path)}))

    expected = straight_and_in_parts(run, (2, 5, 8))
    assert any(key.endswith(".u") for key in expected)
    for bundle in sorted((tmp_path / "straight" / "bundles").iterdir()):
        assert bundle.read_bytes() == (tmp_path / "halved" / "bundles" / bundle.name).read_bytes()
    logs = [
        [
            {key: value for key, value in json.loads(line).items() if "/" in key}
            for line in (tmp_path / folder / "metrics.jsonl").read_text().splitlines()
        ]
        for folder in ("straight", "halved")
    ]
    assert logs[0] == logs[1]
    assert [any(key.endswith("_r1") for key in line) for line in logs[0]] == [True, False] * 4
    assert all(any(key.endswith("_gradient_penalty") for key in line) for line in logs[0])
    assert [any("adversarial" in key for key in line) for line in logs[0]] == [True, False, False] * 2 + [True, False]


@each_method
def test_the_probability_of_ada_moves_and_goes_on_exactly(name: str, tmp_path: Path) -> None:
    def run(folder: str, steps: int) -> Any:
        return make_run(stabilised(name, tmp_path / folder, ADAPTIVE, {"steps": steps, "epochs": 4}))

    straight_and_in_parts(run, (2, 5, 7))
    logs = [
        [json.loads(line) for line in (tmp_path / folder / "metrics.jsonl").read_text().splitlines()] for folder in ("straight", "halved")
    ]
    for key in (key for key in logs[0][0] if key.endswith(("_augmentation", "_overfitting"))):
        courses = [[line[key] for line in log] for log in logs]
        assert courses[0] == courses[1]
        assert len(set(courses[0])) > 1 or key.endswith("_overfitting"), f"{key} stays {courses[0]}"
    assert any(key.endswith("_augmentation") for key in logs[0][0])


@each_method
def test_the_probability_of_ada_is_that_of_the_whole_batch(name: str, tmp_path: Path) -> None:
    results = []
    for accumulate in (1, 2):
        trainer = make_trainer(stabilised(name, tmp_path, ADAPTIVE, {"batch_size": 4, "accumulate": accumulate, "dtype": "float64"}))
        for step in range(4):
            trainer.step(step, micro_batches(step, 4, accumulate))
        results.append(weights(trainer))
    for key in ("augmentation/probability", "augmentation/signs"):
        assert torch.equal(results[0][key], results[1][key])
    check_division(*results)


def straight_and_in_parts(run: Callable[[str, int], Any], stops: Sequence[int]) -> dict[str, Tensor]:
    """The weights of a run in the folder `straight`, after those in `halved`, which stopped on its way, were found equal.

    run: makes the run in a folder up to a step; stops: steps, the last one is the end
    """
    straight = run("straight", stops[-1])
    assert straight.fit() == 0
    for steps in stops:
        resumed = run("halved", steps)
        assert resumed.fit() == 0
    expected, got = weights(straight.trainer), weights(resumed.trainer)
    assert expected.keys() == got.keys()
    assert [key for key in expected if not torch.equal(expected[key], got[key])] == []
    return expected


def _rates(name: str, folder: Path) -> dict[str, float]:
    """A learning rate of their own for the players that make nothing."""
    players = METHODS[name](tiny_config(name, folder).method, Task(size=SIZE)).players
    return {player.name: 4e-4 for player in players if not player.translates}


@each_method
@pytest.mark.parametrize("stabiliser", ["R1", "WGAN-GP", "spectral", "diffaugment", "ada"])
def test_half_precision_trains_nearly_as_float32_does(name: str, stabiliser: str, tmp_path: Path) -> None:
    losses = []
    # From weights as small as CUT's, the rounding of bf16 decides the signs of gradients, and so where Adam's first step leads.
    method = {**STABILISERS[stabiliser], "generator": {"init": "normal"}}
    for kind in ("bf16", "no"):  # float32 last: accelerate keeps the precision for what is run next in this process
        trainer = make_trainer(stabilised(name, tmp_path, method, {"mixed_precision": kind}))
        losses.append([trainer.step(step, micro_batches(step, 2)).losses for step in range(2)])
    for step, (half, full) in enumerate(zip(*losses, strict=True)):
        assert full.keys() == half.keys()
        for key, loss in full.items():
            assert half[key].dtype == torch.float32
            assert half[key].item() == pytest.approx(loss.item(), rel=0.05, abs=0.03), (key, step)
