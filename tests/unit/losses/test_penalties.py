"""Penalties by hand, against every sign and against finite differences; their gradients in both layouts, at batch 1 and 2."""

from itertools import product
from unittest.mock import patch

import pytest
import torch
from tiny_networks import tiny_network
from torch import Tensor, nn

from gan_style.losses.adversarial import scales
from gan_style.losses.penalties import between, gradient_penalty, r1
from gan_style.networks import DISCRIMINATORS
from gan_style.networks.layers import normalisation

SMALL = {"in_channels": 3, "base_channels": 4, "num_layers": 2, "init_gain": 0.2}
SMALLER = {"multiscale": {"num_layers": 1, "num_scales": 2}}  # so that the images are large enough for each scale


def images(batch: int, size: int = 16, channels: int = 3) -> Tensor:
    return torch.rand(batch, channels, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def signs_of(scores: Tensor) -> Tensor:
    return torch.randint(0, 2, scores.shape, generator=torch.Generator().manual_seed(2)) * 2.0 - 1


class TestByHand:
    """A linear discriminator has its weights as slope, a quadratic one has x."""

    def test_linear(self) -> None:
        x = images(2, 2, 1).requires_grad_()
        w = torch.tensor([1.0, -2.0, 3.0, 0.5], dtype=torch.float64, requires_grad=True)
        scores = (x.flatten(1) * w).sum(dim=1, keepdim=True)  # [B, 1]
        squared = 1 + 4 + 9 + 0.25
        for sign in (1.0, -1.0):
            assert r1(scores, x, [torch.full_like(scores, sign)]).item() == pytest.approx(squared / 2, rel=1e-12)
        penalty = gradient_penalty(scores, x)
        assert penalty.item() == pytest.approx((squared**0.5 - 1) ** 2, rel=1e-12)
        (slope,) = torch.autograd.grad(penalty, w)  # 2 (|w| - 1) w / |w|
        torch.testing.assert_close(slope, 2 * (1 - squared**-0.5) * w.detach())

    def test_quadratic(self) -> None:
        x = images(3).requires_grad_()
        scores = 0.5 * x.square().flatten(1).sum(dim=1, keepdim=True)
        norms = x.detach().flatten(1).norm(dim=1)
        torch.testing.assert_close(r1(scores, x, [signs_of(scores)]), 0.5 * norms.square().mean())
        torch.testing.assert_close(gradient_penalty(scores, x), (norms - 1).square().mean())

    def test_a_critic_without_slope_has_a_finite_gradient(self) -> None:
        """|grad| has no derivative at 0, where an untrained or dead critic is."""
        x, w = images(2).requires_grad_(), torch.zeros((), dtype=torch.float64, requires_grad=True)
        penalty = gradient_penalty(w * x.sum(dim=(1, 2, 3)), x)
        penalty.backward()
        assert penalty.item() == 1.0
        assert w.grad is not None and w.grad.isfinite()

    def test_between(self) -> None:
        real, fake = torch.full((3, 1, 2, 2), 5.0), torch.full((3, 1, 2, 2), 1.0)
        points = between(real, fake, torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64))
        assert points.dtype == torch.float32
        assert points[:, 0, 0, 0].tolist() == [1.0, 2.0, 5.0]


class TestPatches:
    """Scores of overlapping patches: three of 4 pixels in a row of 8, moved by 2."""

    x = images(1, 8, 1)[:, :, :1].requires_grad_()  # [1, 1, 1, 8]
    conv = torch.tensor([0.5, -1.0, 2.0, 1.5], dtype=torch.float64).view(1, 1, 1, 4)

    def scores(self, stride: int = 2) -> Tensor:
        return torch.nn.functional.conv2d(self.x.square(), self.conv, stride=(1, stride))

    def mean_square(self, scores: Tensor) -> float:
        """The mean over the scores of |grad score|^2, one by one."""
        slopes = [torch.autograd.grad(score, self.x, retain_graph=True)[0].square().sum() for score in scores.flatten()]
        return torch.stack(slopes).mean().item()

    def test_r1_is_every_scores_own_on_average_over_all_signs(self) -> None:
        scores = self.scores()
        assert scores.shape == (1, 1, 1, 3)
        every = [torch.tensor(signs).view(scores.shape) for signs in product((-1.0, 1.0), repeat=3)]
        penalties = torch.stack([r1(scores, self.x, [signs]) for signs in every])
        assert penalties.std() > 0.1 * penalties.mean(), "the patches do not overlap"
        assert penalties.mean().item() == pytest.approx(0.5 * self.mean_square(scores), rel=1e-12)

    def test_r1_of_scales_is_their_sum(self) -> None:
        fine, coarse = self.scores(2), self.scores(4)
        every = [
            [torch.tensor(signs[:3]).view(fine.shape), torch.tensor(signs[3:]).view(coarse.shape)]
            for signs in product((-1.0, 1.0), repeat=5)
        ]
        mean = torch.stack([r1([fine, coarse], self.x, signs) for signs in every]).mean().item()
        assert mean == pytest.approx(0.5 * (self.mean_square(fine) + self.mean_square(coarse)), rel=1e-12)

    def test_the_critic_is_the_mean_of_its_scores_summed_over_scales(self) -> None:
        fine, coarse = self.scores(2), self.scores(4)
        for scores, critic in ((fine, fine.mean()), ([fine, coarse], fine.mean() + coarse.mean())):
            (slope,) = torch.autograd.grad(critic, self.x, retain_graph=True)
            assert gradient_penalty(scores, self.x).item() == pytest.approx((slope.norm().item() - 1) ** 2, rel=1e-12)


