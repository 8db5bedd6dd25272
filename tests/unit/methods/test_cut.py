"""CUT's losses and gradients against the paper's, written out with whole feature maps and a forward for each."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import make_trainer, micro_batches, tiny_config
from torch import Tensor, nn

from gan_style.config.load import load_config
from gan_style.errors import UserError
from gan_style.methods import CONFIGS
from gan_style.methods.cut import CUT, CUTConfig
from gan_style.networks.layers.patches import mirror_positions
from gan_style.types import Batch, Task, detach

ROOT = Path(__file__).parents[3]
FEATURES = {"stem": "stem", "down1": "downs.0.conv", "down2": "downs.1.conv", "block1": "blocks.0", "block2": "blocks.1"}
FASTCUT = {"nce_identity": False, "flip_equivariance": True, "nce_weight": 10.0}


def config(**keys: Any) -> CUTConfig:
    networks = {
        "generator": {"base_channels": 4, "num_blocks": 2, "init_gain": 1.0},
        "discriminator": {"base_channels": 4, "num_layers": 1},
    }
    small = {"num_patches": 7, "projection_channels": 6}
    return CUTConfig.model_validate({"name": "cut", **networks, **small, **keys})


def method(**keys: Any) -> CUT:
    torch.manual_seed(0)
    made = CUT(config(**keys), Task(batch_size=4))
    for network in made.networks.values():
        network.double()
    return made


def batch(a: tuple[int, int] = (12, 16), b: tuple[int, int] = (12, 16), count: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(5)
    images = [torch.rand(count, 3, *size, dtype=torch.float64, generator=generator) * 2 - 1 for size in (a, b)]
    keys, numbers = ("",) * count, tuple(range(count))
    return Batch.of_two(images[0], images[1], keys, keys, numbers, numbers)


def maps(generator: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """All feature maps of an image, from a forward of its own; and what became of it."""
    found = {"pixels": image}
    handles = [
        generator.get_submodule(module).register_forward_hook(lambda _, __, output, layer=layer: found.update({layer: output}))
        for layer, module in FEATURES.items()
    ]
    found["translation"] = generator(image)
    for handle in handles:
        handle.remove()
    return found


def vectors(cut: CUT, layer: str, features: Tensor, places: Tensor) -> Tensor:
    """The projected patches of one image: [C, h, w] at [P, 2] -> [P, D]."""
    picked = torch.stack([features[:, row, column] for row, column in places.tolist()])
    plain = cut.networks["heads"].mlps[layer](picked)  # type: ignore[index,operator]
    return plain / (plain.norm(dim=1, keepdim=True) + 1e-7)


def patch_nce(cut: CUT, source: Tensor, at: dict[str, Tensor], mirrored: list[bool]) -> Tensor:
    """Equations 2 and 3 with the reference's means: each image by itself, translated and encoded in forwards of its own."""
    generator, losses = cut.networks["generator"], []
    for number, flip in enumerate(mirrored):
        image = source[number : number + 1]
        fake = maps(generator, image.flip(3) if flip else image)["translation"]
        of_fake, of_source = maps(generator, fake), maps(generator, image)
        for layer in cut.strides:
            query_map = of_fake[layer].flip(3) if flip else of_fake[layer]
            query = vectors(cut, layer, query_map[0], at[layer][number])
            key = vectors(cut, layer, of_source[layer][0], at[layer][number]).detach()
            logits = query @ key.T / cut.config.temperature
            losses.append(-logits.log_softmax(dim=1).diagonal().mean())
    return torch.stack(losses).mean()


def gradients(cut: CUT, loss: Tensor) -> dict[str, Tensor]:
    """By network and parameter, of what the generator's player moves."""
    parameters = {f"{name}/{key}": value for name in ("generator", "heads") for key, value in cut.networks[name].named_parameters()}
    return dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("variant", [{}, FASTCUT, {"flip_equivariance": True}, {"nce_layers": ["block2", "stem"]}], ids=str)
