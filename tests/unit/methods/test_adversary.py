"""What discriminators are shown, when and on what the penalties are, and that all of it is a function of the sample."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.methods import CONFIGS
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import Adversary
from gan_style.methods.gan import GANConfig
from gan_style.types import Batch, Task

ALL = ["color", "translation", "cutout"]


class Judge(nn.Module):
    """Scores [B, 1, H, W]: a multiple of the mean over the channels; remembers what it was shown."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach())
        return self.scale * x.mean(dim=1, keepdim=True)


def adversary(batch_size: int = 2, **keys: Any) -> Adversary:
    return Adversary(AdversarialConfig.model_validate({"name": "any", **keys}), Task(batch_size=batch_size, seed=5))


def batch(step: int = 0, size: int = 2, first: int = 0) -> Batch:
    """Slots `first`, `first` + 1, ... of a step of 2 samples."""
    slots = tuple(range(first, first + size))
    empty = torch.zeros(size, 1, 16, 16)
    return Batch.of_two(empty, empty, ("",) * size, ("",) * size, slots, tuple(2 * step + slot for slot in slots))


def pictures(channels: int = 3) -> tuple[Tensor, Tensor]:
    real, fake = torch.rand(2, 2, channels, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return real, fake


def test_by_default_images_are_shown_as_they_are_in_one_forward() -> None:
    real, fake = pictures()
    judge = Judge(0.5)
    judged = adversary().judge(judge, batch(), real=real, fake=fake)
    assert [torch.equal(seen, torch.cat([fake, real])) for seen in judge.seen] == [True]
    assert judged.penalties == {}
    torch.testing.assert_close(judged.real, nn.functional.softplus(-0.5 * real.mean(dim=1)).mean())
    torch.testing.assert_close(judged.fake, nn.functional.softplus(0.5 * fake.mean(dim=1)).mean())
    again = adversary().judge(judge, batch(), real=real, fake=fake, real_first=True)
    assert torch.equal(judge.seen[-1], torch.cat([real, fake]))
    torch.testing.assert_close((again.real, again.fake), (judged.real, judged.fake))
    torch.testing.assert_close(adversary().fool(judge, batch(), fake), nn.functional.softplus(-0.5 * fake.mean(dim=1)).mean())


@pytest.mark.parametrize("real_first", [False, True])
def test_r1_is_of_the_forward_that_is_made_anyway(real_first: bool) -> None:
    """Each score is scale/3 times the sum of three values: |grad|^2 = scale^2 / 3."""
    real, fake = pictures()
    one = adversary(r1_weight=10.0, r1_every=4)
    for step in range(9):
        judge = Judge(2.0)
        judged = one.judge(judge, batch(step), real=real, fake=fake, real_first=real_first, name="discriminator_a")
        plain = adversary().judge(Judge(2.0), batch(step), real=real, fake=fake)
        torch.testing.assert_close((judged.real, judged.fake), (plain.real, plain.fake))
        assert [len(seen) for seen in judge.seen] == ([4] if step % 4 else [2, 2]), "no image twice, and real ones alone for R1"
        if step % 4:
            assert judged.penalties == {}
            continue
        (value,) = judged.penalties.values()
        assert list(judged.penalties) == ["discriminator_a_r1"]
        assert value.item() == pytest.approx(4 * 10 / 2 * 4 / 3, rel=1e-5)
        (slope,) = torch.autograd.grad(value, judge.scale)
        assert slope.item() == pytest.approx(4 * 10 * 2 / 3, rel=1e-5)


def test_the_gradient_penalty_is_between_the_images_that_are_shown() -> None:
    """The critic is the mean over 256 scores and 3 channels of 2 x: |grad| = 2 / sqrt(768)."""
    real, fake = pictures()
    judge = Judge(2.0)
    judged = adversary(adversarial="wgan", gradient_penalty_weight=10.0).judge(judge, batch(), real=real, fake=fake)
    assert judged.penalties["discriminator_gradient_penalty"].item() == pytest.approx(10 * (2 / 768**0.5 - 1) ** 2, rel=1e-5)
    assert (judged.real.item(), judged.fake.item()) == pytest.approx((-2 * real.mean().item(), 2 * fake.mean().item()), rel=1e-4)
    _, points = judge.seen
    shares = ((points - fake) / (real - fake)).flatten(1)
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares), rtol=0.0, atol=1e-3)
    assert ((shares[:, 0] > 0) & (shares[:, 0] < 1)).all() and abs(shares[0, 0] - shares[1, 0]) > 1e-3


