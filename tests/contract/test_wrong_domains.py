"""The checks of `games` and `domains` see the mistakes that a method over several domains can make: each is made on purpose."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mistakes import SEVERAL_DOMAINS, complaints, generators_help, real_called_fake, seen, targets_exchanged
from torch import Tensor

from gan_style.types import Batch


@pytest.mark.parametrize("name", SEVERAL_DOMAINS)
def test_a_method_over_several_domains_without_a_mistake_passes(name: str, tmp_path: Path) -> None:
    assert list(complaints(name, lambda method: None, tmp_path)) == []


def real_images_of_the_target(method: Any) -> None:
    method.domains_of_real = method.targets


def translations_from_the_domain(method: Any) -> None:
    """A judge sees the translations of its domain's images, not those that lead to it."""
    method.domains_of_fake = method.domains_that_fool = method.own


def fooled_by_the_own_judge(method: Any) -> None:
    method.domains_that_fool = method.own


def one_domain_forgotten(method: Any) -> None:
    losses = method.losses
    method.losses = lambda *given: {name: loss for name, loss in losses(*given).items() if name != "adversarial_green"}


WRONG_GAMES = [
    real_called_fake,
    targets_exchanged,
    generators_help,
    real_images_of_the_target,
    translations_from_the_domain,
    fooled_by_the_own_judge,
    one_domain_forgotten,
]


@pytest.mark.parametrize("mistake", WRONG_GAMES)
def test_a_wrong_game_with_a_judge_for_each_domain_is_seen(mistake: Callable[[Any], None], tmp_path: Path) -> None:
    assert seen("each_domain", mistake, tmp_path)


def led_back_to_the_target(method: Any) -> None:
    method.domains_back = method.targets


def kept_in_the_target(method: Any) -> None:
    method.domains_kept = method.targets


def led_nowhere(method: Any) -> None:
    method.targets = method.own


def mean_over_the_own_images(method: Any) -> None:
    counts = method.counts

    def shared(labels: list[int], place: int, like: Tensor) -> Tensor:
        each = counts(labels, place, like)
        return each * len(labels) / each.sum().clamp(min=1)

    method.counts = shared


def absent_domains_left_out(method: Any) -> None:
    """A discriminator is not run where no image is of its domain."""
    losses = method.losses

    def of_present_domains(player: Any, batch: Batch, outputs: Any) -> dict[str, Tensor]:
        present = {method.names[place] for place in {*method.own(batch), *method.targets(batch)}}
        absent = {*method.names} - present
        return {term: loss for term, loss in losses(player, batch, outputs).items() if absent.isdisjoint(term.split("_"))}

    method.losses = of_present_domains


@pytest.mark.parametrize(
    ("mistake", "complaint"),
    [
        (led_back_to_the_target, "reconstructed_a leads image 0 of blue, whose target is red, to red and red, not to red and blue"),
        (kept_in_the_target, "identity_a leads image 0 of blue, whose target is red, to red, not to blue"),
        (mean_over_the_own_images, "divide by the number of all images of the batch"),
        (absent_domains_left_out, "discriminator_green has no gradient from a micro-batch of blue led to red"),
    ],
)
def test_the_complaint_says_what_is_wrong_with_the_domains(mistake: Callable[[Any], None], complaint: str, tmp_path: Path) -> None:
    assert any(complaint in each for each in complaints("each_domain", mistake, tmp_path))