def test_one_forward_gives_the_gradients_of_the_formulation_with_two(variant: dict[str, Any], antialias: bool, direction: str) -> None:
    """Keys taken from the forward that translated, in float64: losses and gradients of forwards for translation, keys and queries."""
    generator = {**config().generator.model_dump(), "antialias": antialias}
    cut, data = method(**variant, generator=generator, direction=direction), batch()
    images = {"fake": data.a, "identity": data.b} if direction == "a2b" else {"fake": data.b, "identity": data.a}
    outputs = cut.translate(data)
    terms = cut.losses(cut.players[1], data, outputs)
    mirrored = [not torch.equal(image, seen) for image, seen in zip(images["fake"], outputs["source"], strict=True)]
    assert any(mirrored) == cut.config.flip_equivariance and not all(mirrored)

    expected = {"adversarial": (cut.networks["discriminator"](outputs["fake"]) - 1).square().mean()}
    names = {"fake": "nce", "identity": "nce_identity"} if cut.config.nce_identity else {"fake": "nce"}
    for name, term in names.items():
        at = {layer: outputs[f"{name}/{layer}/at"] for layer in cut.strides}
        at = mirror_positions(at, cut.strides, 16, mirrored)  # twice mirrored is where it was
        expected[term] = cut.config.nce_weight / len(names) * patch_nce(cut, images[name], at, mirrored)
    assert terms.keys() == expected.keys()
    for term in terms:
        torch.testing.assert_close(terms[term], expected[term], rtol=1e-10, atol=0)
    # The adversarial term's gradient comes through the same translation in both.
    ours = gradients(cut, torch.stack([terms[name] for name in names.values()]).sum())
    theirs = gradients(cut, torch.stack([expected[name] for name in names.values()]).sum())
    scale = max(gradient.abs().max().item() for gradient in theirs.values())
    for key, gradient in ours.items():
        assert theirs[key].abs().max() > 0 or key.endswith("bias"), key
        torch.testing.assert_close(gradient, theirs[key], rtol=1e-8, atol=1e-11 * scale, msg=key)


def test_the_heads_are_there_before_the_first_batch(tmp_path: Path) -> None:
    """In the optimizer and among the networks that are wrapped and saved; with the channels of the generator's layers."""
    trainer = make_trainer(tiny_config("cut", tmp_path))
    held = {id(parameter) for group in trainer.optimizers["generator"].param_groups for parameter in group["params"]}
    heads = list(trainer.networks["heads"].named_parameters())
    assert heads and all(id(parameter) in held for _, parameter in heads)
    assert {key: value.shape[1] for key, value in heads if key.endswith("0.weight")} == {
        "mlps.pixels.0.weight": 3,
        "mlps.down1.0.weight": 8,
        "mlps.down2.0.weight": 16,
        "mlps.block1.0.weight": 16,
    }
    trainer.step(0, micro_batches(0, 2))
    assert [key for key, _ in trainer.networks["heads"].named_parameters()] == [key for key, _ in heads]


def test_the_decoder_does_not_run_for_queries_or_keys(tmp_path: Path) -> None:
    """FastCUT's step: one translation, an encoding of it, and where a sample was mirrored one of its source."""
    trainer = make_trainer(tiny_config("cut", tmp_path, method=FASTCUT))
    generator, ran = trainer.networks["generator"], []
    generator.get_submodule("stem").register_forward_pre_hook(lambda _, given: ran.append(f"encode {len(given[0])}"))
    generator.get_submodule("head").register_forward_pre_hook(lambda _, given: ran.append(f"decode {len(given[0])}"))
    seen = set()
    for step in range(8):
        ran.clear()
        trainer.step(step, micro_batches(step, 2))
        seen.add(tuple(ran))
    assert seen == {
        ("encode 2", "decode 2", "encode 2"),
        ("encode 2", "decode 2", "encode 1", "encode 2"),
        ("encode 2", "decode 2", "encode 2", "encode 2"),
    }


def test_patches_and_mirrors_belong_to_the_sample() -> None:
    """The last two samples of a batch of four are treated as they are in a batch of two; other samples otherwise."""
    cut, whole = method(**FASTCUT), batch()
    half = Batch.of_two(whole.a[2:], whole.b[2:], whole.keys["a"][2:], whole.keys["b"][2:], whole.slots[2:], whole.numbers[2:])
    together, alone = cut.translate(whole), cut.translate(half)
    assert together.keys() == alone.keys()
    for name, value in alone.items():
        torch.testing.assert_close(together[name][2:], value)
    assert not torch.equal(together["fake/pixels/at"][0], together["fake/pixels/at"][1])


