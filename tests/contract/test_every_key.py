"""Every number, switch and choice in a method's section changes the training of that method, where it is said to have an effect."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from each_domain import EachDomain, EachDomainConfig
from pydantic.fields import FieldInfo
from tiny import make_trainer, micro_batches, tiny_config, tiny_method

from gan_style.config.effect import OnlyWith, without_effect
from gan_style.errors import UserError
from gan_style.methods import CONFIGS

STEPS = 3  # the generator of a critic rests, a replay buffer fills
NUMBERS = (-1, 0, 0.5, 1, 2)


def others(field: FieldInfo, value: Any) -> list[Any]:
    """Values of a key beside `value`, its own; empty for keys that are texts, lists of texts or sections."""
    kinds = [kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not type(None)]
    if kinds == [bool]:
        found: list[Any] = [not value]
    elif kinds in ([int], [float]):
        numbers = (*NUMBERS, *([] if value is None else [value + 1, 2 * value]))
        found = list(dict.fromkeys(kinds[0](number) for number in numbers))
    else:
        found = [kind for kind in kinds if isinstance(kind, str)]
    return [other for other in found if other != value]


# The probability of ADA moves within STEPS. A critic has none.
ADA = {"ada": ["blit", "geometry", "color"], "ada_p": 0.5, "ada_images": 4, "adversarial": "hinge"}


def met(name: str, key: str) -> dict[str, Any]:
    """Values of other keys with which this one has an effect."""
    if key.startswith("ada_"):
        return {other: value for other, value in ADA.items() if other != key}
    fields = CONFIGS[name].model_fields
    field = fields[key]
    values: dict[str, Any] = {}
    for rule in field.metadata:
        if isinstance(rule, OnlyWith):
            key, wanted = next((key, wanted) for key, wanted in rule.keys.items() if key in fields)
            values[key] = wanted[0] if wanted else fields[key].annotation is bool or 1
    return values


def course(name: str, folder: Path, method: dict[str, Any]) -> Iterator[dict[str, float]]:
    """The losses of each step. `UserError` if the section is refused."""
    if "vgg" in CONFIGS[name].model_fields and "vgg" not in tiny_method(name, folder):
        method = {"vgg": {"weights": "random"}, **method}
    trainer = make_trainer(tiny_config(name, folder, method=method))
    for step in range(STEPS):
        yield {term: loss.item() for term, loss in trainer.step(step, micro_batches(step, 2)).losses.items()}


Courses = dict[tuple[str, str], list[dict[str, float]]]


@pytest.fixture(scope="module")
def courses() -> Courses:
    """The losses of runs that differ in no key of their own, by method and given values: many keys are compared with one run."""
    return {}


def check_it_has_an_effect(name: str, key: str, folder: Path, courses: Courses) -> None:
    """One of the values that the key takes gives other losses than its own value."""
    field = CONFIGS[name].model_fields[key]
    given = met(name, key)
    config = tiny_config(name, folder, method=given)
    assert without_effect(config, ("method", key)) is None, f"method.{key} has no effect where its OnlyWith says it has one, with {given}"
    if (name, repr(given)) not in courses:
        courses[name, repr(given)] = list(course(name, folder, given))
    usual = courses[name, repr(given)]
    tried = []
    for other in others(field, getattr(config.method, key)):
        try:
            changed = any(one != two for one, two in zip(course(name, folder, {**given, key: other}), usual, strict=False))
        except UserError:
            continue
        if changed:
            return
        tried.append(other)
    assert not tried, (
        f"method.{key} changes no loss in {STEPS} steps, with the values {tried}: use it in the losses, "
        "say with OnlyWith (gan_style/config/effect.py) which other key it needs, or refuse those values"
    )


CASES = [
    pytest.param(name, key, id=f"{name}-{key}")
    for name, section in [*CONFIGS.items(), ("each_domain", EachDomainConfig)]
    for key, field in section.model_fields.items()
    if others(field, field.get_default(call_default_factory=True))
]


@pytest.mark.filterwarnings("ignore:gradient_penalty_weight and r1_weight")
@pytest.mark.parametrize(("name", "key"), CASES)
def test_a_key_changes_the_training(name: str, key: str, tmp_path: Path, courses: Courses) -> None:
    check_it_has_an_effect(name, key, tmp_path, courses)


@pytest.mark.parametrize("key", ["adversarial", "gradient_penalty_weight", "r1_weight", "r1_every", "instance_noise", "critic_steps"])
def test_a_key_that_nothing_uses_is_seen(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that takes every key of `AdversarialConfig` and always trains as with their defaults."""
    built = EachDomain.__init__
    monkeypatch.setattr(EachDomain, "__init__", lambda method, config, task: built(method, usual(config), task))

    def usual(config: EachDomainConfig) -> EachDomainConfig:
        return EachDomainConfig(domain_names=config.domain_names, generator=config.generator, discriminator=config.discriminator)

    with pytest.raises(AssertionError, match=rf"^method\.{key} changes no loss in 3 steps, with the values \["):
        check_it_has_an_effect("each_domain", key, tmp_path, {})
