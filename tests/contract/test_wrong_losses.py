"""The checks of `games` and `contrast` see mistakes in a method's losses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mistakes import complaints, generators_help, real_called_fake, seen, targets_exchanged
from tiny import make_trainer, micro_batches, tiny_config, weights

from gan_style.methods import contrast as shared
from gan_style.networks.layers.patches import draw_positions

ADVERSARIAL = ["pix2pix", "pix2pixhd", "cyclegan", "cut", "dclgan", "gan", "stargan", "dual"]


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_a_method_without_a_mistake_passes(name: str, tmp_path: Path) -> None:
    assert list(complaints(name, lambda method: None, tmp_path)) == []


def test_the_method_of_these_tests_is_a_sound_one(tmp_path: Path) -> None:
    """Two steps, in one batch or in parts: what the other contract tests ask of every method."""
    results = []
    for accumulate in (1, 2):
        trainer = make_trainer(tiny_config("dual", tmp_path, {"dtype": "float64", "accumulate": accumulate}))
        before = weights(trainer)
        for step in range(2):
            trainer.step(step, micro_batches(step, 2, accumulate))
        results.append(weights(trainer))
    assert all((results[0][key] - results[1][key]).abs().max() <= 1e-7 for key in before)
    assert {key.split("/")[0] for key in before if not torch.equal(before[key], results[0][key])} == trainer.networks.keys()


def exchanged(method: Any) -> None:
    judge = method.adversary.judge
    method.adversary.judge = lambda *given, real, fake, **rest: judge(*given, real=fake, fake=real, **rest)


@pytest.mark.parametrize("mistake", [exchanged, real_called_fake, targets_exchanged, generators_help])
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_a_game_with_a_wrong_sign_is_seen(name: str, mistake: Callable[[Any], None], tmp_path: Path) -> None:
    assert seen(name, mistake, tmp_path)


def one_fooled_twice(method: Any) -> None:
    method.fool = lambda name, batch, fake: method.adversary.fool(method.networks["discriminator_b"], batch, fake, name=name)


def each_fooled_by_the_other(method: Any) -> None:
    other = {"discriminator_a": "discriminator_b", "discriminator_b": "discriminator_a"}
    method.fool = lambda name, batch, fake: method.adversary.fool(method.networks[other[name]], batch, fake, name=name)


def judges_of_the_wrong_domain(method: Any) -> None:
    """Each is shown the translations of its domain, and real images of the other."""
    judge = method.adversary.judge

    def judged(network: Any, batch: Any, *, real: torch.Tensor, **rest: Any) -> Any:
        return judge(network, batch, real=batch.b if real is batch.a else batch.a, **rest)

    method.adversary.judge = judged


def no_one_fooled(method: Any) -> None:
    losses = method.losses
    method.losses = lambda *given: {name: loss for name, loss in losses(*given).items() if name != "adversarial_ab"}


@pytest.mark.parametrize("mistake", [one_fooled_twice, each_fooled_by_the_other, judges_of_the_wrong_domain, no_one_fooled])
@pytest.mark.parametrize("name", ["cyclegan", "dclgan", "dual"])
def test_the_wrong_discriminator_is_seen(name: str, mistake: Callable[[Any], None], tmp_path: Path) -> None:
    assert seen(name, mistake, tmp_path)


def with_outputs(changes: dict[str, str]) -> Callable[[Any], None]:
    """Outputs under the names of others."""

    def mistake(method: Any) -> None:
        translate = method.translate

        def exchanged(batch: Any) -> Any:
            outputs = translate(batch)
            return {**outputs, **{name: outputs[other] for name, other in changes.items()}}

        method.translate = exchanged

    return mistake


def negative(term: str) -> Callable[[Any], None]:
    def mistake(method: Any) -> None:
        losses = method.losses
        method.losses = lambda *given: {name: -loss if name == term else loss for name, loss in losses(*given).items()}

    return mistake


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("cyclegan", with_outputs({"reconstructed_a": "reconstructed_b"})),
        ("cyclegan", with_outputs({"reconstructed_a": "fake_a"})),
        ("cyclegan", with_outputs({"identity_b": "fake_b"})),
        ("dual", with_outputs({"identity_a": "identity_b", "identity_b": "identity_a"})),
        ("cyclegan", negative("cycle_b")),
        ("cyclegan", negative("identity_a")),
        ("pix2pix", negative("l1")),
    ],
    ids=["the other cycle", "half a cycle", "no identity", "identities exchanged", "cycle apart", "identity apart", "pairs apart"],
)
def test_wrong_cycles_identities_and_pairs_are_seen(name: str, mistake: Callable[[Any], None], tmp_path: Path) -> None:
    assert seen(name, mistake, tmp_path)


def head_of_the_source(method: Any) -> None:
    """Translations go through the head of the domain that they come from."""
    method.heads = lambda domain: method.networks["heads_a"]


def heads_of_the_other_domain(method: Any) -> None:
    right = method.heads
    method.contrast = lambda source, target, outputs: _with(method, heads=lambda domain: right(source)).contrast(source, target, outputs)


def encoder_of_the_source(method: Any) -> None:
    """The translation is encoded by the generator that made it."""
    right = method.encoder
    method.encoder = lambda domain: right("b" if domain == "a" else "a")


def one_encoder(method: Any) -> None:
    method.encoder = lambda domain: method.networks["generator_ab"]


def other_places(method: Any) -> None:
    distance = method.distance
    method.distance = lambda query, key: distance(query, key.roll(1, dims=1))


def away_from_the_source(method: Any) -> None:
    distance = method.distance
    method.distance = lambda query, key: -distance(query, key)


def from_torch(method: Any) -> None:
    """Positions of torch's global generator, the same for the whole batch."""

    def drawn(domain: str, images: torch.Tensor, batch: Any) -> Any:
        seed = int(torch.randint(2**31, ()))
        return draw_positions(method.strides, images.shape[2], images.shape[3], method.config.num_patches, [seed] * len(images))

    method.drawn = drawn


