"""Setting up accelerate: one process or many, precision, and launches that are refused because a GAN has several networks."""

import os
import warnings

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs

from gan_style.config.schema import TrainConfig
from gan_style.engine.agreement import PATIENCE
from gan_style.errors import UserError
from gan_style.machine.device import check_precision, choose_device, cpu_is_asked_for
from gan_style.methods.base import Method
from gan_style.networks.layers.together import batch_independent

# Variables that `accelerate launch` sets for launches that split one network with one optimizer.
_REFUSED = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "parallelism_config",
}


def training_device(train: TrainConfig) -> torch.device:
    """The kind of device that training uses. `UserError` if it does not support the configured precision."""
    device = choose_device()
    if train.mixed_precision != "auto":  # which the device supports
        check_precision(train.mixed_precision, device, "train.mixed_precision", "no")
    if train.compile == "graphs" and device.type != "cuda":
        raise UserError(f"train.compile: graphs are of CUDA GPUs, and this runs on {device.type}; take auto or on")
    if train.dtype == "float64" and device.type == "mps":
        raise UserError("train.dtype: Apple's GPUs have no float64; take float32, or set ACCELERATE_USE_CPU=true")
    return device


def make_accelerator(train: TrainConfig) -> Accelerator:
    """Make the accelerator of this process. `UserError` for a launch or a precision that cannot work."""
    for variable, name in _REFUSED.items():
        if os.environ.get(variable, "").lower() == "true":
            raise UserError(
                f"{name} splits one network with one optimizer, and a GAN has several of both: "
                "launch with torchrun or accelerate launch --multi_gpu (docs/guide/distributed.md)"
            )
    device, launched = training_device(train), int(os.environ.get("WORLD_SIZE", "1"))
    if launched > 1 and device.type == "cpu" and not cpu_is_asked_for():
        raise _apart(launched)
    # Buffers differ between processes only under BatchNorm, whose in-place broadcast breaks two forwards before a backward.
    ddp = DistributedDataParallelKwargs(broadcast_buffers=False, gradient_as_bucket_view=True)
    accelerator = Accelerator(
        cpu=device.type == "cpu",
        mixed_precision=train.mixed_precision,
        kwargs_handlers=[ddp, InitProcessGroupKwargs(timeout=PATIENCE)],
        step_scheduler_with_optimizer=False,
    )
    if launched > accelerator.num_processes:
        raise _apart(launched)
    return accelerator


def _apart(launched: int) -> UserError:
    """The error for processes that do not find each other. Each would train alone, in the same run folder."""
    return UserError(
        f"{launched} processes were launched, but they do not find each other: there is no GPU, or LOCAL_RANK is not set; "
        "on CPUs set ACCELERATE_USE_CPU=true and launch with torchrun (docs/guide/distributed.md)"
    )


def synchronise_batch_norm(method: Method, accelerator: Accelerator) -> None:
    """Make BatchNorm normalise by the batch of all GPUs, as in one process. The CPU has no such kernel; there a warning says so."""
    if accelerator.num_processes == 1:
        return
    for name, network in method.networks.items():
        if batch_independent(network):
            continue
        if accelerator.device.type == "cuda":
            if name in method.differentiated_twice:  # pytorch/pytorch#61222
                raise UserError(
                    "method.gradient_penalty_weight and method.r1_weight need second derivatives of the discriminators, which batch "
                    "normalisation over several GPUs does not have: set method.discriminator.norm=instance"
                )
            method.networks[name] = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)
        elif accelerator.is_main_process:
            warnings.warn(
                f"{name}: on CPUs each process normalises its own part of the batch; norm: instance does not depend on it", stacklevel=2
            )
