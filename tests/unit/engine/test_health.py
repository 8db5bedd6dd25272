"""What is measured of translations, which alarms follow, and that a step that is not finite moves nothing."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from accelerate import Accelerator
from tiny import make_run, make_trainer, micro_batches, tiny_config, weights
from torch import Tensor, nn

from gan_style.engine.agreement import Agreement
from gan_style.engine.health import Alarms, NonFinite, StepResult, measure
from gan_style.errors import UserError
from gan_style.methods import CONFIGS, METHODS
from gan_style.types import Batch


def test_measures_by_hand() -> None:
    output = torch.zeros(2, 1, 2, 2)
    output[0, 0] = torch.tensor([[1.0, -1.0], [1.0, -1.0]])  # saturated, deviation 1
    output[1, 0] = torch.tensor([[0.5, 0.5], [0.5, 0.5]])  # constant
    given = torch.zeros(2, 1, 2, 2)
    measures = measure({"a2b": (given, output)})
    assert {name: value.item() for name, value in measures.items()} == {
        "a2b_saturated": 0.5,
        "a2b_deviation": 0.5,
        "a2b_change": 0.75,
    }
    assert "a2b_change" not in measure({"a2b": (torch.zeros(2, 3, 2, 2), output)})


SOUND = {"health/a2b_saturated": 0.2, "health/a2b_deviation": 0.4, "health/a2b_change": 0.3, "loss/d_real": 0.2, "loss/d_fake": 0.2}


@pytest.mark.parametrize(
    ("sick", "words"),
    [
        ({"health/a2b_saturated": 0.999}, "a2b output is saturated"),
        ({"health/a2b_deviation": 0.001}, "a2b output is constant"),
        ({"health/a2b_change": 0.001}, "a2b output equals its input"),
        ({"loss/d_real": 0.001, "loss/d_fake": 0.002}, "discriminator loss near zero"),
    ],
)
def test_an_alarm_is_raised_after_its_steps_and_ends_with_its_condition(sick: dict[str, float], words: str) -> None:
    adversaries = {"discriminator": ("d_real", "d_fake")}
    alarms = Alarms(after=100)
    assert alarms.update(50, {**SOUND, **sick}, adversaries) == []
    again = Alarms(after=100)
    again.load_state(alarms.state())  # a resumed run goes on counting
    (new,) = again.update(50, {**SOUND, **sick}, adversaries)
    assert new.startswith(words)
    assert again.update(50, {**SOUND, **sick}, adversaries) == []  # said once
    assert again.raised == [new]
    assert again.update(50, SOUND, adversaries) == [] == again.raised
    assert Alarms(after=0).update(10**6, {**SOUND, **sick}, adversaries) == []


def test_penalties_neither_hide_that_a_player_has_won_nor_tell_it() -> None:
    """R1 is in the log every 16th step only: its weight would lift the sum now and then, and the alarm would never come."""
    adversaries = {"discriminator": ("d_real", "d_fake", "d_r1", "d_gradient_penalty")}
    alarms = Alarms(after=100)
    won = {**SOUND, "loss/d_real": 0.001, "loss/d_fake": 0.002}
    assert alarms.update(50, won, adversaries) == []
    raised = alarms.update(50, {**won, "loss/d_r1": 0.5, "loss/d_gradient_penalty": 0.5}, adversaries)
    assert [line.partition(" loss")[0] for line in raised] == ["discriminator"]
    assert Alarms(after=1).update(1, {**SOUND, "loss/d_r1": 0.0}, {"discriminator": ("d_r1",)}) == []


def poisoned(trainer: Any, bad_steps: Collection[int], where: str, place: int = -1) -> None:
    """Make the first loss of the last player (or that at `place`) not finite in these steps, or only its gradient."""
    losses, step = trainer.method.losses, trainer.step

    def counted_step(number: int, *rest: Any) -> StepResult:
        trainer.number = number
        return step(number, *rest)

    def bad_losses(player: Any, batch: Batch, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        terms = losses(player, batch, outputs)
        if trainer.number in bad_steps and player is trainer.method.players[place]:
            name = next(iter(terms))
            zero = terms[name] - terms[name].detach()
            # sqrt has an infinite slope at 0, which 0 turns into NaN; the value stays finite
            terms[name] = terms[name] * math.nan if where == "loss" else terms[name] + zero.abs().sqrt() * 0.0
        return terms

    trainer.step, trainer.method.losses = counted_step, bad_losses


def all_due(name: str) -> dict[str, Any]:
    """Keys of a method under which every player is due in each step."""
    return {"critic_steps": 1} if "critic_steps" in CONFIGS[name].model_fields else {}


@pytest.mark.parametrize("where", ["loss", "gradient"])
@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_player_does_not_move_by_what_is_not_finite(name: str, where: str, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config(name, tmp_path, method=all_due(name)))
    poisoned(trainer, {1}, where)
    *others, last = trainer.method.players
    for step in range(3):
        before = weights(trainer)
        result = trainer.step(step, micro_batches(step, 2))
        after = weights(trainer)
        assert result.bad.tolist() == [0.0] * len(others) + [float(step == 1)]
        moved = {key.split("/")[0] for key in before if not torch.equal(before[key], after[key])}
        expected = {network for player in trainer.method.players for network in player.networks if step != 1 or player is not last}
        assert moved == expected
        assert all(value.isfinite().all() for value in after.values())
    assert {float(state["step"]) for state in trainer.optimizers[last.name].state.values()} == {2.0}


def with_buffers(name: str) -> dict[str, Any]:
    """Networks with batch normalisation and spectral normalisation, where the method has them."""
    wanted = {"generator": {"norm": "batch"}, "discriminator": {"norm": "batch", "spectral_norm": True}}
    if name in ("fast_style", "adain"):
        return {}
    networks = {}
    for key, values in wanted.items():
        default = CONFIGS[name].model_fields[key].get_default(call_default_factory=True).model_dump()
        networks[key] = {**default, **{own: value for own, value in tiny.TINY_NETWORKS[key].items() if own in default}, **values}
    return networks


def remembered(trainer: Any) -> dict[str, Tensor]:
    """A copy of all that a step may change beside weights and moments: buffers, and the moving average whole."""
    trained = {f"{name}/{key}" for name, network in trainer.networks.items() for key, _ in network.named_parameters()}
    buffers = {key: value for key, value in weights(trainer).items() if key not in trained}
    averaged = {f"average {name}/{key}": value.clone() for name, shadow in trainer.ema.shadows.items() for key, value in shadow.items()}
    return buffers | averaged


def overwhelmed(trainer: Any, bad_steps: Collection[int], value: float) -> None:
    """In these steps each network's first convolution or linear layer gives one huge number."""
    for network in trainer.networks.values():
        first = next(module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear | nn.ConvTranspose2d))

        def huge(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            spike = torch.zeros_like(output)
            spike[(0,) * output.dim()] = value
            return output + spike if trainer.number in bad_steps else output

        first.register_forward_hook(huge)


@pytest.mark.parametrize("where", ["loss", "gradient", "activation"])
@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_skipped_step_leaves_every_buffer_as_it_was(name: str, place: int, where: str, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config(name, tmp_path, train={"ema_decay": 0.5}, method=with_buffers(name) | all_due(name)))
    poisoned(trainer, set() if where == "activation" else {1}, where, place)
    overwhelmed(trainer, {1} if where == "activation" else set(), math.inf)
    for step in range(3):
        before = remembered(trainer)
        result = trainer.step(step, micro_batches(step, 2))
        after = remembered(trainer)
        changed = {key for key in before if not torch.equal(before[key], after[key])}
        moved = [player for player, bad in zip(result.players, result.bad.tolist(), strict=True) if not bad]
        translates = next(player.name for player in trainer.method.players if player.translates)
        assert (len(moved) < len(result.players)) == (step == 1)
        assert all(value.isfinite().all() for value in after.values())
        if step != 1:
            assert changed
        else:  # the average follows weights that moved
            assert {key for key in changed if not key.startswith("average")} == set()
            assert bool(changed) == (translates in moved)


def test_a_variance_that_overflows_under_a_finite_loss_does_not_stay(tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config("gan", tmp_path, train={"ema_decay": 0.5}, method=with_buffers("gan")))
    poisoned(trainer, set(), "loss")
    overwhelmed(trainer, {1}, 1e30)
    for step in range(2):
        result = trainer.step(step, micro_batches(step, 2))
    assert all(term.isfinite() for term in result.losses.values())
    assert all(value.isfinite().all() for value in remembered(trainer).values())


def scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainers have fp16's loss scaling, of float32 networks: the CPU has no other."""

    def make(cpu: bool, mixed_precision: str) -> Accelerator:
        accelerator = Accelerator(cpu=cpu)
        accelerator.scaler = torch.amp.GradScaler("cpu")
        return accelerator

    monkeypatch.setattr(tiny, "Accelerator", make)


@pytest.mark.parametrize("policy", ["stop", "skip"])
@pytest.mark.parametrize("name", ["pix2pix", "cut", "gan", "fast_style"])
def test_a_loss_scale_that_finds_no_end_ends_the_run(name: str, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaled(monkeypatch)
    train = {"steps": 90, "mixed_precision": "fp16", "on_nonfinite": policy, "max_skips": 5}
    run = make_run(tiny_config(name, tmp_path, train=train))
    poisoned(run.trainer, range(3, 90), "gradient")
    with pytest.raises(UserError, match=r"loss scale of 1, is not finite.*no checkpoint is saved yet.*train\.mixed_precision=bf16 or no"):
        run.fit()
    assert run.step <= 3 + 17 + 5  # 65536 = 2 ** 16
    assert run.nonfinite.skipped == (1 if policy == "stop" else 5)


def test_the_search_for_a_loss_scale_is_no_fault_and_leaves_buffers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaled(monkeypatch)
    train = {"steps": 9, "mixed_precision": "fp16", "ema_decay": 0.5}
    run = make_run(tiny_config("pix2pix", tmp_path, train=train, method=with_buffers("pix2pix")))
    poisoned(run.trainer, range(5), "gradient")
    before, step = remembered(run.trainer), run.trainer.step
    seen: list[bool] = []

    def watched(number: int, *rest: Any) -> StepResult:
        result = step(number, *rest)
        seen.append(all(torch.equal(value, before[key]) for key, value in remembered(run.trainer).items()))
        return result

    run.trainer.step = watched
    assert run.fit() == 0
    assert seen == [True] * 5 + [False] * 4
    assert run.nonfinite.skipped == 0


def test_no_checkpoint_is_promised_before_there_is_one(tmp_path: Path) -> None:
    run = make_run(tiny_config("pix2pix", tmp_path, train={"steps": 6}))
    poisoned(run.trainer, {1}, "loss")
    with pytest.raises(UserError, match=r"step 2: .*; no checkpoint is saved yet\. Lower optim\.lr"):
        run.fit()
    assert not list(tmp_path.glob("checkpoints/step_*"))


def test_stop_ends_the_run_and_leaves_the_newest_checkpoint(tmp_path: Path) -> None:
    run = make_run(tiny_config("pix2pix", tmp_path, train={"steps": 6, "checkpoint_every": 2}))
    poisoned(run.trainer, {4}, "loss")
    with pytest.raises(
        UserError, match=r"step 5: loss adversarial is not finite, on a0, b0, a1, b1; the newest checkpoint is sound .step 4."
    ):
        run.fit()
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step_0000002", "step_0000004"]
    assert "The run ended early: step 5: loss adversarial is not finite" in (tmp_path / "report.html").read_text()


def test_skip_counts_names_the_samples_and_keeps_the_means_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    train = {"steps": 6, "on_nonfinite": "skip", "max_skips": 2}
    run = make_run(tiny_config("pix2pix", tmp_path, train=train, logging={"every": 3, "samples": 0}))
    poisoned(run.trainer, {1, 4}, "loss")
    assert run.fit() == 0
    said = capsys.readouterr()
    assert "step 2: loss adversarial is not finite, on a0, b0, a1, b1: skipped" in said.out + said.err
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["health/skipped"]) for line in lines] == [(1, 0), (3, 1), (6, 2)]
    assert all(math.isfinite(value) for line in lines for value in line.values())


