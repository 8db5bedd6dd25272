"""The device that computes, chosen alike by training and every other command, and the precisions that it supports."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from gan_style.errors import UserError

Precision = Literal["no", "fp32", "bf16", "fp16"]  # training says "no" for all of float32, infer.py "fp32"


def choose_device(name: str = "auto") -> torch.device:
    """The device called `auto`, `cpu`, `cuda` or `mps`. `UserError` if the machine does not have it.

    `auto` takes the first of CUDA, Apple's MPS and the CPU that exists. It takes the CPU if ACCELERATE_USE_CPU is set.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device("cpu" if cpu_is_asked_for() else next(kind for kind in there if there[kind]))
    if name not in there:
        raise UserError(f"device: {name!r} is none of auto, {', '.join(there)}")
    if not there[name]:
        raise UserError(f"--device {name}: torch sees no {'Apple ' if name == 'mps' else ''}GPU here; take --device cpu or auto")
    return torch.device(name)


def cpu_is_asked_for() -> bool:
    """Is ACCELERATE_USE_CPU set, as accelerate reads it?"""
    return os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes", "y", "on", "t")  # as accelerate reads it


def check_precision(precision: Precision, device: torch.device, key: str, full: Precision) -> None:
    """`UserError` if the device cannot compute in `precision`, or only by emulation, which is slower than float32.

    key: the option's name in messages; full: the value of the option that means float32
    """
    if precision not in (full, "bf16", "fp16"):
        raise UserError(f"{key}: {precision!r} is none of {full}, bf16, fp16")
    if precision == "fp16" and device.type == "cpu":
        raise UserError(f"{key}: fp16 needs a GPU, and this runs on the CPU; take bf16 or {full}")
    if precision != "bf16":
        return
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise UserError(f"{key}: {torch.cuda.get_device_name()} has no bf16; take fp16 or {full}")
    if device.type == "mps" and not torch.backends.mps.is_macos_or_newer(14, 0):
        raise UserError(f"{key}: bf16 on Apple's GPUs needs macOS 14; take fp16 or {full}")


def multiplies_bf16(device: torch.device) -> bool:
    """Does the hardware multiply matrices in bf16 faster than in float32?"""
    if device.type == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    return device.type == "cpu" and (torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def cuda_settings(tf32: bool, benchmark: bool) -> Iterator[None]:
    """While entered, CUDA multiplies float32 in TF32 or not, and cuDNN measures which kernel is the fastest for each size or not."""
    matmul: Any = torch.backends.cuda.matmul
    cudnn: Any = torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = tf32, tf32, benchmark
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before


@contextmanager
def flushing_denormal() -> Iterator[None]:
    """While entered, this thread treats denormal numbers as 0. Adam's second moments become denormal, which slows CPUs down."""
    before = (torch.tensor(1e-310, dtype=torch.float64) * 0.5).item() == 0.0  # torch can set this state, but not return it
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def seed_networks(seed: int, device: torch.device) -> None:
    """Seed torch's generators of the CPU and of `device`. It is `torch.manual_seed` without the other devices.

    `torch.manual_seed` formats a traceback at each call in a process that has not used a GPU, which takes a millisecond.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index].manual_seed(seed)
    elif device.type != "cpu":
        torch.manual_seed(seed)
