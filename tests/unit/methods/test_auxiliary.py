"""Every term changes the gradient of every adversarial method's generators, and is the loss that it says."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pictures import draw
from PIL import Image
from tiny import SIZE, make_trainer, micro_batches, tiny_config
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.losses.perceptual import content_loss, gram_loss, gram_matrix, moment_loss
from gan_style.losses.total_variation import total_variation
from gan_style.methods import CONFIGS
from gan_style.methods.auxiliary import Auxiliary, AuxiliaryConfig
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.types import Task

ADVERSARIAL = sorted(name for name, config in CONFIGS.items() if issubclass(config, AuxiliaryConfig))
VGG: dict[str, Any] = {
    "vgg": {"weights": "random", "name": "vgg16"},
    "perceptual_layers": ["relu2_1"],
    "style_layers": ["relu1_1", "relu2_1"],
}


def gradients(name: str, tmp_path: Path, **method: Any) -> tuple[dict[str, Tensor], list[Tensor]]:
    """The losses of one step, and the gradient of each parameter of the translating networks."""
    trainer = make_trainer(tiny_config(name, tmp_path, method={**VGG, **method}))
    found: list[Tensor] = []
    player = next(player for player in trainer.method.players if player.translates)

    def keep(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        found.extend(parameter.grad.clone() for group in optimizer.param_groups for parameter in group["params"])

    trainer.optimizers[player.name].register_step_pre_hook(keep)
    return trainer.step(0, micro_batches(0, 2)).losses, found


def test_the_adversarial_methods_have_them() -> None:
    assert set(ADVERSARIAL) >= {"pix2pix", "cyclegan"}


@pytest.mark.parametrize("term", ["perceptual", "style", "style moments", "style mmd", "style picture", "tv"])
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_each_term_changes_the_generators_gradient(name: str, term: str, tmp_path: Path) -> None:
    kind, _, variant = term.partition(" ")
    method: dict[str, Any] = {f"{kind}_weight": 10.0}
    if variant == "picture":
        Image.fromarray(draw(3)).save(tmp_path / "style.png")
        method["style_image"] = str(tmp_path / "style.png")
    elif variant:
        method["style_loss"] = variant
    plain_losses, plain = gradients(name, tmp_path)
    losses, changed = gradients(name, tmp_path, **method)
    new = sorted(losses.keys() - plain_losses.keys())
    assert new == sorted({"pix2pix": [kind], "cyclegan": [f"{kind}_ab", f"{kind}_ba"]}.get(name, new))
    assert new
    assert all(losses[key].item() > 0 for key in new)
    assert any(not torch.allclose(one, two) for one, two in zip(plain, changed, strict=True))


def test_the_terms_by_hand() -> None:
    output, content, style = (micro_batches(step, 2)[0].a.double() for step in (1, 2, 3))
    config = CONFIGS["pix2pix"](**VGG, perceptual_weight=2.0, style_weight=3.0, style_norm="johnson", tv_weight=4.0)
    auxiliary = Auxiliary(config, Task())  # type: ignore[arg-type]
    auxiliary.frozen["vgg"].double()
    terms = auxiliary.losses(output, content, style)
    vgg = VGGFeatures("vgg16", ["relu1_1", "relu2_1"], "random").double()
    y, c, s = vgg(output), vgg(content), vgg(style)
    expected = {
        "perceptual": 2.0 * content_loss(y["relu2_1"], c["relu2_1"]),
        "style": 3.0
        * sum(gram_loss(gram_matrix(y[k], "johnson"), gram_matrix(s[k], "johnson"), "johnson") for k in ("relu1_1", "relu2_1")),
        "tv": 4.0 * total_variation(output),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)
    by_moments = Auxiliary(CONFIGS["pix2pix"](**VGG, style_weight=1.0, style_loss="moments"), Task())  # type: ignore[arg-type]
    by_moments.frozen["vgg"].double()
    torch.testing.assert_close(
        by_moments.losses(output, content, style)["style"], sum(moment_loss(y[k], s[k]) for k in ("relu1_1", "relu2_1"))
    )


def test_layers_have_weights_and_the_distance_is_chosen() -> None:
    output, content = (micro_batches(step, 2)[0].a.double() for step in (1, 2))
    keys = {**VGG, "perceptual_weight": 2.0, "perceptual_layers": ["relu1_1=0.25", "relu2_1"]}
    vgg = VGGFeatures("vgg16", ["relu1_1", "relu2_1"], "random").double()
    y, c = vgg(output), vgg(content)
    for distance, of in (("l2", lambda f, g: (f - g).square().mean()), ("l1", lambda f, g: (f - g).abs().mean())):
        auxiliary = Auxiliary(CONFIGS["pix2pix"](**keys, perceptual_distance=distance), Task())  # type: ignore[arg-type]
        auxiliary.frozen["vgg"].double()
        expected = 2.0 * (0.25 * of(y["relu1_1"], c["relu1_1"]) + of(y["relu2_1"], c["relu2_1"]))
        torch.testing.assert_close(auxiliary.losses(output, content, content)["perceptual"], expected)


def test_nothing_is_loaded_or_computed_that_was_not_asked_for() -> None:
    auxiliary = Auxiliary(CONFIGS["pix2pix"](tv_weight=1.0), Task())  # type: ignore[arg-type] - `imagenet` would need a file
    assert auxiliary.frozen == {}
    assert list(auxiliary.losses(torch.zeros(1, 3, SIZE, SIZE), torch.zeros(1), torch.zeros(1))) == ["tv"]


@pytest.mark.parametrize(("one", "forwards"), [(True, 2), (False, 3)])
def test_a_picture_that_is_content_and_style_is_looked_at_once(one: bool, forwards: int) -> None:
    auxiliary = Auxiliary(CONFIGS["pix2pix"](**VGG, perceptual_weight=1.0, style_weight=1.0), Task())  # type: ignore[arg-type]
    calls: list[int] = []
    auxiliary.frozen["vgg"].register_forward_pre_hook(lambda module, inputs: calls.append(1))
    output, target = torch.rand(2, 1, 3, SIZE, SIZE)
    losses = auxiliary.losses(output, target, target if one else target.clone())
    assert len(calls) == forwards
    for weights in ({"perceptual_weight": 1.0}, {"style_weight": 1.0}):
        alone = Auxiliary(CONFIGS["pix2pix"](**VGG, **weights), Task()).losses(output, target, target)  # type: ignore[arg-type]
        assert all(torch.equal(losses[name], value) for name, value in alone.items())


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_and_alpha_are_shown_to_the_vgg_as_rgb(channels: int) -> None:
    auxiliary = Auxiliary(CONFIGS["pix2pix"](**VGG, perceptual_weight=1.0), Task())  # type: ignore[arg-type]
    a, b = torch.rand(2, 1, channels, SIZE, SIZE)
    assert auxiliary.losses(a, b, b)["perceptual"].item() > 0


def test_wrong_uses_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'relu3_9' is no layer of a VGG, did you mean 'relu3_"):
        tiny_config("pix2pix", tmp_path, method={"style_layers": ["relu3_9"]})
    with pytest.raises(UserError, match=r"no\.png"):
        make_trainer(tiny_config("pix2pix", tmp_path, method={**VGG, "style_weight": 1.0, "style_image": "no.png"}))
    with pytest.raises(UserError, match=r"vgg\.pth: no such file"):
        make_trainer(tiny_config("cyclegan", tmp_path, method={"tv_weight": 1.0, "style_weight": 1.0, "vgg": {"weights": "vgg.pth"}}))


def test_the_frozen_network_is_neither_trained_nor_saved(tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config("pix2pix", tmp_path, method={**VGG, "perceptual_weight": 1.0}))
    before = {key: value.clone() for key, value in trainer.method.frozen["vgg"].state_dict().items()}
    trainer.step(0, micro_batches(0, 2))
    assert all(torch.equal(value, before[key]) for key, value in trainer.method.frozen["vgg"].state_dict().items())
    assert "vgg" not in trainer.networks
    assert isinstance(trainer.method.frozen["vgg"], nn.Module)


@pytest.mark.parametrize(("size", "expected"), [(None, (16, 21)), (24, (24, 32)), (60, (60, 80))])
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_a_style_picture_is_no_larger_than_what_it_is_compared_with(
    name: str, size: int | None, expected: tuple[int, int], tmp_path: Path
) -> None:
    Image.fromarray(draw(3, 40)[:30]).save(tmp_path / "style.png")  # 40 x 30
    method = {**VGG, "style_weight": 1.0, "style_image": str(tmp_path / "style.png"), "style_size": size}
    trainer = make_trainer(tiny_config(name, tmp_path, method=method))
    picture = trainer.method.auxiliary.picture
    assert picture is not None and tuple(picture.shape) == (1, 3, *expected)
    assert trainer.method.served_config()["style_size"] is None


def test_a_smaller_style_picture_stays_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(draw(3, 12)).save(tmp_path / "style.png")
    config = CONFIGS["pix2pix"](**VGG, style_weight=1.0, style_image=str(tmp_path / "style.png"))
    picture = Auxiliary(config, Task(size=256)).picture  # type: ignore[arg-type]
    assert picture is not None and picture.shape == (1, 3, 12, 12)


@pytest.mark.parametrize("loss", ["gram", "moments", "mmd"])
def test_a_style_picture_is_looked_at_once(loss: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the loss is that of the picture repeated for each sample."""
    Image.fromarray(draw(3, SIZE)).save(tmp_path / "style.png")
    settings = {**VGG, "style_weight": 1.0, "style_loss": loss}
    fixed = Auxiliary(CONFIGS["pix2pix"](**settings, style_image=str(tmp_path / "style.png")), Task())  # type: ignore[arg-type]
    output, real = (micro_batches(step, 2)[0].a for step in (1, 2))
    seen: list[int] = []
    fixed.frozen["vgg"].register_forward_pre_hook(lambda module, given: seen.append(len(given[0])))
    matrices: list[int] = []
    monkeypatch.setattr(
        "gan_style.methods.auxiliary.gram_matrix", lambda features, norm: matrices.append(len(features)) or gram_matrix(features, norm)
    )
    terms = [fixed.losses(output, real, real)["style"] for _ in range(3)]
    assert seen == [2, 1, 2, 2]  # translations, the picture; then translations alone
    assert matrices == ([1, 1, 2, 2, 2, 2, 2, 2] if loss == "gram" else [])
    assert fixed.picture is not None
    repeated = fixed.picture.expand(2, -1, -1, -1)
    expected = Auxiliary(CONFIGS["pix2pix"](**settings), Task()).losses(output, real, repeated)["style"]  # type: ignore[arg-type]
    for term in terms:
        torch.testing.assert_close(term, expected)


def test_a_size_without_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="style_size has no effect without style_image"):
        CONFIGS["pix2pix"](style_size=64)