def of_the_other_image(method: Any) -> None:
    """Patches are compared with those of another image of the batch."""
    distance = method.distance
    method.distance = lambda query, key: distance(query, key.roll(1, dims=0))


def _with(method: Any, **parts: Any) -> Any:
    twin = object.__new__(type(method))
    twin.__dict__ = {**method.__dict__, **parts}
    twin.__dict__.pop("contrast", None)
    return twin


@pytest.mark.parametrize(
    "mistake",
    [
        head_of_the_source,
        heads_of_the_other_domain,
        encoder_of_the_source,
        one_encoder,
        other_places,
        away_from_the_source,
        from_torch,
        of_the_other_image,
    ],
)
def test_a_wrong_contrast_is_seen(mistake: Callable[[Any], None], tmp_path: Path) -> None:
    assert seen("dual", mistake, tmp_path)


def negated(monkeypatch: pytest.MonkeyPatch) -> None:
    patch_nce = shared.patch_nce
    monkeypatch.setattr(shared, "patch_nce", lambda query, key, *rest, **keys: -patch_nce(query, key, *rest, **keys))


def drawn_from_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(strides: Any, height: int, width: int, count: int, seeds: Any) -> Any:
        return draw_positions(strides, height, width, count, [int(torch.randint(2**31, ())) for _ in seeds])

    monkeypatch.setattr(shared, "draw_positions", drawn)


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    patch_nce = shared.patch_nce
    monkeypatch.setattr(shared, "patch_nce", lambda query, key, *rest, **keys: patch_nce(query, key.flip(1), *rest, **keys))


@pytest.mark.parametrize("mistake", [negated, drawn_from_torch, elsewhere])
@pytest.mark.parametrize("name", ["cut", "dclgan"])
def test_a_wrong_contrast_that_methods_share_is_seen(
    name: str, mistake: Callable[[Any], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)
    assert seen(name, lambda method: None, tmp_path)
