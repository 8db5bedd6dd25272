"""A training step of ours beside a textbook's and beside the least that a step can take.

    python benchmarks/step.py [--work pix2pix-128 pix2pix-256 cyclegan-256 ...] [--batch 1 4 16] [--rounds 5] [--variant float32 bf16 ...]

For each work and batch, in one process, the variants take turns: the textbook's step (benchmarks/textbook.py: float32, NCHW, Adam without a
fused kernel), and ours by its own settings. Ratios are textbook / ours, the median over the rounds with the least and the greatest beside
it: above 1 ours is faster. `floor` is the time of the textbook's convolutions alone in the precision of the variant, each in the faster
memory format, and of the bytes that Adam must move. `operators` are those that a step dispatches, but for views; a compiled step has none
to count. On a CPU ours keeps freed
memory, as training does, and the textbook does not, as in a plain script.
Before anything is timed, ours and the textbook begin with the same weights, and their losses must agree. `--memory` measures the peak
memory of each variant in a process of its own.
"""

import argparse
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from floor import adam_seconds, convolutions_seconds, operators_of, seconds
from textbook import TEXTBOOK
from torch import Tensor
from tqdm import tqdm

from gan_style.config.schema import OptimConfig, TrainConfig
from gan_style.engine.trainer import Trainer
from gan_style.machine.allocator import keeping_freed_memory
from gan_style.machine.device import cuda_settings
from gan_style.methods import CONFIGS, METHODS
from gan_style.types import Batch, Task

WORKS: dict[str, dict[str, Any]] = {
    "pix2pix-128": {"name": "pix2pix", "generator": {"num_downs": 7, "dropout": False}},
    "pix2pix-256": {"name": "pix2pix", "generator": {"dropout": False}},
    "cyclegan-256": {"name": "cyclegan", "replay_buffer": 0},
    "cut-256": {"name": "cut"},
    "pix2pixhd-256": {"name": "pix2pixhd"},
}
PRECISIONS = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
VARIANTS: dict[str, dict[str, Any]] = {
    "configured": {},
    "float32": {"mixed_precision": "no", "compile": "off"},
    "float32 NCHW": {"mixed_precision": "no", "compile": "off", "channels_last": False},
    "float32 NHWC": {"mixed_precision": "no", "compile": "off", "channels_last": True},
    "bf16": {"mixed_precision": "bf16", "compile": "off"},
    "bf16 NCHW": {"mixed_precision": "bf16", "compile": "off", "channels_last": False},
    "bf16 NHWC": {"mixed_precision": "bf16", "compile": "off", "channels_last": True},
    "bf16 compiled": {"mixed_precision": "bf16", "compile": "on"},
    "bf16 graphs": {"mixed_precision": "bf16", "compile": "graphs"},
    "fp16": {"mixed_precision": "fp16", "compile": "off"},
}
HEAD = "| | s a step (least) | textbook / it (least, greatest) | floor s | floor / it | operators |"
DEFAULTS = ("float32", "float32 NCHW", "float32 NHWC", "bf16", "bf16 NCHW", "bf16 NHWC")


@dataclass
class Ours:
    """A trainer, and the state of accelerate that belongs to it: accelerate keeps one for a process."""

    trainer: Trainer
    batch: Batch
    state: dict[str, Any]
    steps: int = 0
    times: list[float] = field(default_factory=list)

    def step(self) -> dict[str, Tensor]:
        """One step; its losses."""
        AcceleratorState._shared_state.clear()
        AcceleratorState._shared_state.update(self.state)
        self.steps += 1
        return self.trainer.step(self.steps - 1, [self.batch]).losses


def ours(work: str, images: Tensor, settings: dict[str, Any]) -> Ours:
    """A trainer of this work. images: [2, B, 3, H, W], domains A and B"""
    AcceleratorState._reset_state(reset_partial_state=True)
    batch_size, config = images.shape[1], WORKS[work]
    torch.manual_seed(0)
    method = METHODS[config["name"]](CONFIGS[config["name"]].model_validate(config), Task(batch_size=batch_size, size=images.shape[-1]))
    train = TrainConfig.model_validate({"steps": 2, "batch_size": batch_size, **settings})
    accelerator = Accelerator(mixed_precision=train.mixed_precision)
    trainer = Trainer(method, train, OptimConfig(), accelerator, 2)
    keys, places = ("",) * batch_size, tuple(range(batch_size))
    batch = Batch.of_two(images[0], images[1], keys, keys, places, places)
    return Ours(trainer, batch, dict(AcceleratorState._shared_state))


def textbook(work: str, images: Tensor, weights: Ours | None = None) -> tuple[Callable[[], dict[str, Tensor]], list[torch.nn.Module]]:
    """The textbook's step of this work, and its networks, which begin with the weights of ours."""
    book = TEXTBOOK[WORKS[work]["name"]](images.shape[-1])
    for network in book.networks:
        network.to(images.device)
    if weights:
        theirs = [parameter for network in book.networks for parameter in network.parameters()]
        own = [parameter for network in weights.trainer.networks.values() for parameter in network.parameters()]
        for mine, source in zip(theirs, own, strict=True):
            mine.data.copy_(source.data)
    return lambda: book.step(images[0], images[1]), book.networks


