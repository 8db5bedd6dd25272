"""The probability of ADA: when it rises, falls and stays, what counts for it, and that it is state."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_style.engine.buffers import Buffers
from gan_style.losses.adversarial import ADVERSARIAL, MIDDLE
from gan_style.methods.adaptation import Adaptation
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import AUGMENTATION, Adversary
from gan_style.types import Batch, Task

KINDS = ["blit", "geometry", "color"]


def adaptation(start: float = 0.3, target: float = 0.6, change: float = 0.1, middle: float | None = 0.0) -> Adaptation:
    return Adaptation(["d"], start, target, change, middle)


def course(found: Adaptation, scores: Tensor, steps: int, counts: Tensor | None = None) -> list[float]:
    """The probability after each step in which the real images have these scores."""
    values = []
    for step in range(steps):
        found.begin("d", step)
        found.note("d", step, scores, counts)
        values.append(round(found.of("d").item(), 4))
    found.begin("d", steps)
    return [*values[1:], round(found.of("d").item(), 4)]


def scores(share: float) -> Tensor:
    """100 scores of one image, of which this share is positive."""
    return torch.cat([torch.full((round(100 * share),), 0.2), torch.full((100 - round(100 * share),), -3.0)]).view(1, 1, 10, 10)


def test_it_rises_when_the_discriminator_is_sure_and_falls_when_it_is_not() -> None:
    assert course(adaptation(), scores(0.9), 3) == [0.4, 0.5, 0.6]  # r = 0.8
    assert course(adaptation(), scores(0.7), 3) == [0.2, 0.1, 0.0]  # r = 0.4
    assert course(adaptation(), scores(0.8), 3) == [0.3, 0.3, 0.3]  # r = 0.6, the target


def test_it_stays_within_its_bounds() -> None:
    assert course(adaptation(), scores(1.0), 7)[-1] == 0.8
    assert course(adaptation(), scores(0.0), 7)[-1] == 0.0


def test_it_can_rise_by_1_in_so_many_samples() -> None:
    config = AdversarialConfig.model_validate({"name": "any", "ada": KINDS, "ada_images": 40})
    [(name, state)] = Adversary(config, Task(batch_size=4)).state("d").items()
    assert name == AUGMENTATION and isinstance(state, Adaptation)
    assert course(state, scores(1.0), 5) == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_the_last_four_steps_count() -> None:
    found = adaptation()
    for step, share in enumerate([1.0, 1.0, 1.0, 0.5, 0.5, 0.5]):  # r of the last four: 1, 1, 1, 0.75, 0.5, 0.25
        found.begin("d", step)
        found.note("d", step, scores(share), None)
        assert found.measures()["d_overfitting"].item() == pytest.approx([1, 1, 1, 0.75, 0.5, 0.25][step])
    found.begin("d", 6)
    assert found.of("d").item() == pytest.approx(0.3 + 4 * 0.1 - 2 * 0.1)


def test_nothing_is_known_before_the_first_step() -> None:
    found = adaptation(target=-0.5)
    found.begin("d", 0)
    assert found.of("d").item() == pytest.approx(0.3)


@pytest.mark.parametrize("name", MIDDLE)
def test_the_middle_is_as_far_from_real_as_from_generated(name: str) -> None:
    """Of one score both losses are equal there, and on either side the nearer target's is the smaller one."""
    middle = torch.full((1, 1), MIDDLE[name], dtype=torch.float64)
    loss = ADVERSARIAL[name]
    assert loss(middle, True).item() == pytest.approx(loss(middle, False).item(), rel=1e-6)
    assert loss(middle + 0.1, True) < loss(middle + 0.1, False)
    assert loss(middle - 0.1, True) > loss(middle - 0.1, False)


def test_least_squares_count_from_one_half() -> None:
    between = torch.full((1, 1, 2, 2), 0.3)  # nearer to 0, the target of generated images
    assert course(adaptation(middle=0.5), between, 1) == [0.2]
    assert course(adaptation(middle=0.0), between, 1) == [0.4]


def test_every_loss_with_a_target_has_a_middle() -> None:
    assert ADVERSARIAL.keys() - MIDDLE.keys() == {"wgan"}


def test_micro_batches_count_as_their_batch_and_each_discriminator_for_itself() -> None:
    many = torch.randn(6, 1, 3, 3)
    whole, parts = (Adaptation(["a", "b"], 0.3, 0.0, 0.1, 0.0) for _ in range(2))
    for step in range(3):
        whole.begin("b", step)
        whole.note("b", step, many + 0.1, None)
        for part in (many + 0.1).split(2):
            parts.begin("b", step)
            parts.note("b", step, part, None)
    assert torch.equal(whole.signs, parts.signs) and torch.equal(whole.probability, parts.probability)
    assert whole.of("a").item() == pytest.approx(0.3) and whole.of("b") != whole.of("a")
    assert not whole.signs[0].any()


