"""`train.compile`: a compiled run is the run, with the weights of a plain one; what cannot be compiled runs as it is."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import make_trainer, micro_batches, tiny_config

from gan_style.engine import compilation
from gan_style.engine.compilation import compiled

# Each generator and discriminator of every method is followed by the compiler in tests/contract/test_tracing.py.
METHODS_OF_ALL_PLAYERS = ("pix2pix", "cyclegan", "cut")


def trained(name: str, tmp_path: Path, wanted: str) -> Any:
    trainer = make_trainer(tiny_config(name, tmp_path, train={"compile": wanted}))
    for step in range(2):
        trainer.step(step, micro_batches(step, 2))
    return trainer


def weights(trainer: Any) -> dict[str, torch.Tensor]:
    return {f"{name}.{key}": value for name, network in trainer.networks.items() for key, value in network.state_dict().items()}


@pytest.mark.parametrize("name", METHODS_OF_ALL_PLAYERS)
def test_networks_are_compiled_and_learn_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    monkeypatch.setattr(compilation, "BACKEND", backend)
    plain, quick = (weights(trained(name, tmp_path, wanted)) for wanted in ("off", "on"))
    assert graphs
    assert plain.keys() == quick.keys()
    for key, value in plain.items():
        assert torch.equal(value, quick[key]), key


def test_a_network_that_cannot_be_compiled_runs_as_it_is_and_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise NotImplementedError("no kernel for this")

    torch._dynamo.reset()
    monkeypatch.setattr(compilation, "BACKEND", backend)
    plain = weights(trained("pix2pix", tmp_path, "off"))
    with pytest.warns(UserWarning, match=r"^train\.compile: \w+ is not compiled \(.*no kernel for this.*\); it runs as it is$") as told:
        quick = weights(trained("pix2pix", tmp_path, "on"))
    assert len([each for each in told if "train.compile" in str(each.message)]) == 2  # the generator and the discriminator
    assert all(torch.equal(value, quick[key]) for key, value in plain.items())


def test_a_fault_of_a_network_is_no_failure_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("my own")

    monkeypatch.setattr(compilation, "BACKEND", "eager")
    network = Faulty()
    compiled("on", {"faulty": network}, torch.device("cpu"))
    with pytest.raises(ValueError, match="my own"):
        network(torch.zeros(1))


def test_auto_compiles_on_a_gpu_alone() -> None:
    network = torch.nn.Conv2d(1, 1, 1)
    assert compiled("auto", {"network": network}, torch.device("cpu")) == compiled("off", {"network": network}, torch.device("cuda")) == []
    assert network._compiled_call_impl is None
    assert compiled("auto", {"network": network}, torch.device("cuda")) == ["network"]
