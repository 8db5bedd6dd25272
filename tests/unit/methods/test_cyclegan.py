import pytest
import torch
from torch import Tensor, nn

from gan_style.methods.cyclegan import CycleGAN, CycleGANConfig
from gan_style.types import Batch, Task, detach


class Add(nn.Module):
    """A generator that adds a number."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.tensor(number))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x + self.number


class Mean(nn.Module):
    """A discriminator whose score is the image's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x.mean(dim=(1, 2, 3), keepdim=True)


def small(**keys: object) -> CycleGANConfig:
    networks = {"generator": {"base_channels": 1, "num_blocks": 0}, "discriminator": {"base_channels": 1, "num_layers": 1}}
    return CycleGANConfig.model_validate({"name": "cyclegan", **networks, **keys})


def arithmetic_method(**keys: object) -> CycleGAN:
    method = CycleGAN(small(**keys), Task(channels_a=1, channels_b=1))
    method.networks = {"generator_ab": Add(0.5), "generator_ba": Add(-0.25), "discriminator_a": Mean(), "discriminator_b": Mean()}
    return method


BATCH = Batch.of_two(torch.full((1, 1, 2, 2), 0.1), torch.full((1, 1, 2, 2), 0.7), ("a",), ("b",), (0,), (0,))


def test_losses_are_the_papers_arithmetic() -> None:
    method = arithmetic_method(cycle_weight_a=10, cycle_weight_b=20, identity_weight=0.5)
    outputs = method.translate(BATCH)  # fake_b = 0.6, fake_a = 0.45, reconstructions 0.25 off, identities 0.5 and 0.25 off
    generators, discriminators = method.players
    learned = {name: loss.item() for name, loss in method.losses(generators, BATCH, outputs).items()}
    assert learned == pytest.approx(
        {
            "adversarial_ab": (1 - 0.6) ** 2,
            "adversarial_ba": (1 - 0.45) ** 2,
            "cycle_a": 10 * 0.25,
            "cycle_b": 20 * 0.25,
            "identity_a": 0.5 * 10 * 0.25,
            "identity_b": 0.5 * 20 * 0.5,
        },
        rel=1e-5,
    )
    judged = {name: loss.item() for name, loss in method.losses(discriminators, BATCH, detach(outputs)).items()}
    expected = {"discriminator_a_real": 0.5 * 0.9**2, "discriminator_a_fake": 0.5 * 0.45**2}
    expected |= {"discriminator_b_real": 0.5 * 0.3**2, "discriminator_b_fake": 0.5 * 0.6**2}
    assert judged == pytest.approx(expected, rel=1e-5)


def test_identity_of_weight_zero_is_not_computed() -> None:
    method = arithmetic_method(identity_weight=0)
    outputs = method.translate(BATCH)
    assert not any(name.startswith("identity") for name in (*outputs, *method.losses(method.players[0], BATCH, outputs)))


def test_identity_switches_itself_off_where_channels_differ() -> None:
    with pytest.warns(UserWarning, match="the identity loss needs equal channels, but domain A has 1 and domain B 3"):
        method = CycleGAN(small(), Task(channels_a=1, channels_b=3))
    batch = Batch.of_two(torch.zeros(1, 1, 8, 8), torch.zeros(1, 3, 8, 8), ("a",), ("b",), (0,), (0,))
    outputs = method.translate(batch)
    assert outputs["fake_b"].shape == (1, 3, 8, 8)
    assert "identity_a" not in method.losses(method.players[0], batch, outputs)


def test_the_discriminators_are_shown_the_past() -> None:
    method = arithmetic_method(replay_buffer=1, identity_weight=0)
    first = detach(method.translate(BATCH))
    method.losses(method.players[1], BATCH, first)
    seen = set()
    for value in range(20):
        outputs = {name: torch.full_like(output, float(value)) for name, output in first.items()}
        loss = method.losses(method.players[1], BATCH, outputs)["discriminator_a_fake"].item()
        seen.add(round((2 * loss) ** 0.5, 3) == float(value))
    assert seen == {True, False}


def test_domains_of_different_size_are_translated_one_by_one() -> None:
    method = arithmetic_method()
    batch = Batch.of_two(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 4, 6), ("a",), ("b",), (0,), (0,))
    outputs = method.translate(batch)
    assert outputs["identity_b"].shape == (1, 1, 4, 6)
    assert method.networks["generator_ab"].calls == 3  # fake_b, identity_b, reconstructed_b
    assert set(method.losses(method.players[0], batch, outputs)) >= {"cycle_a", "identity_b"}