def test_half_of_the_samples_are_mirrored() -> None:
    """Of 200, give or take four standard deviations of 7."""
    cut = method(**FASTCUT)
    image = torch.rand(1, 3, 8, 8, dtype=torch.float64).expand(200, -1, -1, -1)
    keys = ("",) * 200
    seen = cut.translate(Batch.of_two(image, image, keys, keys, tuple(range(200)), tuple(range(200))))["source"]
    assert 72 <= sum(torch.equal(one, image[0].flip(2)) for one in seen) <= 128


def test_the_discriminator_judges_translations_and_real_outputs() -> None:
    cut, data = method(**FASTCUT), batch()
    outputs = detach(cut.translate(data))
    losses = cut.losses(cut.players[0], data, outputs)
    judge = cut.networks["discriminator"]
    torch.testing.assert_close(losses["discriminator_fake"], 0.5 * judge(outputs["fake"]).square().mean())
    torch.testing.assert_close(losses["discriminator_real"], 0.5 * (judge(data.b) - 1).square().mean())
    ((given, made),) = cut.translations(data, outputs).values()
    torch.testing.assert_close(cut.networks["generator"](given), made)


def test_without_identity_nothing_is_made_of_the_outputs_domain() -> None:
    cut, data = method(nce_identity=False), batch()
    outputs = cut.translate(data)
    assert not any(name.startswith("identity") for name in outputs)
    assert set(cut.losses(cut.players[1], data, outputs)) == {"adversarial", "nce"}


@pytest.mark.parametrize("variant", [{}, {"flip_equivariance": True}], ids=str)
def test_domains_of_different_size_and_small_ones(variant: dict[str, Any]) -> None:
    cut, data = method(**variant), batch((9, 14), (1, 5))
    outputs = cut.translate(data)
    assert outputs["fake"].shape == data.a.shape and outputs["identity"].shape == data.b.shape
    assert outputs["identity/block1/at"].shape == (4, 2, 2)  # 1 x 5 pixels begin 1 x 2 cells of 4
    terms = cut._contrastive(outputs)
    assert all(term.isfinite() for term in terms.values())
    gradient = gradients(cut, torch.stack(list(terms.values())).sum())
    assert all(value.isfinite().all() for value in gradient.values())


@pytest.mark.parametrize(
    ("num_blocks", "expected"),
    [
        (0, ["pixels", "down1", "down2"]),
        (4, ["pixels", "down1", "down2", "block1"]),
        (9, ["pixels", "down1", "down2", "block1", "block5"]),
    ],
)
def test_the_papers_layers(num_blocks: int, expected: list[str]) -> None:
    cut = CUT(config(generator={"base_channels": 2, "num_blocks": num_blocks}), Task())
    assert list(cut.strides) == expected
    assert [cut.strides[layer] for layer in expected] == [1, 1, 2, 4, 4][: len(expected)]


def test_recipes_are_the_authors() -> None:
    for name, weight, identity, flip, epochs, decay in (("cut", 1.0, True, False, 400, 0.5), ("fastcut", 10.0, False, True, 200, 0.75)):
        recipe = load_config(ROOT / "configs" / f"{name}.yaml", [], CONFIGS)
        found = recipe.method
        assert (found.nce_weight, found.nce_identity, found.flip_equivariance) == (weight, identity, flip)
        assert (recipe.train.epochs, recipe.optim.decay_start, recipe.train.batch_size) == (epochs, decay, 1)
        assert (found.num_patches, found.temperature, found.projection_channels) == (256, 0.07, 256)
        for network in (found.generator, found.discriminator):
            assert (network.antialias, network.init, network.norm) == (True, "xavier", "instance")
    assert CUTConfig().model_dump() == load_config(ROOT / "configs/cut.yaml", [], CONFIGS).method.model_dump()


def test_mistakes_are_one_line() -> None:
    with pytest.raises(UserError, match=r"method\.nce_layers: 'blok1' is no layer .* did you mean 'block1'\?; it has pixels, stem"):
        method(nce_layers=["pixels", "blok1"])
    with pytest.raises(UserError, match=r"data\.domain_a\.channels is 1 and data\.domain_b\.channels 3"):
        CUT(config(), Task(channels_a=1, channels_b=3))
    with pytest.raises(UserError, match=r"method\.flip_equivariance: .* set method\.generator\.norm=instance"):
        method(flip_equivariance=True, generator={"norm": "batch"})