def penalty_and_gradients(kind: str, network: nn.Module, x: Tensor, scale: float = 1.0) -> dict[str, Tensor]:
    """The penalty, and its gradient for every parameter that has one, in float64 NCHW. scale: of the loss, undone afterwards."""
    x = x.detach().requires_grad_()
    network.zero_grad()
    scores = network(x)
    penalty = r1(scores, x, [signs_of(each) for each in scales(scores)]) if kind == "r1" else gradient_penalty(scores, x)
    (scale * penalty).backward()
    gradients = {name: parameter.grad / scale for name, parameter in network.named_parameters() if parameter.grad is not None}
    return {name: tensor.detach().to(torch.float64, copy=True).contiguous() for name, tensor in {"penalty": penalty, **gradients}.items()}


def written_out(x: Tensor) -> Tensor:
    centred = x - x.mean((2, 3), keepdim=True)
    return centred / torch.sqrt(centred.square().mean((2, 3), keepdim=True) + normalisation.EPSILON)


@pytest.mark.parametrize("kind", ["r1", "gradient_penalty"])
@pytest.mark.parametrize("name", list(DISCRIMINATORS))
@pytest.mark.parametrize("norm", ["instance", "none"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["NCHW", "channels_last"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-2), (torch.float64, 1e-9)], ids=["float32", "float64"])
def test_second_derivatives_are_those_of_arithmetic(
    kind: str, name: str, norm: str, batch: int, layout: torch.memory_format, dtype: torch.dtype, tolerance: float
) -> None:
    def network() -> nn.Module:
        torch.manual_seed(0)
        return tiny_network(DISCRIMINATORS, name, **{**SMALL, **SMALLER.get(name, {}), "norm": norm})

    with patch.object(normalisation, "normalise_each_image", written_out):
        truth = penalty_and_gradients(kind, network().double(), images(batch))
    got = penalty_and_gradients(
        kind, network().to(dtype).to(memory_format=layout), images(batch).to(dtype).contiguous(memory_format=layout)
    )
    assert truth.keys() == got.keys() and truth["penalty"] > 0
    largest = max(value.norm().item() for value in truth.values())
    for tensor, value in truth.items():
        assert (got[tensor] - value).norm().item() <= tolerance * max(value.norm().item(), 1e-3 * largest), tensor


@pytest.mark.parametrize("kind", ["r1", "gradient_penalty"])
def test_the_gradient_is_that_of_finite_differences(kind: str) -> None:
    torch.manual_seed(0)
    network = tiny_network(DISCRIMINATORS, "patchgan", **{**SMALL, "base_channels": 2, "num_layers": 1}).double()
    x = images(2, 10)
    gradient = penalty_and_gradients(kind, network, x)["layers.1.conv.weight"]
    weight = network.get_parameter("layers.1.conv.weight")
    for place in [(0, 0, 0, 0), (1, 1, 2, 3), (3, 0, 1, 1)]:
        values = []
        for change in (1e-5, -2e-5):
            with torch.no_grad():
                weight[place] += change
            values.append(penalty_and_gradients(kind, network, x)["penalty"].item())
        with torch.no_grad():
            weight[place] += 1e-5
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(gradient[place].item(), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(("half", "scale"), [(torch.bfloat16, 1.0), (torch.float16, 2.0**16)], ids=str)
@pytest.mark.parametrize("kind", ["r1", "gradient_penalty"])
def test_half_precision_networks_have_nearly_the_same_penalty(kind: str, half: torch.dtype, scale: float) -> None:
    """676 patches of a network as it is initialised: the slope of their mean would be lost below float16's smallest number.

    scale: what a loss scaler begins with.
    """
    torch.manual_seed(0)
    network = tiny_network(DISCRIMINATORS, "patchgan", **{**SMALL, "norm": "none", "init_gain": 0.02})
    x = images(1, 112).float()
    exact = penalty_and_gradients(kind, network, x)
    with torch.autocast("cpu", half):
        got = penalty_and_gradients(kind, network, x, scale)
    assert exact["penalty"] > 0
    for tensor, value in exact.items():
        assert (got[tensor] - value).norm().item() <= 0.05 * value.norm().item(), tensor


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_precision_is_kept(dtype: torch.dtype) -> None:
    x = images(2).to(dtype).requires_grad_()
    scores = x.square().sum(dim=(1, 2, 3))
    assert r1(scores, x, [signs_of(scores)]).dtype == gradient_penalty(scores, x).dtype == dtype
