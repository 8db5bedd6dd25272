"""Peak memory and time of a training step by generator, size and batch, with and without activation checkpointing.

    python benchmarks/memory.py [--generators global spade] [--sizes 128 256] [--batches 1 2] [--base-channels 32] [--precision no]

pix2pixhd on label maps of 8 classes, its discriminator with three scales, no VGG. Each row runs in a process of its own, two steps, the
second of which is timed. On a GPU the memory is what torch had allocated at most (nvidia-smi shows more: the CUDA context and what torch
keeps in reserve) and the time is the clock's; on a CPU it is the peak resident memory of the process, of which about 0.4 GiB are the
libraries, and the time is CPU time, whatever else the machine does.
"""

import argparse
import itertools
import resource
import subprocess
import sys
import time

import torch
from accelerate import Accelerator

from gan_style.config.network import having_key
from gan_style.config.schema import OptimConfig, TrainConfig
from gan_style.engine.trainer import Trainer
from gan_style.methods import CONFIGS, METHODS
from gan_style.networks import GENERATORS, configs
from gan_style.types import Batch, Task

RECOMPUTING = having_key(configs(GENERATORS), "activation_checkpointing")
COLOURS = [f"#{level:02x}{level:02x}{level:02x}" for level in range(0, 256, 32)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generators", nargs="+", default=["global", "coarse-to-fine", "spade"], choices=RECOMPUTING)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256], help="side in pixels")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--base-channels", type=int, default=32, help="of the generator and the discriminator; 64 in the papers")
    parser.add_argument("--precision", default="no", choices=("no", "bf16", "fp16"))
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, size, batch, recompute = options.one
        print(*measure(name, int(size), int(batch), recompute == "True", options.base_channels, options.precision))
        return
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {device}, {options.base_channels} base channels, precision {options.precision}\n")
    print("| generator | pixels | batch | GiB | with checkpointing | s a step | with checkpointing |\n|---|---|---|---|---|---|---|")
    for name, size, batch in itertools.product(options.generators, options.sizes, options.batches):
        kept, recomputed = (in_a_process(name, size, batch, recompute, options) for recompute in (False, True))
        print(f"| {name} | {size} | {batch} | {kept[0]} | {recomputed[0]} | {kept[1]} | {recomputed[1]} |", flush=True)


def in_a_process(name: str, size: int, batch: int, recompute: bool, options: argparse.Namespace) -> list[str]:
    """GiB and seconds; dashes where there was no room."""
    one = ["--one", name, str(size), str(batch), str(recompute)]
    command = [sys.executable, __file__, "--base-channels", str(options.base_channels), "--precision", options.precision, *one]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and "OutOfMemory" not in done.stderr and "can't allocate memory" not in done.stderr:
        raise SystemExit(done.stderr)
    return done.stdout.split()[-2:] if done.returncode == 0 else ["-", "-"]


def measure(name: str, size: int, batch_size: int, recompute: bool, base_channels: int, precision: str) -> tuple[str, str]:
    """Peak memory in GiB and seconds of a step, measured in this process."""
    torch.set_flush_denormal(True)
    generator = {"name": name, "base_channels": base_channels, "activation_checkpointing": recompute}
    keys = {"generator": generator, "discriminator": {"base_channels": base_channels}, "labels": {"colours": COLOURS}}
    method = METHODS["pix2pixhd"](CONFIGS["pix2pixhd"].model_validate({"name": "pix2pixhd", **keys}), Task(batch_size=batch_size))
    train = TrainConfig.model_validate({"steps": 2, "batch_size": batch_size, "mixed_precision": precision})
    accelerator = Accelerator(mixed_precision=precision)
    trainer = Trainer(method, train, OptimConfig(), accelerator, 2)
    names, places = ("",) * batch_size, tuple(range(batch_size))
    a, b = torch.rand(2, batch_size, 3, size, size) * 2 - 1
    on_gpu = accelerator.device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    start = 0.0
    for step in range(2):
        start = clock()
        trainer.step(step, [Batch.of_two(a, b, names, names, places, places)])
        if on_gpu:
            torch.cuda.synchronize()
    seconds = clock() - start
    unit = 1 if sys.platform == "darwin" else 1024
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f"{peak / 2**30:.2f}", f"{seconds:.2f}"


if __name__ == "__main__":
    main()