def test_skips_in_a_row_end_the_run(tmp_path: Path) -> None:
    run = make_run(tiny_config("cyclegan", tmp_path, train={"steps": 9, "on_nonfinite": "skip", "max_skips": 3}))
    poisoned(run.trainer, {2, 3, 5, 6, 7}, "loss")
    with pytest.raises(UserError, match=r"step 8: .*; 3 steps in a row were skipped \(train\.max_skips\)"):
        run.fit()


def test_the_count_in_a_row_outlives_an_interruption() -> None:
    def result(bad: float) -> StepResult:
        return StepResult({"l": torch.tensor(math.nan)}, {}, ("p",), torch.tensor([bad]))

    first = NonFinite("skip", 3, Agreement())
    for step in (1, 2):
        first.note(step, micro_batches(step, 1), result(1.0))
    assert len(first.check()) == 2
    second = NonFinite("skip", 3, Agreement())
    second.load_state(first.state())
    second.note(3, micro_batches(3, 1), result(1.0))
    with pytest.raises(UserError, match="3 steps in a row"):
        second.check()


def test_long_lists_of_samples_are_cut() -> None:
    watch = NonFinite("skip", 9, Agreement())
    watch.note(1, micro_batches(0, 8), StepResult({}, {}, ("critic",), torch.tensor([1.0])))
    (line,) = watch.check()
    assert line == "step 1: the gradient of critic is not finite, on a0, b0, a1, b1, a2, b2, a3, b3 and 8 more: skipped"


def test_alarms_reach_the_log_and_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A generator that returns its input, at once noticed, and told until it is over, by a run that went on too."""
    import json

    alarm = "a2b output equals its input to within one 8-bit level"
    for steps in (4, 5):
        run = make_run(tiny_config("pix2pix", tmp_path, train={"steps": steps}, logging={"every": 2, "samples": 0, "alarm_after": 4}))
        run.trainer.method.translate = lambda batch, networks=run.trainer.method.networks: {
            "fake": batch.a + 0.0 * networks["generator"](batch.a)
        }  # type: ignore[method-assign]
        assert run.fit() == 0
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line.get("alarms")) for line in lines] == [(1, None), (2, None), (4, [alarm]), (5, [alarm])]
    said = capsys.readouterr()
    assert (said.out + said.err).count(f"alarm: step 4: {alarm}") == (said.out + said.err).count("alarm: ") == 1
