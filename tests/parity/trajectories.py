"""Training by our method along a trajectory of a reference: what a file of kind `train` asks for."""

from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor
from vectors import Vectors

from gan_style.config.schema import OptimConfig, TrainConfig
from gan_style.engine.trainer import Trainer
from gan_style.interop.pytorch_cyclegan import NETWORK_NAMES, from_reference, reference_losses, to_reference
from gan_style.methods import METHODS
from gan_style.types import Batch, Task

# The reference's words for our keys, by method.
WEIGHTS = {
    "pix2pix": {"l1": "l1_weight"},
    "cyclegan": {"cycle_a": "cycle_weight_a", "cycle_b": "cycle_weight_b", "identity": "identity_weight"},
}


def method_config(spec: dict[str, Any]) -> Any:
    """Our configuration of the method that a vector was made with."""

    def network(section: dict[str, Any]) -> dict[str, Any]:
        return {"name" if key == "network" else key: value for key, value in section.items()}

    config = {"name": spec["method"], "adversarial": spec["adversarial"]}
    config |= {"generator": network(spec["generator"]), "discriminator": network(spec["discriminator"])}
    config |= {WEIGHTS[spec["method"]][name]: weight for name, weight in spec["weights"].items()}
    if spec["method"] == "cyclegan":
        config["replay_buffer"] = spec["replay_buffer"]
    return METHODS[spec["method"]].Config.model_validate(config)


def run(vectors: Vectors, channels_last: bool) -> tuple[Tensor, dict[str, dict[str, Tensor]]]:
    """Our losses [steps, names] in the order of the spec's names, and our final weights, by the reference's names of networks and layers.

    KeyError for a loss that our method does not have, or does not give though its weight is not 0.
    """
    spec = vectors.spec
    if spec["method"] not in WEIGHTS:
        pytest.skip(f"method {spec['method']}: not yet supported")
    config = method_config(spec)
    method = METHODS[spec["method"]](config, Task(batch_size=spec["batch_size"]))
    names = NETWORK_NAMES[spec["method"]]
    for theirs in spec["networks"]:
        network = method.networks[names[theirs]]
        network.load_state_dict(from_reference(vectors.under(f"init.{theirs}"), network))

    train = TrainConfig(steps=spec["steps"], batch_size=spec["batch_size"], dtype=spec["dtype"], channels_last=channels_last)
    optim = OptimConfig(lr=spec["lr"], beta1=spec["betas"][0], beta2=spec["betas"][1], schedule="constant")
    AcceleratorState._reset_state(reset_partial_state=True)  # whatever precision another test had
    trainer = Trainer(method, train, optim, Accelerator(cpu=True), spec["steps"])
    slots = tuple(range(spec["batch_size"]))
    keys = ("",) * spec["batch_size"]
    steps: list[Tensor] = []
    for step in range(spec["steps"]):
        batch = Batch.of_two(vectors.tensors[f"A.{step}"], vectors.tensors[f"B.{step}"], keys, keys, slots, slots)
        losses = reference_losses(config, trainer.step(step, [batch]).losses)
        steps.append(torch.stack([losses[name].cpu() for name in spec["loss_names"]]))
    return torch.stack(steps), {theirs: to_reference(trainer.networks[names[theirs]]) for theirs in spec["networks"]}


def check(vectors: Vectors, channels_last: bool) -> None:
    """Our losses and final weights are the file's."""
    losses, networks = run(vectors, channels_last)
    torch.testing.assert_close(losses, vectors.tensors["losses"], rtol=1e-9, atol=0)
    for theirs, final in networks.items():
        expected = vectors.under(f"final.{theirs}")
        assert final.keys() == expected.keys()
        for key, value in expected.items():
            assert (final[key].cpu() - value).abs().max() <= 1e-6, f"{theirs}.{key}"
