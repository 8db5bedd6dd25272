"""`train.compile`: a compiled run is the run, with the weights of a plain one; what cannot be compiled runs as it is."""

from pathlib import Path
from typing import Any

import pytest
import torch
from compilers import recording, refusing
from tiny import make_trainer, micro_batches, tiny_config
from torch._dynamo.backends.common import aot_autograd

from gan_style.machine import compilation
from gan_style.machine.compilation import LONG, MOST_SIZES, chosen, compiled
from gan_style.methods import METHODS

# Each generator and discriminator of every method is followed by the compiler in tests/contract/test_tracing.py.
METHODS_OF_ALL_PLAYERS = ("pix2pix", "cyclegan", "cut")


def trained(name: str, tmp_path: Path, wanted: str, steps: int = 2, **sections: Any) -> Any:
    trainer = make_trainer(tiny_config(name, tmp_path, train={"compile": wanted}, **sections))
    for step in range(steps):
        trainer.step(step, micro_batches(step, 2))
    return trainer


def weights(trainer: Any) -> dict[str, torch.Tensor]:
    return {f"{name}.{key}": value for name, network in trainer.networks.items() for key, value in network.state_dict().items()}


@pytest.mark.parametrize("name", METHODS_OF_ALL_PLAYERS)
def test_networks_are_compiled_and_learn_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = recording(monkeypatch)
    plain, quick = (weights(trained(name, tmp_path, wanted)) for wanted in ("off", "on"))
    assert graphs
    assert plain.keys() == quick.keys()
    for key, value in plain.items():
        assert torch.equal(value, quick[key]), key


def test_a_network_that_cannot_be_compiled_runs_as_it_is_and_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch)
    plain = weights(trained("pix2pix", tmp_path, "off"))
    with pytest.warns(UserWarning, match=r"^train\.compile: \w+ is not compiled \(.*no kernel for this.*\); it runs as it is$") as told:
        quick = weights(trained("pix2pix", tmp_path, "on"))
    assert len([each for each in told if "train.compile" in str(each.message)]) == 2  # the generator and the discriminator
    assert all(torch.equal(value, quick[key]) for key, value in plain.items())


def test_a_backward_that_cannot_be_compiled_is_noticed_before_the_network_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_backward(graph: Any, inputs: Any) -> Any:
        raise NotImplementedError("no kernel for this backward")

    follow = aot_autograd(fw_compiler=lambda graph, inputs: graph.forward, bw_compiler=no_backward)
    torch._dynamo.reset()
    monkeypatch.setattr(compilation, "BACKEND", lambda graph, inputs, options=None: follow(graph, inputs))
    plain = weights(trained("pix2pix", tmp_path, "off"))
    with pytest.warns(
        UserWarning, match=r"^train\.compile: \w+ is not compiled \(.*no kernel for this backward\); it runs as it is$"
    ) as told:
        quick = weights(trained("pix2pix", tmp_path, "on"))
    assert len([each for each in told if "train.compile" in str(each.message)]) == 2
    assert all(torch.equal(value, quick[key]) for key, value in plain.items())


def test_compiled_code_that_meets_another_memory_format_than_it_expects_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    network = torch.nn.Conv2d(1, 1, 1)
    x, scope = torch.ones(1, 1, 2, 2), dict[str, Any]()
    exec("from torch._C._dynamo.guards import assert_size_stride\ndef code(*tensors): assert_size_stride(tensors[0], (9,), (9,))", scope)
    torch._dynamo.reset()
    monkeypatch.setattr(compilation, "BACKEND", lambda graph, inputs, options=None: scope["code"])
    expected = network(x)
    compiled("on", {"network": network})
    with pytest.warns(UserWarning, match=r"^train\.compile: network is not compiled \(AssertionError: .*\); it runs as it is$"):
        found = network(x)
    assert torch.equal(found, expected)
    assert torch.equal(network(x), expected)


def test_a_fault_of_a_network_is_no_failure_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("my own")

    monkeypatch.setattr(compilation, "BACKEND", "eager")
    network = Faulty()
    compiled("on", {"faulty": network})
    with pytest.raises(ValueError, match="my own"):
        network(torch.zeros(1))


@pytest.mark.parametrize(
    ("device", "processes", "steps", "expected"),
    [("cuda", 1, LONG, "graphs"), ("cuda", 1, LONG - 1, "off"), ("cuda", 2, LONG, "off"), ("cpu", 1, LONG, "off"), ("mps", 1, LONG, "off")],
)
def test_auto_compiles_where_it_pays(device: str, processes: int, steps: int, expected: str) -> None:
    assert chosen("auto", torch.device(device), processes, steps) == expected
    assert chosen("on", torch.device(device), processes, steps) == "on"


