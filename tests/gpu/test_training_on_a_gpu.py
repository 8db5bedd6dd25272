"""Training on a CUDA GPU: it does not wait for the device, its steps are those of the CPU, and a run goes on with the same bits."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny import make_run, make_trainer, micro_batches, tiny_config, weights, without_penalty

from gan_style.methods import METHODS


def batches(step: int, device: str, accumulate: int = 1) -> list[Any]:
    """The micro-batches as a loader gives them."""
    made = micro_batches(step, 2, accumulate)
    return made if device == "cpu" else [batch.pin_memory() for batch in made]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_a_step_that_is_not_logged_never_waits(
    name: str, precision: str, device: str, never_waiting: Callable[[], AbstractContextManager[None]], tmp_path: Path
) -> None:
    if precision == "fp16" and device == "cpu":
        pytest.skip("fp16 needs a GPU")
    train = {"mixed_precision": precision, "ema_decay": 0.9, "accumulate": 2, "compile": "off"}
    trainer = make_trainer(tiny_config(name, tmp_path, train=train, optim={"clip_norm": 1.0}), device)
    for step in range(6):
        trainer.step(step, batches(step, device, 2), measured=False)
    with never_waiting():
        for step in range(6, 12):  # a critic's five steps, and one of all players
            result = trainer.step(step, batches(step, device, 2), measured=False)
    assert all(loss.isfinite() for loss in result.losses.values())


@pytest.mark.parametrize("name", METHODS)
def test_losses_are_those_of_the_cpu(name: str, device: str, tmp_path: Path) -> None:
    config = tiny_config(name, tmp_path, train={"compile": "off"}, method=without_penalty(name, tmp_path))
    expected, found = (make_trainer(config, place).step(0, micro_batches(0, 2)).losses for place in ("cpu", device))
    assert expected.keys() == found.keys()
    for term, loss in expected.items():
        torch.testing.assert_close(found[term].cpu(), loss, rtol=1e-3, atol=1e-5, msg=lambda text, term=term: f"{term}: {text}")


@pytest.mark.parametrize("name", METHODS)
def test_weights_become_those_of_the_cpu(name: str, device: str, tmp_path: Path) -> None:
    """In float64: Adam moves a weight by the learning rate, whichever sign rounding gives a gradient that is nearly 0."""
    config = tiny_config(name, tmp_path, train={"compile": "off", "dtype": "float64"}, method=without_penalty(name, tmp_path))
    results = []
    for place in ("cpu", device):  # one after the other, for accelerate has one device for a process
        trainer = make_trainer(config, place)
        for step in range(3):
            trainer.step(step, micro_batches(step, 2))
        results.append(weights(trainer))
    for key, value in results[0].items():
        torch.testing.assert_close(results[1][key].cpu(), value, rtol=0, atol=1e-7, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("name", METHODS)
def test_a_run_goes_on(name: str, device: str, tmp_path: Path) -> None:
    """With the same bits, but for padding by reflection, whose gradient CUDA sums in any order."""
    straight, resumed = trained_twice(name, device, tmp_path, compile="off")
    reflects = device == "cuda" and name not in ("pix2pix", "gan")
    for key, value in straight.items():
        if reflects:
            torch.testing.assert_close(resumed[key], value, rtol=0, atol=1e-7, msg=lambda text, key=key: f"{key}: {text}")
        else:
            assert torch.equal(resumed[key], value), key


@pytest.mark.parametrize("wanted", ["on", "graphs"])
def test_a_compiled_run_goes_on(wanted: str, device: str, tmp_path: Path) -> None:
    torch._dynamo.reset()
    straight, resumed = trained_twice("pix2pix", device, tmp_path, compile=wanted)
    assert max((resumed[key] - value).abs().max().item() for key, value in straight.items()) == 0


def trained_twice(name: str, device: str, tmp_path: Path, **train: Any) -> list[dict[str, torch.Tensor]]:
    """The weights of a run, and of one that was stopped and went on."""
    found = []
    for folder, lengths in (("straight", (6,)), ("resumed", (2, 6))):
        for steps in lengths:
            config = tiny_config(name, tmp_path / folder, train={"dtype": "float64", **train, "steps": steps, "keep": 1})
            assert make_run(config, device).fit() == 0
        found.append(load_file(tmp_path / folder / "checkpoints/step_0000006/networks.safetensors"))
    return found


@pytest.mark.parametrize("wanted", ["on", "graphs"])
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "cut"])
def test_compiled_networks_learn_the_same(name: str, wanted: str, device: str, tmp_path: Path) -> None:
    torch._dynamo.reset()
    found = []
    for compile in ("off", wanted):
        trainer = make_trainer(tiny_config(name, tmp_path, train={"compile": compile, "dtype": "float64"}), device)
        for step in range(5):
            trainer.step(step, batches(step, device))
        found.append(weights(trainer))
    for key, value in found[0].items():
        torch.testing.assert_close(found[1][key], value, rtol=0, atol=1e-7, msg=lambda text, key=key: f"{key}: {text}")
