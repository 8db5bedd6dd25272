"""The base of methods over several domains: targets, the labels that the generator is given, and missing names."""

from typing import Any

import pytest
import torch
from each_domain import EachDomain, EachDomainConfig
from tiny import NAMES, micro_batches
from torch import Tensor

from gan_style.conditions import Label
from gan_style.errors import UserError
from gan_style.types import Task


def method(**keys: Any) -> EachDomain:
    return EachDomain(EachDomainConfig.model_validate({"domain_names": list(NAMES), **keys}), Task(batch_size=4, size=16))


def test_a_target_is_another_domain_by_the_number_alone() -> None:
    several = method()
    pairs = set()
    for step in range(20):
        [batch] = micro_batches(step, 4)
        targets = several.targets(batch)
        pairs |= {*zip(several.own(batch), targets, strict=True)}
        assert [target for part in micro_batches(step, 4, 2) for target in several.targets(part)] == targets
        assert several.targets(batch.with_images(a=batch.b)) == targets
    assert pairs == {(own, other) for own in range(3) for other in range(3) if own != other}


def test_where_the_own_domain_is_a_target_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EachDomain, "own_is_target", True)
    several = method()
    batches = [micro_batches(step, 4)[0] for step in range(20)]
    pairs = {pair for batch in batches for pair in zip(several.own(batch), several.targets(batch), strict=True)}
    assert pairs == {(own, other) for own in range(3) for other in range(3)}


def test_the_generator_is_given_the_labels() -> None:
    class Given(torch.nn.Module):
        def forward(self, images: Tensor, labels: Tensor) -> Tensor:
            return labels

    several = method()
    several.networks["generator"] = Given()
    [batch] = micro_batches(0, 4)
    outputs = several.translate(batch)
    assert several.translations(batch, outputs)["a2b"][1].argmax(dim=1).tolist() == several.targets(batch)
    assert outputs["reconstructed_a"].argmax(dim=1).tolist() == several.own(batch)
    assert outputs["fake"].dtype == batch.a.dtype and bool((outputs["fake"].sum(dim=1) == 1).all())


STABILISED = {
    "adversarial": "hinge",
    "r1_weight": 3.0,
    "r1_every": 2,
    "gradient_penalty_weight": 2.0,
    "instance_noise": 0.1,
    "discriminator": {"name": "patchgan", "norm": "instance", "base_channels": 4, "num_layers": 1},
}


class Steep(torch.nn.Module):
    """The score of an image is its sum times 1 + the mean of its first channel: each image has a slope of its own."""

    def forward(self, images: Tensor) -> Tensor:
        return (images.sum(dim=(1, 2, 3)) * (1 + images[:, 0].mean(dim=(1, 2))))[:, None, None, None]


def of_each_judge(several: EachDomain, kind: str, fake: Tensor, real: Tensor) -> dict[str, float]:
    """A term of the discriminators' turn by the domain."""
    [batch] = micro_batches(0, 4)
    losses = several.losses(several.players[0], batch.with_images(a=real), {"fake": fake})
    return {name: losses[f"discriminator_{name}_{kind}"].item() for name in several.names}


def test_penalties_count_the_images_that_the_losses_count() -> None:
    """R1 those of the judge's domain; the other penalty a line between two images half for the domain of each."""
    several = method(r1_weight=3.0, r1_every=2, gradient_penalty_weight=2.0)
    several.networks |= dict.fromkeys(several.judges, Steep())
    [batch] = micro_batches(0, 4)
    real, fake = torch.rand(2, 4, 3, 16, 16, generator=torch.Generator().manual_seed(1)) - 0.5

    def square(image: Tensor) -> Tensor:
        [slope] = torch.autograd.grad(Steep()(image[None]).sum(), image)
        return slope.square().sum()

    each_real = [square(image.clone().requires_grad_()).item() for image in real]
    found = {kind: of_each_judge(several, kind, fake, real) for kind in ("r1", "gradient_penalty")}
    for name, place in zip(several.names, range(3), strict=True):
        drawn = several.adversary._drawn(torch.rand, batch, real, f"discriminator_{name} judges", "shares", shape=())
        points = [f + s * (r - f) for f, s, r in zip(fake, drawn, real, strict=True)]
        each_point = [(square(point.clone().requires_grad_()).sqrt().item() - 1) ** 2 for point in points]
        own, target = ([label == place for label in labels] for labels in (several.own(batch), several.targets(batch)))
        assert found["r1"][name] == pytest.approx(2 * 3 / 2 * sum(x for x, counts in zip(each_real, own, strict=True) if counts) / 4)
        halves = [(r + f) / 2 for r, f in zip(own, target, strict=True)]
        penalty = 2 * sum(x * half for x, half in zip(each_point, halves, strict=True)) / 4
        assert found["gradient_penalty"][name] == pytest.approx(penalty, rel=1e-4)


def test_judges_that_are_one_share_the_terms_of_a_judge_of_all_domains() -> None:
    several = method(r1_weight=3.0, r1_every=2, adversarial="hinge")
    several.networks |= dict.fromkeys(several.judges, Steep())
    [batch] = micro_batches(0, 4)
    real, fake = torch.rand(2, 4, 3, 16, 16, generator=torch.Generator().manual_seed(1)) - 0.5
    whole = several.adversary.judge(Steep(), batch, real=real, fake=fake)
    for kind, value in (("real", whole.real), ("fake", whole.fake), ("r1", whole.penalties["discriminator_r1"])):
        assert sum(of_each_judge(several, kind, fake, real).values()) == pytest.approx(value.item(), rel=1e-5)


def test_a_judge_of_no_image_has_terms_of_0_and_moves_nothing() -> None:
    several = method(**STABILISED)
    [batch] = micro_batches(0, 4)
    none, judge = torch.zeros(4), several.networks["discriminator_red"]
    judged = several.adversary.judge(judge, batch, real=batch.a, fake=batch.b, counts=(none, none))
    terms = [judged.real, judged.fake, *judged.penalties.values(), several.adversary.fool(judge, batch, batch.b, counts=none)]
    assert len(terms) == 5 and all(term.item() == 0 for term in terms)
    slopes = torch.autograd.grad(torch.stack(terms).sum(), list(judge.parameters()))
    assert not any(slope.any() for slope in slopes), "and each parameter has a slope, for which distributed training waits"


def test_terms_do_not_depend_on_the_division_of_the_batch() -> None:
    several = method(**STABILISED)
    for network in several.networks.values():
        network.double()
    values = []
    for parts in (1, 2, 4):
        total: dict[str, float] = {}
        for batch in micro_batches(0, 4, parts):
            batch = batch.with_images(a=batch.a.double(), b=batch.b.double())
            for player in several.players:
                for name, term in several.losses(player, batch, {**several.translate(batch)}).items():
                    total[name] = total.get(name, 0.0) + term.item() / parts
        values.append(total)
    assert any("_r1" in name for name in values[0]) and values[1] == pytest.approx(values[0]) and values[2] == pytest.approx(values[0])


def test_the_translator_takes_one_of_the_names() -> None:
    assert method().condition == Label(names=NAMES)


def test_names_that_are_missing_are_asked_for_in_the_methods_name() -> None:
    with pytest.raises(UserError, match=r"^method\.domain_names: each_domain needs the names of its domains$"):
        method(domain_names=None)
