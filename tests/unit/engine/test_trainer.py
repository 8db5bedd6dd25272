from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import make_trainer, micro_batches, tiny_config, weights
from torch import nn

from gan_style.engine.trainer import Trainer

INSTANCE = {"generator": {"norm": "instance", "base_channels": 4, "num_blocks": 1, "num_downs": 3, "dropout": False}}
INSTANCE["discriminator"] = {"norm": "instance", "base_channels": 4, "num_layers": 1}


def forwards_of_a_step(trainer: Trainer, accumulate: int = 1) -> Counter[str]:
    """How often each network runs in one step."""
    counts: Counter[str] = Counter()
    for name, network in trainer.networks.items():
        network.register_forward_pre_hook(lambda module, inputs, name=name: counts.update([name]))
    trainer.step(0, micro_batches(0, 4, accumulate))
    return counts


@pytest.mark.parametrize(
    ("name", "norm", "accumulate", "expected"),
    [
        ("pix2pix", "instance", 1, {"generator": 1, "discriminator": 2}),  # real and fake are one forward
        ("pix2pix", "batch", 1, {"generator": 1, "discriminator": 3}),  # under BatchNorm they are two
        ("pix2pix", "instance", 2, {"generator": 4, "discriminator": 4}),  # once to show, once to learn: one graph in memory
        ("cyclegan", "instance", 1, {"generator_ab": 2, "generator_ba": 2, "discriminator_a": 2, "discriminator_b": 2}),
        ("cyclegan", "instance", 2, {"generator_ab": 4, "generator_ba": 4, "discriminator_a": 4, "discriminator_b": 4}),
    ],
)
def test_no_forward_is_wasted(name: str, norm: str, accumulate: int, expected: dict[str, int], tmp_path: Path) -> None:
    networks: Any = {key: {**values, "norm": norm} for key, values in INSTANCE.items()}
    config = tiny_config(name, tmp_path, train={"batch_size": 4, "accumulate": accumulate}, method=networks)
    assert forwards_of_a_step(make_trainer(config), accumulate) == expected


def test_dropout_is_a_function_of_the_step(tmp_path: Path) -> None:
    """Whatever drew random numbers before, a step gives the same weights."""
    results = []
    for noise in (1, 2):
        trainer = make_trainer(
            tiny_config("pix2pix", tmp_path, method={"generator": {**INSTANCE["generator"], "num_downs": 6, "dropout": True}})
        )
        assert any(isinstance(module, nn.Dropout) for module in trainer.networks["generator"].modules())
        torch.manual_seed(noise)
        trainer.step(0, micro_batches(0, 2))
        results.append(weights(trainer))
    assert all(torch.equal(value, results[1][key]) for key, value in results[0].items())


def test_clipping_bounds_the_gradient_of_each_player(tmp_path: Path) -> None:
    norms: dict[str, float] = {}
    for clip in (None, 1e-3):
        trainer = make_trainer(tiny_config("pix2pix", tmp_path, optim={"clip_norm": clip}))
        for player, optimizer in trainer.optimizers.items():

            def record(optimizer: torch.optim.Optimizer, *_: Any, player: str = player) -> None:
                gradients = [parameter.grad for group in optimizer.param_groups for parameter in group["params"]]
                norms[player] = nn.utils.get_total_norm(gradients).item()

            optimizer.register_step_pre_hook(record)
        trainer.step(0, micro_batches(0, 2))
        for player, norm in norms.items():
            if clip is None:
                assert norm > 1e-2, player
            else:
                assert norm == pytest.approx(clip, rel=1e-3), player


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_bf16_gives_nearly_the_losses_of_float32(name: str, tmp_path: Path) -> None:
    losses = {}
    for precision in ("no", "bf16"):
        trainer = make_trainer(tiny_config(name, tmp_path, train={"mixed_precision": precision}))
        losses[precision] = trainer.step(0, micro_batches(0, 2)).losses
        assert all(loss.dtype == torch.float32 for loss in losses[precision].values())
        assert all(parameter.dtype == torch.float32 for network in trainer.networks.values() for parameter in network.parameters())
    for key, loss in losses["no"].items():
        assert losses["bf16"][key] == pytest.approx(loss.item(), rel=0.05), key
    assert any(losses["bf16"][key] != losses["no"][key] for key in losses["no"]), "bf16 was not used"


def test_a_player_that_is_due_every_other_step_rests_in_between(tmp_path: Path) -> None:
    import dataclasses

    trainer = make_trainer(tiny_config("pix2pix", tmp_path))
    discriminator, generator = trainer.method.players
    trainer.method.players = (discriminator, dataclasses.replace(generator, every=2))
    moved = []
    for step in range(3):
        before = weights(trainer)
        trainer.step(step, micro_batches(step, 2))
        after = weights(trainer)
        moved.append(
            {
                key.split("/")[0]
                for key in before
                if "running" not in key and "num_batches" not in key and not torch.equal(before[key], after[key])
            }
        )
    assert moved == [{"discriminator", "generator"}, {"discriminator"}, {"discriminator", "generator"}]


def test_the_moving_average_is_what_is_served(tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config("cyclegan", tmp_path, train={"ema_decay": 0.5}))
    start = {key: value.clone() for key, value in trainer.networks["generator_ab"].state_dict().items()}
    trainer.step(0, micro_batches(0, 2))
    served = trainer.served_weights("generator_ab")
    for key, value in trainer.networks["generator_ab"].state_dict().items():
        torch.testing.assert_close(served[key], 0.5 * start[key] + 0.5 * value)
        assert not torch.equal(served[key], value)
