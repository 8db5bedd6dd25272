"""What holds for every method, found by name: who moves when, exact resume, and a bundle that is the trained network."""

from pathlib import Path

import pytest
import torch
import yaml
from tiny import ROOT, SIZE, batch_of_every_domain, make_method, make_run, make_trainer, micro_batches, tiny_config, weights

from gan_style.bundles.file import load_bundle
from gan_style.conditions import Given
from gan_style.config.load import load_config
from gan_style.engine.trainer import Trainer
from gan_style.methods import CONFIGS, METHODS
from gan_style.types import Task, detach

METHOD_NAMES = sorted(METHODS)


def trained(trainer: Trainer, network: str) -> list[str]:
    """The parameters of a network that are meant to move."""
    return [key for key, _ in trainer.networks[network].named_parameters() if trainer.method.trains(network, key)]


def batch_size(name: str, folder: Path) -> int:
    """How many samples move every network: two, or more for a judge of each of several domains."""
    return len(batch_of_every_domain(make_method(tiny_config(name, folder)), 2).numbers)


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_two_steps_move_every_network_with_finite_losses(name: str, tmp_path: Path) -> None:
    size = batch_size(name, tmp_path)
    trainer = make_trainer(tiny_config(name, tmp_path, {"batch_size": size}))
    before = weights(trainer)
    for step in range(2):
        losses = trainer.step(step, micro_batches(step, size)).losses
        assert losses
        assert all(torch.isfinite(loss) and loss.ndim == 0 and not loss.requires_grad for loss in losses.values())
    after = weights(trainer)
    for network in trainer.networks:
        parameters = [f"{network}/{key}" for key in trained(trainer, network)]
        assert any(not torch.equal(before[key], after[key]) for key in parameters), f"{network} did not move"


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_a_turn_moves_the_players_networks_and_no_others(name: str, tmp_path: Path) -> None:
    """Each player alone: the gradients reach all its parameters, none of its opponents', and only its own move."""
    size = batch_size(name, tmp_path)
    for number, player in enumerate(METHODS[name](tiny_config(name, tmp_path).method, Task(batch_size=2, size=SIZE)).players):
        trainer = make_trainer(tiny_config(name, tmp_path, {"batch_size": size}))
        trainer.method.players = (trainer.method.players[number],)
        before = weights(trainer)
        trainer.step(0, micro_batches(0, size))
        after = weights(trainer)
        for network, module in trainer.networks.items():
            keys = [f"{network}/{key}" for key, _ in module.named_parameters()]
            moved = [key for key in keys if not torch.equal(before[key], after[key])]
            if network in player.networks:
                meant = [f"{network}/{key}" for key in trained(trainer, network)]
                assert moved == meant, f"{player.name} left {set(meant) - set(moved)} where they were, moved {set(moved) - set(meant)}"
            else:
                assert not moved, f"{player.name} moved {moved}"
                assert all(parameter.grad is None for parameter in module.parameters()), f"{player.name} left gradients on {network}"


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_every_network_belongs_to_one_player_and_serves_a_known_direction(name: str, tmp_path: Path) -> None:
    method = METHODS[name](tiny_config(name, tmp_path).method, Task(batch_size=2, size=SIZE))
    owned = [network for player in method.players for network in player.networks]
    assert sorted(owned) == sorted(method.networks)
    assert set(method.translators) <= {"a2b", "b2a"}
    assert set(method.translators.values()) <= set(method.networks)


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_translation_that_is_shown_to_an_opponent_has_no_graph(name: str, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config(name, tmp_path))
    outputs = trainer.method.translate(micro_batches(0, 2)[0])
    assert any(output.requires_grad for output in outputs.values())
    assert not any(output.requires_grad for output in detach(outputs).values())


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("name", METHOD_NAMES)
def test_stopped_and_resumed_equals_uninterrupted(name: str, channels_last: bool, tmp_path: Path) -> None:
    extras = {"channels_last": channels_last, "ema_decay": 0.9, "epochs": 4}
    straight, halved = tmp_path / "straight", tmp_path / "halved"
    whole = make_run(tiny_config(name, straight, train={"steps": 5, **extras}))
    assert whole.fit() == 0
    for steps in (2, 5):
        resumed = make_run(tiny_config(name, halved, train={"steps": steps, **extras}))
        assert resumed.fit() == 0
    expected, got = weights(whole.trainer), weights(resumed.trainer)
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[key], got[key]) for key in expected)
    for bundle in sorted((straight / "bundles").iterdir()):
        assert bundle.read_bytes() == (halved / "bundles" / bundle.name).read_bytes()


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_bundle_is_the_trained_network(name: str, tmp_path: Path) -> None:
    run = make_run(tiny_config(name, tmp_path))
    run.fit()
    for direction, network in run.trainer.method.translators.items():
        info, stored = load_bundle(tmp_path / "bundles" / f"{direction}.safetensors")
        assert (info.method, info.direction, info.step) == (name, direction, 4)
        translator = METHODS[name].translator(CONFIGS[name].model_validate(info.translator), info.in_channels, info.out_channels)
        translator.load_state_dict(stored)
        trained = run.trainer.networks[network].to(memory_format=torch.contiguous_format)  # as the translator is: the same bits
        images = torch.rand(2, 1, 3, SIZE, SIZE) * 2 - 1
        inputs = [given[None] for given in run.trainer.method.condition.inputs(Given(images[0, 0], images[1, 0]))]
        assert info.condition == METHODS[name].takes(CONFIGS[name].model_validate(info.translator))
        with torch.no_grad():
            assert torch.equal(translator.eval()(*inputs), trained.eval().forward(*inputs))  # not compiled


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_every_method_has_a_recipe_and_a_smoke_configuration(name: str) -> None:
    for path in (ROOT / "configs" / f"{name}.yaml", ROOT / "configs" / "smoke" / f"{name}.yaml"):
        assert load_config(path, [], CONFIGS).method.name == name


def test_every_configuration_file_is_valid() -> None:
    for path in sorted((ROOT / "configs").glob("**/*.yaml")):
        if "method" in yaml.safe_load(path.read_text()):
            load_config(path, [], CONFIGS)


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_a_configuration_names_the_domains_that_its_method_reads(name: str) -> None:
    assert CONFIGS[name].domains == (("a", "b") if METHODS[name].needs in ("pairs", "domains") else ("a",))
