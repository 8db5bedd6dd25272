"""A step that never waits for the device.

On a GPU that is not there, torch's fake tensors refuse a tensor of another device and a value that the program reads back. Penalties are
left out there: their backward asks for a stream of the GPU. On the CPU whole steps run, with backward, penalties and optimizers, and no
operator may read a value.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY_NETWORKS, make_trainer, micro_batches, tiny_config, without_penalty
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from waiting import NeverWaiting, Waiting

from gan_style import build
from gan_style.engine.buffers import Buffers
from gan_style.engine.ema import EMA
from gan_style.engine.health import measure
from gan_style.engine.metrics import LossMeans
from gan_style.methods import CONFIGS, METHODS
from gan_style.types import detach

STABILISERS: dict[str, Any] = {
    "instance_noise": 0.1,
    "diffaugment": ["color", "translation", "cutout"],
    "ada": ["blit", "geometry", "color"],
    "nce_weighting": "monce",
    "adversarial": "hinge",
}

GENERATOR = torch.Generator


class Lots:
    """`torch.Generator`; for a GPU that is not there an object that draws nothing."""

    def __new__(cls, device: Any = "cpu") -> Any:
        return super().__new__(cls) if torch.device(device).type == "cuda" else GENERATOR(device)

    def manual_seed(self, seed: int) -> None:
        return None


@pytest.fixture
def fake_gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A context in which tensors have no values, and a function that moves a tensor to the GPU."""
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(torch, "Generator", Lots)

    @contextmanager
    def entered() -> Iterator[Any]:
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield lambda each: torch.empty_strided(each.shape, each.stride(), dtype=each.dtype, device="cuda")

    return entered


def rehearse(name: str, tmp_path: Path, fake_gpu: Any, keys: dict[str, Any], masked: bool = False) -> None:
    """All players' losses, each of which must be on the GPU. masked: have the images masks?"""
    method: Any = build.open_method(tiny_config(name, tmp_path, method={**without_penalty(name, tmp_path), **keys}))
    (batch,) = micro_batches(0, 2)
    with fake_gpu() as moved:
        for network in (*method.networks.values(), *method.frozen.values()):
            network._apply(moved)
        batch = batch.with_images(**{domain: moved(images) for domain, images in batch.images.items()})
        batch = replace(batch, masks={domain: moved(batch.a[:, :1]) for domain in "ab"} if masked else {})
        forward(method, batch)  # a style picture is sent to the device here, once in a run
        with NeverWaiting():
            outputs, losses = forward(method, batch)
            assert {term: loss.device.type for term, loss in losses.items()} == dict.fromkeys(losses, "cuda")
            after_the_losses(method, batch, outputs, losses)


def forward(method: Any, batch: Any) -> tuple[Any, dict[str, Tensor]]:
    """The outputs and the losses of all players."""
    outputs, losses = method.translate(batch), dict[str, Tensor]()
    for player in method.players:
        terms = method.losses(player, batch, outputs if player.translates else detach(outputs))
        assert terms
        losses |= terms
    return outputs, losses


def after_the_losses(method: Any, batch: Any, outputs: Any, losses: dict[str, Tensor]) -> None:
    """What a step does beside the backward and the optimizers."""
    means, buffers = LossMeans(), Buffers(method.networks)
    buffers.keep()
    ema = EMA({name: method.networks[name] for name in method.translators.values()}, 0.9)
    for _ in range(2):
        means.add(losses)
        means.add(measure(method.translations(batch, outputs)))
        still = (~torch.stack(list(losses.values())).sum().isfinite()).float()
        buffers.restore(still)
        ema.update(1, still)


@pytest.mark.parametrize("name", METHODS)
def test_losses_need_no_value_and_no_tensor_of_the_cpu(name: str, tmp_path: Path, fake_gpu: Any) -> None:
    rehearse(name, tmp_path, fake_gpu, {})


