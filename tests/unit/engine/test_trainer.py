import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import make_run, make_trainer, micro_batches, tiny_config, weights
from torch import Tensor, nn

from gan_style.engine.trainer import Trainer
from gan_style.methods import METHODS

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
        (
            "cut",
            "instance",
            1,
            {"generator": 2, "heads": 4, "discriminator": 2},
        ),  # E(x), E(y), G(x) and G(y) are one forward; E(G(x)), E(G(y))
        ("cut", "batch", 1, {"generator": 4, "heads": 4, "discriminator": 3}),
        ("cut", "instance", 2, {"generator": 6, "heads": 8, "discriminator": 4}),
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


HALF = ["bf16", pytest.param("fp16", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="fp16 needs a GPU"))]


@pytest.mark.parametrize("precision", HALF)
@pytest.mark.parametrize("name", sorted(METHODS))
def test_half_precision_trains_nearly_as_float32_does(name: str, precision: str, tmp_path: Path) -> None:
    """Steps on the same two batches: every loss stays near its float32 twin's, and the weights stay float32."""
    steps = 6 if "discriminator" in type(tiny_config(name, tmp_path).method).model_fields else 1  # deep fixed networks drift sooner
    losses: dict[str, list[dict[str, Tensor]]] = {}
    for kind in ("no", precision):
        trainer = make_trainer(tiny_config(name, tmp_path, train={"mixed_precision": kind}))
        losses[kind] = [trainer.step(step, micro_batches(step % 2, 2)).losses for step in range(steps)]
        assert all(loss.dtype == torch.float32 for step in losses[kind] for loss in step.values())
        assert all(value.dtype == torch.float32 for value in weights(trainer).values() if value.is_floating_point())
    for step, (full, half) in enumerate(zip(losses["no"], losses[precision], strict=True)):
        for key, loss in full.items():
            assert half[key].item() == pytest.approx(loss.item(), rel=0.05, abs=2e-3), (key, step)
    assert any(half[key] != full[key] for full, half in zip(losses["no"], losses[precision], strict=True) for key in full), (
        "it was not used"
    )


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


def test_each_player_moves_and_is_logged_at_its_own_learning_rate(tmp_path: Path) -> None:
    config = tiny_config(
        "pix2pix", tmp_path, train={"steps": 2}, optim={"lr": 1e-3, "schedule": "constant", "player_lr": {"discriminator": 1e-9}}
    )
    run = make_run(config)
    before = weights(run.trainer)
    assert run.fit() == 0
    moved = {
        name: max((before[f"{name}/{key}"] - value).abs().max().item() for key, value in network.named_parameters())
        for name, network in run.trainer.networks.items()
    }
    assert moved["generator"] > 5e-4 and moved["discriminator"] < 1e-8
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["lr/generator"], line["lr/discriminator"]) for line in lines] == [(1e-3, 1e-9)] * 2


def test_the_average_counts_the_generators_own_moves(tmp_path: Path) -> None:
    """With critic_steps 3 the moves are in steps 0, 3, 6; after the n-th the warm-up's decay is 0.5 ** (1 / (0.5 n))."""
    method = {"critic_steps": 3}
    trainer = make_trainer(tiny_config("cyclegan", tmp_path, train={"ema_decay": 0.999, "ema_warmup": 0.5}, method=method))
    key = "head.weight"
    expected = trainer.networks["generator_ab"].state_dict()[key].clone()
    for step in range(7):
        trainer.step(step, micro_batches(step, 2))
        if step % 3 == 0:
            decay = 0.5 ** (1 / (0.5 * (step // 3 + 1)))
            expected = decay * expected + (1 - decay) * trainer.networks["generator_ab"].state_dict()[key]
        torch.testing.assert_close(trainer.served_weights("generator_ab")[key], expected)


def test_losses_that_are_not_due_in_each_step_are_remembered(tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config("cyclegan", tmp_path, method={"r1_weight": 1.0, "r1_every": 2, **INSTANCE}))
    for step in range(2):
        trainer.step(step, micro_batches(step, 2))
    assert "discriminator_a_r1" in trainer.terms["discriminators"]


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "cut"])
def test_a_resting_generator_translates_without_a_graph(name: str, tmp_path: Path) -> None:
    """One forward of it to show: nothing goes back, or is left as it is; and a critic's loss near zero is no alarm."""
    method = {"critic_steps": 2, "adversarial": "wgan", "r1_weight": 1.0, **INSTANCE}
    trainer = make_trainer(tiny_config(name, tmp_path, train={"batch_size": 4}, method=method))
    assert trainer.method.adversaries == []
    trainer.step(0, micro_batches(0, 4))
    made: list[Tensor] = []
    for key in trainer.method.translators.values():
        trainer.networks[key].register_forward_hook(lambda module, inputs, output: made.append(output))
    result = trainer.step(1, micro_batches(1, 4))
    assert [len(output) for output in made] == [4] * len(trainer.method.translators)
    assert not any(output.requires_grad for output in made)
    assert len(result.players) == 1 and not any("adversarial" in key for key in result.losses)
    assert all(parameter.grad is None for network in trainer.networks.values() for parameter in network.parameters())


def test_the_moving_average_is_what_is_served(tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config("cyclegan", tmp_path, train={"ema_decay": 0.5}))
    start = {key: value.clone() for key, value in trainer.networks["generator_ab"].state_dict().items()}
    trainer.step(0, micro_batches(0, 2))
    served = trainer.served_weights("generator_ab")
    for key, value in trainer.networks["generator_ab"].state_dict().items():
        torch.testing.assert_close(served[key], 0.5 * start[key] + 0.5 * value)
        assert not torch.equal(served[key], value)
