"""The base of methods over several domains: targets, the labels that the generator is given, and missing names."""

import pytest
import torch
from each_domain import EachDomain, EachDomainConfig
from tiny import NAMES, micro_batches
from torch import Tensor

from gan_style.conditions import Label
from gan_style.errors import UserError
from gan_style.types import Task


def method(**keys: list[str] | None) -> EachDomain:
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


def test_the_translator_takes_one_of_the_names() -> None:
    assert method().condition == Label(names=NAMES)


def test_names_that_are_missing_are_asked_for_in_the_methods_name() -> None:
    with pytest.raises(UserError, match=r"^method\.domain_names: each_domain needs the names of its domains$"):
        method(domain_names=None)
