"""Training trajectories of the reference implementations: the same batches give the same losses and the same final weights."""

from typing import Any

import pytest
import torch
from accelerate import Accelerator
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


def method_config(spec: dict[str, Any]) -> dict[str, Any]:
    """Our configuration of the method that a vector was made with."""

    def network(section: dict[str, Any]) -> dict[str, Any]:
        return {"name" if key == "network" else key: value for key, value in section.items()}

    config = {"name": spec["method"], "adversarial": spec["adversarial"]}
    config |= {"generator": network(spec["generator"]), "discriminator": network(spec["discriminator"])}
    config |= {WEIGHTS[spec["method"]][name]: weight for name, weight in spec["weights"].items()}
    if spec["method"] == "cyclegan":
        config["replay_buffer"] = spec["replay_buffer"]
    return config


@pytest.mark.parametrize("channels_last", [True, False])
def test_training_trajectory(train_vectors: Vectors, channels_last: bool) -> None:
    spec = train_vectors.spec
    if spec["method"] not in WEIGHTS:
        pytest.skip(f"method {spec['method']}: not yet supported")
    kind = METHODS[spec["method"]]
    method = kind(kind.Config.model_validate(method_config(spec)), Task(batch_size=spec["batch_size"]))
    names = NETWORK_NAMES[spec["method"]]
    for theirs in spec["networks"]:
        network = method.networks[names[theirs]]
        network.load_state_dict(from_reference(train_vectors.under(f"init.{theirs}"), network))

    train = TrainConfig(steps=spec["steps"], batch_size=spec["batch_size"], dtype=spec["dtype"], channels_last=channels_last)
    optim = OptimConfig(lr=spec["lr"], beta1=spec["betas"][0], beta2=spec["betas"][1], schedule="constant")
    trainer = Trainer(method, train, optim, Accelerator(cpu=True), spec["steps"])
    slots = tuple(range(spec["batch_size"]))
    keys = ("",) * spec["batch_size"]
    for step in range(spec["steps"]):
        batch = Batch(train_vectors.tensors[f"A.{step}"], train_vectors.tensors[f"B.{step}"], keys, keys, slots, slots)
        losses = reference_losses(spec["method"], trainer.step(step, [batch]).losses)
        ours = torch.stack([losses[name].cpu() for name in spec["loss_names"]])
        torch.testing.assert_close(ours, train_vectors.tensors["losses"][step], rtol=1e-9, atol=0)

    for theirs in spec["networks"]:
        final = to_reference(trainer.networks[names[theirs]])
        expected = train_vectors.under(f"final.{theirs}")
        assert final.keys() == expected.keys()
        for key, value in expected.items():
            assert (final[key].cpu() - value).abs().max() <= 1e-6, f"{theirs}.{key}"