@pytest.mark.parametrize("stabiliser", [key for key in STABILISERS if key != "nce_weighting"])
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "stargan"])  # beside a condition, alone, of several domains
def test_nor_do_those_of_stabilisers(name: str, stabiliser: str, tmp_path: Path, fake_gpu: Any) -> None:
    discriminator = CONFIGS[name].model_fields["discriminator"].get_default(call_default_factory=True)
    keys = {"discriminator": {**TINY_NETWORKS["discriminator"], "norm": "instance"}} if "norm" in type(discriminator).model_fields else {}
    rehearse(name, tmp_path, fake_gpu, {stabiliser: STABILISERS[stabiliser], **keys})


@pytest.mark.parametrize("name", ["cut", "dclgan"])
def test_nor_do_those_of_weighed_negatives(name: str, tmp_path: Path, fake_gpu: Any) -> None:
    rehearse(name, tmp_path, fake_gpu, {"nce_weighting": STABILISERS["nce_weighting"]})


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("distance", ["plain", "pyramid", "shift"])
@pytest.mark.parametrize("name", ["pix2pix", "pix2pixhd"])
def test_nor_do_those_of_pairs_that_do_not_align(name: str, distance: str, masked: bool, tmp_path: Path, fake_gpu: Any) -> None:
    registered = {"registration_weight": 1.0, "registration": {"base_channels": 4}}
    rehearse(name, tmp_path, fake_gpu, {"l1": distance, "l1_weight": 10.0, **registered}, masked)


@pytest.mark.parametrize("name", ["pix2pixhd", "cyclegan", "dclgan"])
def test_nor_do_those_that_masks_weigh(name: str, tmp_path: Path, fake_gpu: Any) -> None:
    rehearse(name, tmp_path, fake_gpu, {"diffaugment": ["translation", "cutout"]}, masked=True)


@pytest.mark.parametrize("name", METHODS)
def test_a_whole_step_reads_no_value(name: str, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config(name, tmp_path, train={"ema_decay": 0.9, "accumulate": 2}, optim={"clip_norm": 1.0}))
    trainer.step(0, micro_batches(0, 2, 2))
    for step in range(1, 6):  # of the fifth a critic lets the generator move
        with NeverWaiting():
            trainer.step(step, micro_batches(step, 2, 2), measured=step == 5)


@pytest.mark.parametrize("stabiliser", ["r1_weight", "gradient_penalty_weight", "diffaugment", "instance_noise", "ada"])
def test_nor_does_one_with_a_stabiliser(stabiliser: str, tmp_path: Path) -> None:
    discriminator = {"name": "patchgan", "base_channels": 4, "num_layers": 1, "norm": "instance", "spectral_norm": True}
    method = {stabiliser: STABILISERS.get(stabiliser, 1.0), "discriminator": discriminator}
    trainer = make_trainer(tiny_config("pix2pix", tmp_path, method={**method, **({"r1_every": 1} if stabiliser == "r1_weight" else {})}))
    trainer.step(0, micro_batches(0, 2))
    with NeverWaiting():
        trainer.step(1, micro_batches(1, 2))


def test_what_waits_is_seen(fake_gpu: Any) -> None:
    values = torch.rand(3)
    for wait in (lambda: bool(values[0] > 0), lambda: values.sum().item(), lambda: values[values > 0], lambda: values.nonzero()):
        with NeverWaiting(), pytest.raises(Waiting):
            wait()
    with fake_gpu() as moved:
        images = moved(torch.zeros(2))
        with NeverWaiting():
            for wait in (
                lambda: torch.zeros(2).to("cuda"),
                lambda: images.cpu(),
                lambda: torch.tensor([1.0], device="cuda"),
                lambda: images.copy_(torch.zeros(2)),
            ):
                with pytest.raises(Waiting):
                    wait()
            torch.zeros(2).to("cuda", non_blocking=True)


def test_a_value_that_is_read_back_is_seen(fake_gpu: Any) -> None:
    with fake_gpu() as moved:
        loss = moved(torch.zeros(2)).sum()
        with pytest.raises(DataDependentOutputException):
            loss.item()


def test_a_tensor_of_the_cpu_is_seen(fake_gpu: Any) -> None:
    with fake_gpu() as moved:
        images = moved(torch.zeros(2, 3))
        with pytest.raises(RuntimeError, match="device"):
            images + torch.zeros(2, 3)