def check_equal(work: str, images: Tensor) -> None:
    """Compare the losses of the first step. Losses whose patches are drawn are left out."""
    mine = ours(work, images, {"mixed_precision": "no", "compile": "off"})
    step, _ = textbook(work, images, mine)
    with cuda_settings(tf32=False, benchmark=False):
        theirs, own = step(), mine.step()
    for name, value in theirs.items():
        if "nce" not in name and abs(own[name] - value) > 1e-3 * abs(value):
            raise SystemExit(f"{work}: the textbook's {name} is {float(value):.6f}, ours {float(own[name]):.6f}")


def compare(work: str, batch_size: int, variants: list[str], rounds: int, memory: bool) -> None:
    """Print one table."""
    size = int(work.rpartition("-")[2])
    images = torch.rand(2, batch_size, 3, size, size, device=Accelerator().device) * 2 - 1
    device = images.device
    check_equal(work, images)
    step, networks = textbook(work, images)
    runs = {name: ours(work, images, VARIANTS[name]) for name in variants}
    base: list[float] = []
    for turn in tqdm(range(rounds + 1), desc=f"{work}, batch {batch_size}", leave=False, disable=None):
        taken = second_of_two(step, device)
        base += [taken] if turn else []  # the first turn warms up
        for run in runs.values():
            with as_training_runs(device):
                taken = second_of_two(run.step, device)
            run.times += [taken] if turn else []

    recorded = operators_of(step)
    moved = adam_seconds(networks, device)
    floors = {dtype: convolutions_seconds(recorded, device, dtype) for dtype in {PRECISIONS[_precision(run)] for run in runs.values()}}
    print(f"\n### {work}, batch {batch_size}\n")
    print(f"Adam's bytes {moved:.3g} s; convolutions " + ", ".join(f"{_name(dtype)} {each:.3g} s" for dtype, each in floors.items()) + "\n")
    print(HEAD + (" GiB |" if memory else "") + "\n|---|---|---|---|---|---|" + ("---|" if memory else ""))
    _row("textbook", base, base, floors.get(torch.float32, 0) + moved, recorded.count, _peak(work, batch_size, None) if memory else None)
    for name, run in runs.items():
        floor = floors[PRECISIONS[_precision(run)]] + moved
        compiled = run.trainer.train_config.compile in ("on", "graphs")
        count = None if compiled else operators_of(run.step).count
        _row(name, run.times, base, floor, count, _peak(work, batch_size, name) if memory else None)


def as_training_runs(device: torch.device) -> AbstractContextManager[None]:
    """The settings of the process while it trains, by the defaults of `train.tf32` and `train.cudnn_benchmark`."""
    return keeping_freed_memory() if device.type == "cpu" else cuda_settings(tf32=True, benchmark=True)


def second_of_two(step: Callable[[], object], device: torch.device) -> float:
    """The time of the second of two steps: the first takes the memory that the turn of another variant has returned."""
    step()
    return seconds(step, device)


def _row(name: str, times: list[float], base: list[float], floor: float, operators: int | None, peak: str | None) -> None:
    ratios = sorted(other / own for own, other in zip(times, base, strict=True))
    middle = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}, {ratios[-1]:.2f})"
    taken = f"{statistics.median(times):.4g} ({min(times):.4g})"
    line = f"| {name} | {taken} | {middle} | {floor:.4g} | {floor / min(times):.2f} | {operators or '-'} |"
    print(line + (f" {peak} |" if peak else ""), flush=True)


def _precision(run: Ours) -> str:
    return str(run.state["_mixed_precision"])


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _peak(work: str, batch_size: int, variant: str | None) -> str:
    command = [sys.executable, __file__, "--one", work, str(batch_size), variant or "textbook"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.split()[-1] if done.returncode == 0 else "-"


def peak(work: str, batch_size: int, variant: str) -> str:
    """The peak memory in GiB of two steps in this process: what torch had allocated on a GPU, all that was resident on a CPU."""
    size = int(work.rpartition("-")[2])
    images = torch.rand(2, batch_size, 3, size, size, device=Accelerator().device) * 2 - 1
    step = textbook(work, images)[0] if variant == "textbook" else ours(work, images, VARIANTS[variant]).step
    for _ in range(2):
        step()
    unit = 1 if sys.platform == "darwin" else 1024
    bytes_ = torch.cuda.max_memory_allocated() if images.is_cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f"{bytes_ / 2**30:.2f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--batch", nargs="+", type=int, default=None, help="batch sizes (default: 1 on a CPU; 1, 4 and 16 on a GPU)")
    parser.add_argument("--variant", nargs="+", choices=VARIANTS, default=list(DEFAULTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="measure the peak memory too, each variant in a process of its own")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    if options.one:
        print(peak(options.one[0], int(options.one[1]), options.one[2]))
        return
    on_gpu = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if on_gpu else f"CPU, {torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {device}, {options.rounds} rounds")
    for work in options.work:
        for batch_size in options.batch or ((1, 4, 16) if on_gpu else (1,)):
            compare(work, batch_size, options.variant, options.rounds, options.memory)


if __name__ == "__main__":
    main()