def test_penalties_are_about_the_judged_image_not_about_what_is_beside_it() -> None:
    class OfTheInput(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x[:, :2] ** 2).mean(dim=1, keepdim=True) + 0 * x[:, 2:].sum(dim=1, keepdim=True)

    real, fake = pictures()
    beside = torch.ones(2, 2, 16, 16)
    one = adversary(r1_weight=1.0, r1_every=1, gradient_penalty_weight=1.0)
    judged = one.judge(OfTheInput(), batch(), real=real, fake=fake, beside=beside)
    assert {name: value.item() for name, value in judged.penalties.items()} == {
        "discriminator_r1": 0.0,
        "discriminator_gradient_penalty": 1.0,
    }


@pytest.mark.parametrize(
    "keys", [{"diffaugment": ALL}, {"instance_noise": 0.1}, {"diffaugment": ["cutout"], "instance_noise": 0.1}], ids=str
)
def test_both_players_see_the_changes_each_its_own(keys: dict[str, Any]) -> None:
    real, fake = pictures()
    fake.requires_grad_()
    judge = Judge()
    one = adversary(**keys)
    one.judge(judge, batch(), real=real, fake=fake)
    one.fool(judge, batch(), fake).backward()
    assert fake.grad is not None and fake.grad.abs().max() > 0, "the generator learns through it"
    (shown_fake, shown_real), fooled = judge.seen[0].chunk(2), judge.seen[1]
    assert not torch.equal(shown_fake, fake) and not torch.equal(shown_real, real) and not torch.equal(fooled, fake)
    assert not torch.equal(shown_fake, fooled)
    one.fool(judge, batch(1), fake)
    assert not torch.equal(judge.seen[-1], fooled), "the next step has other samples"
    one.fool(judge, batch(), fake, name="discriminator_b")
    assert not torch.equal(judge.seen[-1], fooled), "another discriminator"
    one.fool(judge, batch(), fake)
    assert torch.equal(judge.seen[-1], fooled), "the same sample"


def test_the_input_moves_along_and_keeps_its_colours() -> None:
    """Wherever the images are in place so is the input: both are constant here, so that a move or a hole shows as 0."""
    images, beside = torch.full((2, 1, 16, 16), 3.0), torch.full((2, 2, 16, 16), 7.0)
    judge = Judge()
    one = adversary(diffaugment=ALL)
    one.judge(judge, batch(), real=images, fake=images, beside=beside)
    one.fool(judge, batch(), images, beside)
    for shown in (*judge.seen[0].chunk(2), judge.seen[1]):
        labels, output = shown[:, :2], shown[:, 2:]
        assert set(labels.unique().tolist()) == {0.0, 7.0}
        assert torch.equal(labels[:, :1] == 0, output == 0)
        assert len(output.unique()) == 3, "colours change on the output, each sample's in its own way"


def test_real_and_made_images_of_a_sample_are_changed_alike() -> None:
    images = pictures()[0]
    judge = Judge()
    adversary(diffaugment=ALL).judge(judge, batch(), real=images, fake=images.clone())
    assert torch.equal(*judge.seen[0].chunk(2))
    adversary(instance_noise=0.1).judge(judge, batch(), real=images, fake=images.clone())
    assert not torch.equal(*judge.seen[1].chunk(2)), "noise that is the same on both would tell them apart"


def test_noise_has_its_deviation_and_falls_to_nothing() -> None:
    black = torch.zeros(2, 3, 64, 64)
    for keys, expected in (
        ({}, [0.2, 0.2, 0.2, 0.2, 0.2]),
        ({"instance_noise_steps": 4}, [0.2, 0.15, 0.1, 0.05, 0.0]),
    ):
        judge = Judge()
        one = adversary(instance_noise=0.2, **keys)
        for step in range(5):
            one.fool(judge, batch(step), black)
        assert [seen.std().item() for seen in judge.seen] == pytest.approx(expected, rel=0.03)
        assert all(abs(seen.mean().item()) < 0.01 for seen in judge.seen)


def test_every_draw_is_a_function_of_the_sample() -> None:
    """Two halves of a batch, as two processes or micro-batches have them, get what the whole gets."""
    real, fake = pictures()
    keys: dict[str, Any] = {
        "diffaugment": ALL,
        "instance_noise": 0.1,
        "r1_weight": 1.0,
        "r1_every": 3,
        "gradient_penalty_weight": 1.0,
    }

    class Curved(Judge):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.avg_pool2d(super().forward(x) ** 3, 4, 2)

    def terms(given: Batch, place: slice) -> tuple[Tensor, ...]:
        torch.manual_seed(given.slots[0])  # the global state has no say
        one, judge = adversary(**keys), Curved(3.0)
        judged = one.judge(judge, given, real=real[place], fake=fake[place])
        return judged.real, judged.fake, *judged.penalties.values(), one.fool(judge, given, fake[place])

    whole = terms(batch(3), slice(0, 2))
    halves = [terms(batch(3, 1, slot), slice(slot, slot + 1)) for slot in (0, 1)]
    assert len(whole) == 5
    for value, *parts in zip(whole, *halves, strict=True):
        torch.testing.assert_close(value, torch.stack(parts).mean())


