"""Training trajectories of the reference implementations: the same batches give the same losses and the same final weights."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from trajectories import check, method_config, run
from vectors import Vectors, read_vectors

from gan_style.interop.pytorch_cyclegan import NETWORK_NAMES, to_reference
from gan_style.methods import METHODS
from gan_style.methods.cyclegan import CycleGAN
from gan_style.types import Task


@pytest.mark.parametrize("channels_last", [True, False])
def test_training_trajectory(train_vectors: Vectors, channels_last: bool) -> None:
    check(train_vectors, channels_last)


LOSSES = {
    "cyclegan": ["D_A", "G_A", "cycle_A", "idt_A", "D_B", "G_B", "cycle_B", "idt_B"],
    "pix2pix": ["G_GAN", "G_L1", "D_real", "D_fake"],
}
WEIGHTS = {"cyclegan": {"cycle_a": 10, "cycle_b": 10, "identity": 0.5}, "pix2pix": {"l1": 100}}
# What a weight of 0 makes 0.
ZERO = {"identity": ["idt_A", "idt_B"], "cycle_a": ["cycle_A", "idt_B"], "cycle_b": ["cycle_B", "idt_A"], "l1": ["G_L1"]}


def made_up(folder: Path, method: str, **weights: float) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The spec and the tensors of a file in the form of the golden ones, whose trajectory is our method's own.

    Losses of a term whose weight is 0 are listed as 0, written by hand.
    """
    spec: dict[str, Any] = {
        "kind": "train",
        "dtype": "float64",
        "steps": 2,
        "batch_size": 1,
        "lr": 2e-4,
        "betas": [0.5, 0.999],
        "loss_names": LOSSES[method],
        "networks": list(NETWORK_NAMES[method]),
        "replay_buffer": 0,
        "method": method,
        "generator": {"network": "resnet", "num_blocks": 1, "base_channels": 2, "norm": "instance", "dropout": False},
        "discriminator": {"network": "patchgan", "num_layers": 1, "base_channels": 2, "norm": "instance"},
        "adversarial": "lsgan",
        "weights": WEIGHTS[method] | weights,
    }
    torch.manual_seed(0)
    tensors = {
        f"{domain}.{step}": torch.rand(1, 3, 16, 16, dtype=torch.float64) * 2 - 1 for domain in "AB" for step in range(spec["steps"])
    }
    networks = METHODS[method](method_config(spec), Task()).networks
    for theirs, ours in NETWORK_NAMES[method].items():
        tensors |= {f"init.{theirs}.{key}": value.clone() for key, value in to_reference(networks[ours]).items()}
    zero = {name for weight, value in weights.items() if value == 0 for name in ZERO[weight]}
    present = [name for name in LOSSES[method] if name not in zero]
    losses, final = run(Vectors(folder, {**spec, "loss_names": present}, tensors), channels_last=True)
    columns = dict(zip(present, losses.unbind(1), strict=True))
    tensors["losses"] = torch.stack([columns.get(name, torch.zeros(spec["steps"], dtype=torch.float64)) for name in LOSSES[method]], dim=1)
    for theirs, state in final.items():
        tensors |= {f"final.{theirs}.{key}": value.float() for key, value in state.items()}
    return spec, tensors


def read_back(folder: Path, spec: dict[str, Any], tensors: dict[str, Tensor]) -> Vectors:
    path = folder / "made_up.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, {"spec": json.dumps(spec)})
    return read_vectors(path)


@pytest.mark.parametrize(
    ("method", "weights"),
    [
        ("cyclegan", {}),
        ("cyclegan", {"identity": 0}),
        ("cyclegan", {"cycle_a": 0}),
        ("cyclegan", {"identity": 0.0, "cycle_a": 0, "cycle_b": 0}),
        ("pix2pix", {}),
        ("pix2pix", {"l1": 0}),
    ],
    ids=str,
)
def test_a_term_that_is_switched_off_is_listed_as_0(method: str, weights: dict[str, float], tmp_path: Path) -> None:
    check(read_back(tmp_path, *made_up(tmp_path, method, **weights)), channels_last=True)


def test_a_term_that_is_switched_off_is_not_what_a_file_pleases(tmp_path: Path) -> None:
    spec, tensors = made_up(tmp_path, "cyclegan", identity=0)
    tensors["losses"][0, LOSSES["cyclegan"].index("idt_A")] = 1.0
    with pytest.raises(AssertionError, match="not close"):
        check(read_back(tmp_path, spec, tensors), channels_last=True)


def test_a_loss_of_another_name_is_not_taken_for_one_that_is_off(tmp_path: Path) -> None:
    spec, tensors = made_up(tmp_path, "cyclegan", identity=0)
    spec["loss_names"] = ["idt_C" if name == "idt_A" else name for name in spec["loss_names"]]
    with pytest.raises(KeyError, match="idt_C"):
        check(read_back(tmp_path, spec, tensors), channels_last=True)


def test_a_term_that_has_a_weight_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, tensors = made_up(tmp_path, "cyclegan")
    losses = CycleGAN.losses
    monkeypatch.setattr(CycleGAN, "losses", lambda *given: {name: loss for name, loss in losses(*given).items() if name != "identity_b"})
    with pytest.raises(KeyError, match="idt_A"):
        check(read_back(tmp_path, spec, tensors), channels_last=True)
