"""Every method's forward and losses on a GPU that is not there: torch's fake tensors refuse a tensor of another device and a value that the
program reads back, which on a GPU would wait for the device. Penalties are left out: their backward asks for a stream of the GPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY_NETWORKS, micro_batches, tiny_config
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from gan_style import build
from gan_style.methods import CONFIGS, METHODS
from gan_style.types import detach

STABILISERS: dict[str, Any] = {
    "instance_noise": 0.1,
    "diffaugment": ["color", "translation", "cutout"],
    "adversarial": "hinge",
}
NO_PENALTY = {"gradient_penalty_weight": 0.0, "adversarial": "lsgan"}


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


def rehearse(name: str, tmp_path: Path, fake_gpu: Any, keys: dict[str, Any]) -> None:
    """All players' losses, each of which must be on the GPU."""
    penalised = getattr(tiny_config(name, tmp_path).method, "penalised", False)
    method: Any = build.open_method(tiny_config(name, tmp_path, method={**(NO_PENALTY if penalised else {}), **keys}))
    (batch,) = micro_batches(0, 2)
    with fake_gpu() as moved:
        for network in (*method.networks.values(), *method.frozen.values()):
            network._apply(moved)
        batch = batch.with_images(**{domain: moved(images) for domain, images in batch.images.items()})
        outputs = method.translate(batch)
        for player in method.players:
            losses = method.losses(player, batch, outputs if player.translates else detach(outputs))
            assert losses
            assert {term: loss.device.type for term, loss in losses.items()} == dict.fromkeys(losses, "cuda")


@pytest.mark.parametrize("name", METHODS)
def test_losses_need_no_value_and_no_tensor_of_the_cpu(name: str, tmp_path: Path, fake_gpu: Any) -> None:
    rehearse(name, tmp_path, fake_gpu, {})


@pytest.mark.parametrize("stabiliser", STABILISERS)
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "stargan"])  # beside a condition, alone, of several domains
def test_nor_do_those_of_stabilisers(name: str, stabiliser: str, tmp_path: Path, fake_gpu: Any) -> None:
    discriminator = CONFIGS[name].model_fields["discriminator"].get_default(call_default_factory=True)
    keys = {"discriminator": {**TINY_NETWORKS["discriminator"], "norm": "instance"}} if "norm" in type(discriminator).model_fields else {}
    rehearse(name, tmp_path, fake_gpu, {stabiliser: STABILISERS[stabiliser], **keys})


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
