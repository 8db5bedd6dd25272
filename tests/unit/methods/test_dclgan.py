"""DCLGAN's losses and gradients against the paper's terms, written out with forwards and patches of their own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_style.config.load import load_config
from gan_style.errors import UserError
from gan_style.methods import CONFIGS
from gan_style.methods.dclgan import DCLGAN, DCLGANConfig
from gan_style.types import Batch, Task, detach

ROOT = Path(__file__).parents[3]
TEMPERATURE = 0.07


def method(task: Task | None = None, **keys: Any) -> DCLGAN:
    small = {
        "generator": {"base_channels": 3, "num_blocks": 1, "init_gain": 1.0},
        "discriminator": {"base_channels": 3, "num_layers": 1},
        "adversarial": "lsgan",
        "num_patches": 5,
        "projection_channels": 4,
    }
    torch.manual_seed(0)
    made = DCLGAN(DCLGANConfig.model_validate({"name": "dclgan", **small, **keys}), task or Task(batch_size=2))
    for network in made.networks.values():
        network.double()
    return made


def batch(channels_a: int = 3, channels_b: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(5)
    a, b = (torch.rand(2, count, 12, 16, dtype=torch.float64, generator=generator) * 2 - 1 for count in (channels_a, channels_b))
    return Batch.of_two(a, b, ("", ""), ("", ""), (0, 1), (0, 1))


def vectors(generator: nn.Module, heads: nn.Module, image: Tensor, at: dict[str, Tensor], layer: str) -> Tensor:
    """The projected patches [P, D] of one image [1, C, H, W], by a forward of its own."""
    found = heads.mlps[layer](generator(image, at)[layer][0])  # type: ignore[index,operator]
    return found / (found.norm(dim=1, keepdim=True) + 1e-7)


def contrast(dclgan: DCLGAN, source: str, target: str, real: Tensor, outputs: dict[str, Tensor]) -> Tensor:
    """Each image by itself: the patches of its translation, as the other generator reads them, told by those of the image."""
    networks, losses = dclgan.networks, []
    there, back = networks[f"generator_{source}{target}"], networks[f"generator_{target}{source}"]
    for number in range(len(real)):
        image = real[number : number + 1]
        for layer in ("down1", "down2", "block1"):
            at = {layer: outputs[f"{source}/{layer}/at"][number : number + 1]}
            query = vectors(back, networks[f"heads_{target}"], there(image), at, layer)
            key = vectors(there, networks[f"heads_{source}"], image, at, layer).detach()
            losses.append(-(query @ key.T / TEMPERATURE).log_softmax(dim=1).diagonal().mean())
    return torch.stack(losses).mean()


def test_the_generators_terms_and_gradients_are_the_papers() -> None:
    dclgan, data = method(nce_weight=3.0, identity_weight=0.5), batch()
    outputs = dclgan.translate(data)
    generator_ab, generator_ba = dclgan.networks["generator_ab"], dclgan.networks["generator_ba"]
    discriminator_a, discriminator_b = dclgan.networks["discriminator_a"], dclgan.networks["discriminator_b"]
    expected = {
        "adversarial_ab": (discriminator_b(generator_ab(data.a)) - 1).square().mean(),
        "adversarial_ba": (discriminator_a(generator_ba(data.b)) - 1).square().mean(),
        "nce_ab": 3.0 * contrast(dclgan, "a", "b", data.a, outputs),
        "nce_ba": 3.0 * contrast(dclgan, "b", "a", data.b, outputs),
        "identity_a": 0.5 * (generator_ba(data.a) - data.a).abs().mean(),
        "identity_b": 0.5 * (generator_ab(data.b) - data.b).abs().mean(),
    }
    discriminators, generators = dclgan.players
    assert (discriminators.name, generators.name) == ("discriminators", "generators")
    terms = dclgan.losses(generators, data, outputs)
    assert terms.keys() == expected.keys()
    parameters = [parameter for name in generators.networks for parameter in dclgan.networks[name].parameters()]
    for name, term in terms.items():
        torch.testing.assert_close(term, expected[name], rtol=1e-10, atol=0)
        ours, theirs = (torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True) for loss in (term, expected[name]))
        scale = max(float(gradient.abs().max()) for gradient in theirs if gradient is not None)
        zero = torch.zeros(())
        for mine, other in zip(ours, theirs, strict=True):
            pair = (zero if gradient is None else gradient for gradient in (mine, other))
            torch.testing.assert_close(*pair, rtol=1e-8, atol=1e-11 * scale)


def test_each_discriminator_judges_its_domain() -> None:
    dclgan, data = method(), batch()
    outputs = detach(dclgan.translate(data))
    terms = dclgan.losses(dclgan.players[0], data, outputs)
    for domain, real in (("a", data.a), ("b", data.b)):
        judge = dclgan.networks[f"discriminator_{domain}"]
        torch.testing.assert_close(terms[f"discriminator_{domain}_real"], 0.5 * (judge(real) - 1).square().mean())
        torch.testing.assert_close(terms[f"discriminator_{domain}_fake"], 0.5 * judge(outputs[f"fake_{domain}"]).square().mean())


def test_domains_of_other_channels_have_no_identity() -> None:
    with pytest.warns(UserWarning, match="the identity loss needs equal channels, but domain A has 1 and domain B 3"):
        dclgan = method(Task(channels_a=1, channels_b=3, batch_size=2), nce_layers=["pixels", "block1"])
    data = batch(1, 3)
    outputs = dclgan.translate(data)
    assert outputs["fake_b"].shape == data.b.shape and outputs["fake_a"].shape == data.a.shape
    terms = dclgan.losses(dclgan.players[1], data, outputs)
    assert terms.keys() == {"adversarial_ab", "adversarial_ba", "nce_ab", "nce_ba"}
    assert all(term.isfinite() for term in terms.values())


def test_the_recipe_has_the_authors_weights() -> None:
    recipe = load_config(ROOT / "configs/dclgan.yaml", [], CONFIGS)
    found = recipe.method
    assert (found.nce_weight, found.identity_weight, found.replay_buffer, found.adversarial) == (2.0, 1.0, 0, "hinge")
    assert (found.num_patches, found.temperature, found.projection_channels) == (256, 0.07, 256)
    assert DCLGANConfig().model_dump() == found.model_dump()
    assert list(DCLGAN(DCLGANConfig.model_validate({"generator": {"base_channels": 1}}), Task()).contrast.strides) == [
        "down1",
        "down2",
        "block1",
        "block5",
    ]


def test_a_layer_that_there_is_not_is_one_line() -> None:
    with pytest.raises(UserError, match=r"method\.nce_layers: 'blok1' is no layer .* did you mean 'block1'\?"):
        method(nce_layers=["blok1"])