def test_scales_of_a_discriminator_are_a_list() -> None:
    class TwoScales(Judge):
        def forward(self, x: Tensor) -> list[Tensor]:  # type: ignore[override]
            scores = super().forward(x)
            return [scores, nn.functional.avg_pool2d(scores, 2)]

    real, fake = pictures()
    one = adversary(r1_weight=1.0, r1_every=2, gradient_penalty_weight=1.0, adversarial="hinge")
    for step in range(2):
        judge = TwoScales()
        judged = one.judge(judge, batch(step), real=real, fake=fake)
        assert len(judged.penalties) == 2 - step % 2
        fine, coarse = real.mean(dim=1, keepdim=True), nn.functional.avg_pool2d(real.mean(dim=1, keepdim=True), 2)
        torch.testing.assert_close(judged.real, torch.relu(1 - fine).mean() + torch.relu(1 - coarse).mean())
    expected = -fake.mean() - fake.mean()
    torch.testing.assert_close(one.fool(TwoScales(), batch(), fake), expected)


def test_scales_have_signs_of_their_own() -> None:
    """Of the same scores twice R1 is twice that of once; with the same signs it would be four times."""

    class Twice(Judge):
        def forward(self, x: Tensor) -> list[Tensor]:  # type: ignore[override]
            return [super().forward(x)] * 2

    real, fake = pictures()
    one = adversary(r1_weight=1.0, r1_every=1)
    single, double = (one.judge(judge, batch(), real=real, fake=fake).penalties["discriminator_r1"] for judge in (Judge(), Twice()))
    assert double.item() == pytest.approx(2 * single.item(), rel=0.2)


ADVERSARIAL_METHODS = sorted(name for name, config in CONFIGS.items() if issubclass(config, AdversarialConfig))


def test_the_adversarial_methods_have_it() -> None:
    assert set(ADVERSARIAL_METHODS) >= {"pix2pix", "cyclegan", "gan"}


@pytest.mark.parametrize("name", ADVERSARIAL_METHODS)
def test_a_critic_needs_a_bound(name: str) -> None:
    unbounded = {"name": name, "adversarial": "wgan", "gradient_penalty_weight": 0.0}  # StarGAN's default is another weight
    with pytest.raises(ValueError, match="wgan needs a bound on the slope of its critic: set gradient_penalty_weight"):
        CONFIGS[name].model_validate(unbounded)
    has_norm = "norm" in type(CONFIGS[name].model_fields["discriminator"].get_default(call_default_factory=True)).model_fields
    spectral = {"spectral_norm": True, **({"norm": "instance"} if has_norm else {})}
    for bound in ({"gradient_penalty_weight": 10.0}, {"r1_weight": 1.0}, {"discriminator": spectral}):
        CONFIGS[name].model_validate({**unbounded, **bound})
    if has_norm:
        with pytest.raises(ValueError, match=r"discriminator\.norm other than batch"):  # whose learned scales nothing bounds
            CONFIGS[name].model_validate({**unbounded, "discriminator": {**spectral, "norm": "batch"}})


def test_images_of_two_sizes_have_nothing_between_them() -> None:
    real, fake = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 24)
    with pytest.raises(UserError, match=r"gradient_penalty_weight: needs real and generated images of one size"):
        adversary(gradient_penalty_weight=1.0).judge(Judge(), batch(size=1), real=real, fake=fake)
    judged = adversary(r1_weight=1.0, diffaugment=ALL, instance_noise=0.1).judge(Judge(), batch(size=1), real=real, fake=fake)
    assert judged.penalties["discriminator_r1"] > 0


def test_minimax_belongs_to_cross_entropy() -> None:
    assert GANConfig(name="gan", objective="minimax").adversarial == "vanilla"
    with pytest.raises(ValueError, match="objective minimax needs adversarial vanilla, not hinge"):
        GANConfig(name="gan", objective="minimax", adversarial="hinge")


def test_a_penalty_with_batch_normalisation_is_warned_of() -> None:
    for weight in ("gradient_penalty_weight", "r1_weight"):
        with pytest.warns(UserWarning, match="batch normalisation mixes"):
            adversary(discriminator={"norm": "batch"}, **{weight: 1.0})
