"""What each condition gives a translator, in validation, in sample grids and in a bundle's metadata."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from gan_style.conditions import Alone, AnyCondition, Exemplar, Given, Label, Mix, Noise

SOURCE, OTHER = torch.zeros(3, 4, 4), torch.ones(3, 4, 4)
STORED: TypeAdapter[AnyCondition] = TypeAdapter(AnyCondition)


def test_an_image_alone_is_all() -> None:
    assert [each is SOURCE for each in Alone().inputs(Given(SOURCE, OTHER))] == [True]


def test_a_picture_is_given_and_shown_beside_the_image() -> None:
    assert Exemplar().inputs(Given(SOURCE, OTHER)) == (SOURCE, OTHER) == Exemplar().shown(Given(SOURCE, OTHER))


def test_validation_leads_to_the_other_labels_or_to_the_one_asked_for() -> None:
    label = Label(names=("red", "green", "blue"))

    def led(to: str | None = None, numbers: range = range(40)) -> set[str]:
        given = [Given(SOURCE, number=number, label="green", to=to) for number in numbers]
        return {label.names[int(label.inputs(each)[1].argmax())] for each in given}

    assert led() == led(numbers=range(0, 80, 2)) == {"red", "blue"}
    assert led("green") == {"green"}


def test_a_grid_shows_every_label() -> None:
    label = Label(names=("red", "green", "blue"))
    row = label.row(Given(SOURCE, label="green"))
    assert torch.equal(torch.stack([labels for _, labels in row]), torch.eye(3))


def test_a_mix_shows_the_names_from_its_first_on() -> None:
    mix = Mix(names=("known", "new", "newer"), first=1)
    shown = [int(mix.inputs(Given(SOURCE, number=number))[1].argmax()) for number in range(4)]
    assert shown == [1, 2, 1, 2]


def test_noise_is_a_function_of_seed_and_number() -> None:
    noise = Noise(size=5)
    assert torch.equal(noise.latent(1, 7), noise.latent(1, 7))
    assert not torch.equal(noise.latent(1, 7), noise.latent(1, 8))
    assert not torch.equal(noise.latent(1, 7), noise.latent(2, 7))
    many = torch.stack([Noise(size=4).latent(0, number) for number in range(500)])
    assert abs(many.mean().item()) < 0.1
    assert abs(many.std().item() - 1) < 0.1
    assert noise.shown(Given(SOURCE)) == ()


@pytest.mark.parametrize("condition", [Alone(), Label(names=("a", "b")), Mix(names=("a",)), Exemplar(), Noise(size=3)])
def test_a_condition_comes_back_from_metadata_as_it_was(condition: AnyCondition) -> None:
    assert STORED.validate_json(STORED.dump_json(condition)) == condition


@pytest.mark.parametrize(
    "stored", [{"kind": "spell"}, {"kind": "label", "names": []}, {"kind": "noise", "size": 0}, {"kind": "alone", "x": 1}]
)
def test_what_is_no_condition_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        STORED.validate_python(stored)