def test_off_leaves_a_network_as_it_is() -> None:
    network = torch.nn.Conv2d(1, 1, 1)
    assert compiled("off", {"network": network}) == []
    assert network._compiled_call_impl is None


@pytest.mark.parametrize("penalty", ["r1_weight", "gradient_penalty_weight"])
def test_a_network_that_is_differentiated_twice_runs_as_it_is(penalty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.compile cannot do it: with the discriminator compiled, the backward of its turn would end the run."""
    torch._dynamo.reset()
    monkeypatch.setattr(compilation, "BACKEND", "aot_eager")
    method = {penalty: 1.0, "discriminator": {"name": "patchgan", "base_channels": 4, "num_layers": 1, "norm": "instance"}}
    plain = weights(trained("pix2pix", tmp_path, "off", method=method))
    with pytest.warns(UserWarning, match=r"^train\.compile: discriminator is not compiled: .*; it runs as it is$") as told:
        quick = weights(trained("pix2pix", tmp_path, "on", method=method))
    assert len([each for each in told if "train.compile" in str(each.message)]) == 1
    for key, value in plain.items():
        torch.testing.assert_close(value, quick[key], atol=2e-5, rtol=0, msg=key)


def test_many_networks_of_one_class_do_not_share_the_number_of_compiled_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = recording(monkeypatch)
    networks = {f"number {number}": torch.nn.Conv2d(1, 1 + number, 1) for number in range(torch._dynamo.config.recompile_limit + 2)}
    assert compiled("on", networks) == list(networks)
    image = torch.rand(1, 1, 2, 2)
    for network in networks.values():
        torch.testing.assert_close(network(image), network.forward(image))
    assert len(graphs) == len(networks)


def test_sizes_beyond_the_first_run_uncompiled_and_one_warning_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = recording(monkeypatch)
    network = torch.nn.Conv2d(1, 1, 1)
    compiled("on", {"generator": network}, "--compile")
    with pytest.warns(UserWarning, match=f"^--compile: generator is compiled for {MOST_SIZES} sizes; ") as told:
        for _ in range(2):
            for size in range(2, MOST_SIZES + 5):
                image = torch.rand(1, 1, size, 3)
                torch.testing.assert_close(network(image), network.forward(image))
    assert len(told) == 1
    assert len(graphs) == MOST_SIZES


def test_each_size_is_compiled_for_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network is called without gradients, for its own, and for those of its input: torch keeps eight forms of a function by itself."""
    graphs = recording(monkeypatch)
    network = torch.nn.Conv2d(1, 1, 1)
    compiled("on", {"generator": network})
    for size in range(2, MOST_SIZES + 2):
        image = torch.rand(1, 1, size, 3)
        with torch.no_grad():
            network(image)
        network(image)
        network(image.requires_grad_())
    assert len(graphs) == 3 * MOST_SIZES


@pytest.mark.parametrize("name", METHODS)
def test_no_output_of_a_network_is_read_after_its_step(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`train.compile: graphs`: memory of the outputs of CUDA graphs is written anew in the next step. Here it becomes NaN."""
    outputs: list[torch.Tensor] = []
    steps: list[int] = []

    def backend(graph: Any, inputs: Any, options: Any = None) -> Any:
        assert options == {"deterministic": True, "triton.cudagraphs": True}

        def run(*values: Any) -> Any:
            given = {value.untyped_storage().data_ptr() for value in values if isinstance(value, torch.Tensor)}
            results = graph.forward(*values)
            made = [each.detach() for each in results if isinstance(each, torch.Tensor) and each.is_floating_point()]
            outputs.extend(each for each in made if each.untyped_storage().data_ptr() not in given)
            return results

        return run

    def next_step() -> None:
        steps.append(len(outputs))
        for output in outputs:
            output.fill_(torch.nan)
        outputs.clear()

    torch._dynamo.reset()
    monkeypatch.setattr(compilation, "BACKEND", backend)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", next_step)
    replaying = {"method": {"replay_buffer": 2}} if name in ("cyclegan", "dclgan") else {}
    plain, quick = (trained(name, tmp_path, wanted, steps=5, **replaying) for wanted in ("off", "graphs"))
    assert len(steps) == 5 and all(steps[1:]), "each step begins anew, and networks have outputs"
    assert all(parameter.grad is None for network in quick.networks.values() for parameter in network.parameters())
    expected = weights(plain)
    for key, value in weights(quick).items():
        assert torch.equal(value, expected[key]), key
