import math

import pytest
import torch

from gan_style.losses.adversarial import ADVERSARIAL, GENERATORS_SIDE, hinge, lsgan, minimax, vanilla, wgan


def test_lsgan_by_hand() -> None:
    scores = torch.tensor([[0.0, 1.0], [3.0, -1.0]], dtype=torch.float64)
    assert lsgan(scores, is_real=True).item() == pytest.approx((1 + 0 + 4 + 4) / 4, rel=1e-12)
    assert lsgan(scores, is_real=False).item() == pytest.approx((0 + 1 + 9 + 1) / 4, rel=1e-12)


def test_vanilla_by_hand() -> None:
    """In float64 the value is rounded to float32 (see its docstring) and the gradient is not."""
    scores = torch.tensor([0.0, 2.0, -3.0], dtype=torch.float64, requires_grad=True)
    sigmoids = [1 / (1 + math.exp(-score)) for score in scores.tolist()]
    for is_real, expected in ((True, -sum(map(math.log, sigmoids)) / 3), (False, -sum(math.log(1 - s) for s in sigmoids) / 3)):
        scores.grad = None
        loss = vanilla(scores, is_real)
        assert loss.item() == pytest.approx(expected, rel=1e-7)
        loss.backward()
        assert scores.grad is not None
        assert scores.grad.tolist() == pytest.approx([(s - is_real) / 3 for s in sigmoids], rel=1e-13)


def test_vanilla_of_extreme_scores() -> None:
    """log(sigmoid) of a large score must not overflow."""
    scores = torch.tensor([-200.0, 200.0], requires_grad=True)
    loss = vanilla(scores, is_real=True)
    loss.backward()
    assert loss.item() == pytest.approx(100.0)
    assert scores.grad is not None and scores.grad.tolist() == pytest.approx([-0.5, 0.0])


def test_hinge_by_hand() -> None:
    scores = torch.tensor([-2.0, 0.5, 3.0], dtype=torch.float64)
    assert hinge(scores, is_real=True).item() == pytest.approx((3 + 0.5 + 0) / 3, rel=1e-12)
    assert hinge(scores, is_real=False).item() == pytest.approx((0 + 1.5 + 4) / 3, rel=1e-12)
    assert GENERATORS_SIDE["hinge"](scores, True).item() == pytest.approx(-1.5 / 3, rel=1e-12)


def test_a_critics_loss_by_hand() -> None:
    """Minimised over both: E[D(fake)] - E[D(real)]."""
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([[-1.0], [0.5]])
    assert (wgan(fake, is_real=False) + wgan(real, is_real=True)).item() == pytest.approx(-0.25 - 2.0)
    assert GENERATORS_SIDE["wgan"](fake, True).item() == pytest.approx(0.25)


def test_non_saturating_is_the_softplus_of_either_sign() -> None:
    scores = torch.linspace(-5, 5, 21)
    side = ADVERSARIAL["non-saturating"]
    torch.testing.assert_close(side(scores, True), torch.nn.functional.softplus(-scores).mean())
    torch.testing.assert_close(side(scores, False), torch.nn.functional.softplus(scores).mean())


def test_minimax_is_what_the_discriminator_maximises() -> None:
    scores = torch.tensor([0.5, -1.0], dtype=torch.float64)
    expected = sum(math.log(1 - 1 / (1 + math.exp(-score))) for score in scores.tolist()) / 2
    assert minimax(scores).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", list(ADVERSARIAL))
class TestEvery:
    def test_scales_are_summed(self, name: str) -> None:
        fine, coarse = torch.linspace(-2, 2, 18).view(2, 1, 3, 3), torch.linspace(-1, 3, 8).view(2, 1, 2, 2)
        for side in (ADVERSARIAL[name], GENERATORS_SIDE[name]):
            for is_real in (True, False):
                torch.testing.assert_close(side([fine, coarse], is_real), side(fine, is_real) + side(coarse, is_real))

    def test_gradient_pulls_towards_the_target(self, name: str) -> None:
        for is_real, sign in ((True, -1), (False, 1)):
            scores = torch.full((2, 1, 3, 3), 0.5, requires_grad=True)
            ADVERSARIAL[name](scores, is_real).backward()
            assert scores.grad is not None and bool((sign * scores.grad > 0).all())

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64], ids=str)
    def test_scalar_of_at_least_float32(self, name: str, dtype: torch.dtype) -> None:
        loss = ADVERSARIAL[name](torch.linspace(-2, 2, 18).view(2, 1, 3, 3).to(dtype), True)
        assert loss.dtype in (torch.float32, torch.float64) and loss.shape == ()

    def test_autocast(self, name: str) -> None:
        """Inside autocast the loss of half precision scores is that of the same numbers in float32."""
        scores = torch.linspace(-300, 300, 1001).bfloat16()
        expected = ADVERSARIAL[name](scores.float(), True)
        with torch.autocast("cpu", torch.bfloat16):
            loss = ADVERSARIAL[name](scores, True)
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)

    def test_half_precision_does_not_overflow(self, name: str) -> None:
        assert math.isfinite(ADVERSARIAL[name](torch.full((4,), 60000.0, dtype=torch.float16), False).item())

    def test_mean_over_any_shape(self, name: str) -> None:
        scores = torch.randn(2, 1, 4, 4)
        torch.testing.assert_close(ADVERSARIAL[name](scores, False), ADVERSARIAL[name](scores.flatten(), False))
