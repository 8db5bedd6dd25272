"""pix2pixHD: its losses by hand, its parts in training, stopped and resumed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import SIZE, make_run, make_trainer, micro_batches, tiny_config, weights
from torch import Tensor, nn

from gan_style.bundles.file import load_bundle
from gan_style.errors import UserError
from gan_style.methods.pix2pixhd import Pix2PixHD, Pix2PixHDConfig
from gan_style.types import Batch, Task

GENERATORS: dict[str, dict[str, Any]] = {
    "global": {},
    "coarse-to-fine": {"num_downs": 2},
    "spade": {"num_downs": 2, "norm": "batch"},
    "unet": {},
    "resnet": {},
}
COLOURS = ["#000000", "#ff0000", "#808080"]


def variant(name: str, run_dir: Path, train: dict[str, Any] | None = None, **method: Any) -> Any:
    """A tiny configuration with this generator."""
    generator = {"name": name, "base_channels": 4, "num_blocks": 1, "num_downs": 3, **GENERATORS[name], **method.pop("generator", {})}
    return tiny_config("pix2pixhd", run_dir, train, method={"generator": generator, **method})


class Answer(nn.Module):
    """A discriminator of two scales whose scores and features are plain functions of what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> list[Tensor]:
        self.seen.append(x)
        return self.judged(x)[0]

    def judged(self, x: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        score = x[:, -1:].mean((2, 3), keepdim=True)
        return [score * self.weight, score], [[2 * x, 3 * x], [4 * x, 5 * x]]


class Brighter(nn.Module):
    """The true output of these tests, but for a trained share."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.25))

    def forward(self, _: Tensor | None, encoded: Tensor) -> Tensor:
        return self.value.expand(len(encoded), 1, *encoded.shape[2:])


def by_hand(**keys: object) -> Pix2PixHD:
    method = Pix2PixHD(Pix2PixHDConfig.model_validate({"name": "pix2pixhd", "generator": {"base_channels": 1}, **keys}), Task(1, 1))
    method.networks = {"generator": Brighter(), "discriminator": Answer()}
    return method


BATCH = Batch.of_two(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4), ("a",), ("b",), (0,), (0,))


def test_losses_are_the_papers_arithmetic() -> None:
    """Scores of the fake are 0.125 and 0.25, of the real 0.5 and 1; features differ by 0.75 in one of two channels."""
    method = by_hand()
    outputs = method.translate(BATCH)
    discriminator, generator = method.players
    judged = {name: loss.item() for name, loss in method.losses(discriminator, BATCH, outputs).items()}
    assert judged == pytest.approx({"discriminator_fake": 0.5 * (0.125**2 + 0.25**2), "discriminator_real": 0.5 * 0.5**2})
    learned = {name: loss.item() for name, loss in method.losses(generator, BATCH, outputs).items()}
    distance = 0.75 / 2
    expected = {"adversarial": 0.875**2 + 0.75**2, "feature_matching": 10 * ((2 + 3) * distance + (4 + 5) * distance) / 2}
    assert learned == pytest.approx(expected)
    assert "feature_matching" not in by_hand(feature_weight=0).losses(generator, BATCH, outputs)


def test_the_discriminator_sees_classes_and_edges_beside_both_outputs() -> None:
    config = Pix2PixHDConfig.model_validate(
        {"name": "pix2pixhd", "generator": {"base_channels": 1}, "labels": {"colours": ["#00", "#ff"], "edges": "labels"}}
    )
    method = Pix2PixHD(config, Task(1, 1))
    assert method.networks["discriminator"].scales[0].layers[0].conv.in_channels == 2 + 1 + 1  # type: ignore[union-attr,index]
    method.networks = {"generator": Brighter(), "discriminator": Answer()}
    labels = torch.tensor([[[[-1.0, -1.0, 1.0]]]])
    batch = Batch.of_two(labels, torch.ones(1, 1, 1, 3), ("a",), ("b",), (0,), (0,))
    method.losses(method.players[0], batch, method.translate(batch))
    (seen,) = method.networks["discriminator"].seen  # type: ignore[union-attr,misc]
    encoded = [[[1, 1, 0]], [[0, 0, 1]], [[0, 1, 1]]]
    assert seen.tolist() == [[*encoded, [[0.25] * 3]], [*encoded, [[1.0] * 3]]]


def test_b2a_swaps_the_domains() -> None:
    config = Pix2PixHDConfig.model_validate({"name": "pix2pixhd", "direction": "b2a", "generator": {"base_channels": 1, "num_blocks": 0}})
    method = Pix2PixHD(config, Task(channels_a=1, channels_b=2))
    assert method.translators == {"b2a": "generator"}
    batch = Batch.of_two(torch.zeros(1, 1, 4, 4), torch.ones(1, 2, 4, 4), ("a",), ("b",), (0,), (0,))
    assert method.translate(batch)["fake"].shape == (1, 1, 4, 4)


@pytest.mark.parametrize("precision", ["no", "bf16"])
@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_trains_on_classes(name: str, precision: str, tmp_path: Path) -> None:
    config = variant(name, tmp_path, {"mixed_precision": precision}, labels={"colours": COLOURS, "edges": "labels"})
    trainer = make_trainer(config)
    before = weights(trainer)
    for step in range(2):
        losses = trainer.step(step, micro_batches(step, 2)).losses
        assert all(loss.isfinite() for loss in losses.values())
    after = weights(trainer)
    moved = [key for key in before if not torch.equal(before[key], after[key])]
    assert {key.partition("/")[0] for key in moved} == {"generator", "discriminator"}


@pytest.mark.parametrize("name", ["coarse-to-fine", "spade"])
def test_stopped_and_resumed_equals_uninterrupted(name: str, tmp_path: Path) -> None:
    """With activation checkpointing, classes, and a coarse part that rests for 3 of 5 steps."""
    extras: dict[str, Any] = {"generator": {"activation_checkpointing": True}, "labels": {"colours": COLOURS}}
    extras |= {"fixed_steps": 3} if name == "coarse-to-fine" else {}
    whole = make_run(variant(name, tmp_path / "straight", {"steps": 5, "epochs": 4, "ema_decay": 0.9}, **extras))
    assert whole.fit() == 0
    for steps in (2, 4, 5):
        resumed = make_run(variant(name, tmp_path / "halved", {"steps": steps, "epochs": 4, "ema_decay": 0.9}, **extras))
        assert resumed.fit() == 0
    expected, got = weights(whole.trainer), weights(resumed.trainer)
    assert [key for key in expected if not torch.equal(expected[key], got[key])] == []
    bundle = "bundles/a2b.safetensors"
    assert (tmp_path / "straight" / bundle).read_bytes() == (tmp_path / "halved" / bundle).read_bytes()


def test_activation_checkpointing_trains_to_the_same_bits(tmp_path: Path) -> None:
    results = []
    for recompute in (False, True):
        trainer = make_trainer(variant("spade", tmp_path, generator={"activation_checkpointing": recompute}))
        for step in range(3):
            trainer.step(step, micro_batches(step, 2))
        results.append(weights(trainer))
    assert all(torch.equal(results[0][key], results[1][key]) for key in results[0])


def test_the_coarse_part_rests_and_then_moves_as_from_the_beginning(tmp_path: Path) -> None:
    """Adam's first step is as long as the learning rate, whenever it comes: bias correction counts the part's own steps."""
    trainer = make_trainer(variant("coarse-to-fine", tmp_path, fixed_steps=2))
    states = [weights(trainer)]
    for step in range(3):
        trainer.step(step, micro_batches(step, 2))
        states.append(weights(trainer))
    coarse = [key for key in states[0] if key.startswith("generator/generator.coarse.")]
    others = [key for key in states[0] if key.startswith("generator/") and key not in coarse]
    assert coarse and others
    for step in (0, 1):
        assert all(torch.equal(states[step][key], states[step + 1][key]) for key in coarse)
        assert any(not torch.equal(states[step][key], states[step + 1][key]) for key in others)
    lr = trainer.optim_config.lr
    lengths = torch.cat([(states[3][key] - states[2][key]).flatten().abs() for key in coarse])
    assert 0.9 * lr < lengths.quantile(0.9) < 1.1 * lr


def test_coarse_to_fine_begins_with_a_trained_global_generator(tmp_path: Path) -> None:
    labels = {"colours": COLOURS}
    make_run(variant("global", tmp_path / "coarse", generator={"num_downs": 2}, labels=labels)).fit()
    bundle = tmp_path / "coarse/bundles/a2b.safetensors"
    info, stored = load_bundle(bundle)
    assert info.translator["labels"]["colours"] == COLOURS
    config = variant("coarse-to-fine", tmp_path / "fine", coarse_from=str(bundle), fixed_steps=1, labels=labels)
    run = make_run(config)
    own = run.trainer.networks["generator"].state_dict()
    coarse = {key: value for key, value in stored.items() if key.startswith("generator.coarse.")}
    assert len(coarse) == sum(key.startswith("generator.coarse.") for key in own)
    assert all(torch.equal(own[key], value) for key, value in coarse.items())
    run.fit()
    bundle.unlink()  # what serves needs it no more
    info, stored = load_bundle(tmp_path / "fine/bundles/a2b.safetensors")
    assert (info.translator["coarse_from"], info.translator["fixed_steps"]) == (None, 0)
    served = Pix2PixHD.translator(Pix2PixHDConfig.model_validate(info.translator), 3, 3)
    served.load_state_dict(stored)
    assert served(torch.zeros(1, 3, SIZE, SIZE)).shape == (1, 3, SIZE, SIZE)


def test_wrong_uses_are_one_line(tmp_path: Path) -> None:
    def refused(message: str, **method: Any) -> None:
        with pytest.raises(UserError, match=message):
            make_trainer(variant(method.pop("name", "coarse-to-fine"), tmp_path / "run", **method))

    make_run(variant("global", tmp_path / "coarse")).fit()
    bundle = str(tmp_path / "coarse/bundles/a2b.safetensors")
    make_run(tiny_config("pix2pix", tmp_path / "other")).fit()
    refused("a bundle of pix2pix; give one of pix2pixhd", coarse_from=str(tmp_path / "other/bundles/a2b.safetensors"))
    refused(r"no\.safetensors: no such file or folder", coarse_from="no.safetensors")
    refused(r"generator\.num_downs is 3, not 2; take the same", coarse_from=bundle)
    refused("other channels, classes or edges", coarse_from=bundle, generator={"num_downs": 3}, labels={"colours": COLOURS})
    refused("coarse_from and fixed_steps need generator.name coarse-to-fine, not global", name="global", coarse_from=bundle)
    refused("coarse_from and fixed_steps need generator.name coarse-to-fine, not spade", name="spade", fixed_steps=3)
    refused("not shown as label maps; set data.domain_a.labels=yes", labels={"edges": "labels"})
    refused("needs an alpha channel, but .*channels is 3", labels={"edges": "alpha", "colours": COLOURS})
    refused("#00 is no colour of 3 channels", labels={"colours": ["#00"]})
    refused("with one_hot false: set colours to null", labels={"colours": COLOURS, "one_hot": False})
    refused(r"colours\.0: 'red' is no colour", labels={"colours": ["red"]})
    refused("'relu1_1=x' must be LAYER or LAYER=WEIGHT", perceptual_layers=["relu1_1=x"])
    refused("each layer once", perceptual_layers=["relu1_1=2", "relu1_1"])
