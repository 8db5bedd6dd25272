"""Networks that a compiler and an exporter can follow: every translator and discriminator of every method, found by name."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import SIZE, TINY_NETWORKS, make_method, make_trainer, micro_batches, of_network, tiny_config
from tiny_networks import tiny_network
from torch import Tensor, nn

from gan_style.conditions import Given
from gan_style.config.network import NetworkConfig, kinds_of
from gan_style.methods import CONFIGS, METHODS
from gan_style.methods.serving import serving_network
from gan_style.networks import GENERATORS


def fields(section: str) -> dict[str, Any]:
    return {method: config.model_fields[section] for method, config in CONFIGS.items() if section in config.model_fields}


def networks_once(section: str) -> list[tuple[str, str, str]]:
    """(method, section, network): each network in the first method that takes it."""
    first: dict[type[NetworkConfig], tuple[str, str, str]] = {}
    for method, field in fields(section).items():
        for name, kind in kinds_of(field).items():
            first.setdefault(kind, (method, section, name))
    return [*first.values()]


def cases(section: str) -> list[tuple[str, str, str]]:
    """(method, section, network): each method with its own network, and each network in the first method that takes it."""
    own = [(method, section, field.default.name) for method, field in fields(section).items()]
    return sorted({*own, *networks_once(section)})


each_translator = pytest.mark.parametrize(("method", "name"), [each[::2] for each in cases("generator")])
each_generator = pytest.mark.parametrize(("method", "name"), [each[::2] for each in networks_once("generator")])
each_network = pytest.mark.parametrize(("method", "section", "name"), [*cases("generator"), *cases("discriminator")])


def config_with(method: str, section: str, name: str, folder: Path, **keys: Any) -> Any:
    """A tiny run with this network and those of `keys` that it has."""
    network = of_network(method, section, {**TINY_NETWORKS[section], "num_downs": 2, **keys, "name": name})
    return tiny_config(method, folder, method={section: network})


def served(method: str, name: str, folder: Path, **keys: Any) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network that serves a direction, and what it is given for one image."""
    trained = make_method(config_with(method, "generator", name, folder, **keys))
    config = CONFIGS[method].model_validate(trained.served_config())
    image = torch.rand(3, SIZE, SIZE) * 2 - 1
    inputs = METHODS[method].takes(config).inputs(Given(image, other=image.flip(2)))
    network = serving_network(method, config, 3, 3)
    network.load_state_dict(trained.networks[trained.translators["a2b"]].state_dict())
    return network, tuple(each[None] for each in inputs)


@each_translator
def test_a_served_translator_is_exported_in_one_graph(method: str, name: str, tmp_path: Path) -> None:
    """Strictly: a break of the graph is an error."""
    network, inputs = served(method, name, tmp_path)
    exported = torch.export.export(network, inputs, strict=True).module()
    torch.testing.assert_close(exported(*inputs), network(*inputs))


@each_generator
def test_so_is_one_whose_training_asked_for_more(method: str, name: str, tmp_path: Path) -> None:
    """What training asks for is the network's own, whatever method trains it."""
    norm = "instance" if method == "fast_style" else "batch"
    network, inputs = served(method, name, tmp_path, norm=norm, spectral_norm=True, activation_checkpointing=True, dropout=True)
    exported = torch.export.export(network, inputs, strict=True).module()
    torch.testing.assert_close(exported(*inputs), network(*inputs))


@each_network
def test_training_moves_buffers_in_place(method: str, section: str, name: str, tmp_path: Path) -> None:
    """A compiled or captured step finds them where they were: whenever a layer runs, also in a recomputation, its buffers are the tensors
    that they were at the start."""
    norm = "instance" if method == "fast_style" else "batch"
    config = config_with(method, section, name, tmp_path, norm=norm, spectral_norm=True, activation_checkpointing=True, dropout=True)
    trainer = make_trainer(config)
    modules = [module for network in trainer.networks.values() for module in network.modules()]
    begun = {module: [*module.buffers(recurse=False)] for module in modules}  # kept alive: no other tensor has its address
    checked = []

    def check(module: nn.Module, *_: Any) -> None:
        now = [*module.buffers(recurse=False)]
        assert len(now) == len(begun[module]) and all(one is other for one, other in zip(now, begun[module], strict=True))
        checked.append(module)

    for module in modules:
        module.register_forward_pre_hook(check)
    places = [buffer.data_ptr() for buffers in begun.values() for buffer in buffers]
    for step in range(2):
        trainer.step(step, micro_batches(step, 2))
    for module in modules:
        check(module)
    assert len(checked) > len(modules)
    assert [buffer.data_ptr() for buffers in begun.values() for buffer in buffers] == places


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("recompute", [False, True])
def test_a_compiled_generator_learns_the_same(name: str, recompute: bool) -> None:
    """In one graph; a recomputation alone breaks it, and its stages are compiled by themselves."""
    torch._dynamo.reset()
    results = []
    for compiled in (False, True):
        torch.manual_seed(0)
        keys = {"norm": "batch", "activation_checkpointing": recompute, "init_gain": 0.2}
        network = tiny_network(GENERATORS, name, in_channels=3, out_channels=3, **{**TINY_NETWORKS["generator"], "num_downs": 2}, **keys)
        run: Any = torch.compile(network, backend="eager", fullgraph=not recompute) if compiled else network
        for _ in range(2):
            run(torch.rand(2, 3, 16, 24)).square().mean().backward()
        results.append({key: value.grad for key, value in network.named_parameters()} | dict(network.named_buffers()))
    for key, value in results[0].items():
        assert value is None or torch.equal(value, results[1][key]), key