def test_images_of_other_domains_and_scales_are_counted_right() -> None:
    """Two scales of 4 scores and 1: of the second image alone, which is sure, then of both."""
    fine = torch.stack([torch.full((1, 2, 2), -1.0), torch.full((1, 2, 2), 1.0)])
    coarse = fine.mean(dim=(2, 3), keepdim=True)
    for counts, expected in ((torch.tensor([0.0, 1.0]), [5.0, 5.0]), (None, [0.0, 10.0]), (torch.zeros(2), [0.0, 0.0])):
        found = adaptation()
        found.begin("d", 0)
        found.note("d", 0, [fine, coarse], counts)
        assert found.signs[0, 0].tolist() == expected


def test_it_is_state_and_a_skipped_step_leaves_it() -> None:
    found = adaptation()
    course(found, scores(0.95), 3)
    other = adaptation(start=0.0)
    other.load_state_dict(found.state_dict())
    assert course(other, scores(0.2), 2) == course(found, scores(0.2), 2)
    buffers, before = Buffers({"augmentation": found}), {key: value.clone() for key, value in found.state_dict().items()}
    buffers.keep()
    found.begin("d", 9)
    found.note("d", 9, scores(1.0), None)
    assert any(not torch.equal(value, before[key]) for key, value in found.state_dict().items())
    buffers.restore(torch.ones(()))
    assert all(torch.equal(value, before[key]) for key, value in found.state_dict().items())


class Sure(nn.Module):
    """Scores [B, 1, H, W] whose sign is that of the images' mean; remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach())
        return x.mean(dim=(1, 2, 3), keepdim=True).expand(-1, 1, 3, 3)


def adversary(**keys: Any) -> Adversary:
    found = Adversary(AdversarialConfig.model_validate({"name": "any", "ada": KINDS, **keys}), Task(batch_size=2, seed=5))
    found.state("discriminator")
    return found


def batch(step: int = 0) -> Batch:
    empty = torch.zeros(2, 1, 16, 16)
    return Batch.of_two(empty, empty, ("", ""), ("", ""), (0, 1), (2 * step, 2 * step + 1))


def test_a_sure_discriminator_is_shown_more_and_more_changes() -> None:
    real, fake, one, judge = torch.rand(2, 1, 16, 16) + 0.1, -torch.rand(2, 1, 16, 16) - 0.1, adversary(ada_images=16), Sure()
    changed = []
    for step in range(12):
        one.judge(judge, batch(step), real=real, fake=fake)
        one.fool(judge, batch(step), fake)
        shown_fake, shown_real = judge.seen[-2].chunk(2)
        changed.append(not torch.equal(shown_real, real) or not torch.equal(shown_fake, fake) or not torch.equal(judge.seen[-1], fake))
    assert not changed[0] and all(changed[-4:])
    assert one.adaptation is not None and one.adaptation.of("discriminator").item() == pytest.approx(0.8)


def test_the_condition_moves_along_and_keeps_its_colours() -> None:
    pattern = torch.arange(256.0).view(1, 1, 16, 16).expand(2, 1, -1, -1) / 256
    moves, judge = adversary(ada=["blit", "geometry"], ada_p=0.8), Sure()
    moves.judge(judge, batch(), real=pattern, fake=pattern, beside=pattern)
    moves.fool(judge, batch(), pattern, pattern)
    for shown in (*judge.seen[0].chunk(2), judge.seen[1]):
        assert torch.equal(shown[:, :1], shown[:, 1:]) and not torch.equal(shown[:, :1], pattern)
    colours = adversary(ada=["color"], ada_p=0.8)
    colours.judge(judge, batch(), real=pattern, fake=pattern, beside=pattern)
    for shown in judge.seen[-1].chunk(2):
        assert torch.equal(shown[:, :1], pattern) and not torch.equal(shown[:, 1:], pattern)


def test_a_fixed_probability_stays() -> None:
    one, judge = adversary(ada_images=None, ada_p=0.5), Sure()
    for step in range(6):
        one.judge(judge, batch(step), real=torch.ones(2, 1, 16, 16), fake=-torch.ones(2, 1, 16, 16))
    assert one.adaptation is not None
    assert one.adaptation.of("discriminator").item() == 0.5
    assert one.adaptation.measures()["discriminator_overfitting"].item() == 1.0


def test_what_cannot_adapt_is_refused() -> None:
    with pytest.raises(ValueError, match="ada has no effect with ada_p 0"):
        adversary(ada_images=None)
    critic = {"adversarial": "wgan", "gradient_penalty_weight": 10.0}
    with pytest.raises(ValueError, match=r"says nothing of a critic \(wgan\): set ada_images=null with ada_p"):
        adversary(**critic)
    one = adversary(**critic, ada_images=None, ada_p=0.5)
    assert one.adaptation is not None and list(one.adaptation.measures()) == ["discriminator_augmentation"]


def test_without_ada_there_is_no_state() -> None:
    one = Adversary(AdversarialConfig.model_validate({"name": "any"}), Task())
    assert one.state("discriminator") == {} and one.adaptation is None
