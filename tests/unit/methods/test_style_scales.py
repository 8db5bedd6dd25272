"""fast_style's `style_loss` and `relative`: moments are those of moment_loss; an unchanged image has a style loss of 1 in each layer."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import micro_batches, tiny_config
from torch import Tensor

from gan_style.losses.perceptual import content_loss, gram_matrix, moment_loss
from gan_style.methods.fast_style import FastStyle
from gan_style.methods.fixed_vgg import IMAGES
from gan_style.methods.unchanged import measured
from gan_style.types import Batch, Kept, Task

LAYERS = {
    "style_layers": ["relu1_1", "relu2_1"],
    "content_layers": ["relu2_1"],
    "tv_weight": 0.0,
    "content_weight": 1.0,
    "style_weight": 1.0,
}


def samples() -> Iterator[Batch]:
    number = 0
    while True:
        image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(number)) * 2 - 1
        yield Batch.of_two(image, image, ("a",), ("b",), (0,), (number,))
        number += 1


def make(tmp_path: Path, kept: Kept, **keys: Any) -> FastStyle:
    config = tiny_config("fast_style", tmp_path, method={**LAYERS, **keys})
    return FastStyle(config.method, Task(kept=kept, samples=samples))


def losses(method: FastStyle, picture: Tensor, fake: Tensor, style: int) -> dict[str, Tensor]:
    batch = micro_batches(0, 1)[0].with_images(a=picture)
    return method.losses(method.players[0], batch, {"fake": fake, "shares": torch.eye(2)[style : style + 1]})


@pytest.mark.parametrize("kind", ["gram", "moments"])
@pytest.mark.parametrize("style", [0, 1])
def test_unchanged_images_have_a_style_loss_of_1_in_each_layer(kind: str, style: int, tmp_path: Path) -> None:
    method = make(tmp_path, Kept(), relative=True, style_loss=kind)
    images = [batch.a for batch in islice(samples(), IMAGES)]
    found = [losses(method, image, image, style)["style"] for image in images]
    torch.testing.assert_close(torch.stack(found).mean(), torch.tensor(2.0))  # of two layers


def test_an_image_without_features_has_a_content_loss_of_1(tmp_path: Path) -> None:
    method = make(tmp_path, Kept(), relative=True)
    vgg = method.frozen["vgg"]
    squares = [
        content_loss(features, torch.zeros_like(features)) for batch in islice(samples(), IMAGES) for features in [vgg(batch.a)["relu2_1"]]
    ]
    assert method.unchanged.content == pytest.approx({"relu2_1": torch.stack(squares).mean().item()})
    (one, other) = (batch.a for batch in islice(samples(), 2))
    features = vgg(torch.cat([one, other]))["relu2_1"]
    expected = content_loss(features[:1], features[1:]) / torch.stack(squares).mean()
    torch.testing.assert_close(losses(method, one, other, 0)["content"], expected)


def test_moments_are_those_of_the_moment_loss(tmp_path: Path) -> None:
    method = make(tmp_path, Kept(), style_loss="moments")
    image = next(samples()).a
    made, style = method.frozen["vgg"](image), method.frozen["vgg"](method.pictures[1])
    expected = sum(moment_loss(made[layer], style[layer]) for layer in LAYERS["style_layers"])
    torch.testing.assert_close(losses(method, image, image, 1)["style"], expected)


def test_what_is_measured_is_measured_once_and_kept(tmp_path: Path) -> None:
    begun = Kept()
    scales = make(tmp_path, begun, relative=True).unchanged

    def nothing() -> Iterator[Batch]:
        raise AssertionError("a run that goes on measures nothing")

    config = tiny_config("fast_style", tmp_path, method={**LAYERS, "relative": True})
    again = FastStyle(config.method, Task(kept=Kept(begun.now), samples=nothing)).unchanged
    assert again.content == scales.content
    assert all(torch.equal(again.style[layer], value) for layer, value in scales.style.items())


def test_a_statistic_of_the_caller_is_measured() -> None:
    image = next(samples()).a

    def vgg(picture: Tensor) -> dict[str, Tensor]:
        return {"layer": picture}

    found = measured(vgg, [image], [], {"layer": torch.zeros(2, 3, 3)}, gram_matrix)  # type: ignore[arg-type]
    assert found["content"] == {}
    torch.testing.assert_close(found["style"]["layer"], gram_matrix(image).square().sum().expand(2))
