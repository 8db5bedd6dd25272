"""One training step in every layout and precision: python benchmarks/step.py [--size 128] [--rounds 5].

Prints, for each method and batch, times relative to float32 in NCHW of the same method and batch. The variants take turns, so
that what else the machine does meets all of them; ratios are medians over the rounds.
"""

import argparse
import statistics
import time

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from tqdm import tqdm

from gan_style.config.schema import OptimConfig, TrainConfig
from gan_style.engine.trainer import Trainer
from gan_style.methods import CONFIGS, METHODS
from gan_style.types import Batch, Task

NETWORKS = {
    "pix2pix": {"generator": {"base_channels": 32, "num_downs": 7}, "discriminator": {"base_channels": 32}},
    "cyclegan": {"generator": {"base_channels": 32, "num_blocks": 6}, "discriminator": {"base_channels": 32}},
}
VARIANTS = [(precision, channels_last) for precision in ("no", "bf16") for channels_last in (False, True)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.size} pixels, {options.rounds} rounds")
    for name in NETWORKS:
        for batch_size in (1, 4):
            report(name, batch_size, options.size, options.rounds)


def report(name: str, batch_size: int, size: int, rounds: int) -> None:
    """One line for each variant of one method at one batch size."""
    device = Accelerator().device
    keys = ("",) * batch_size
    images = torch.rand(2, batch_size, 3, size, size) * 2 - 1
    batch = Batch.of_two(images[0], images[1], keys, keys, tuple(range(batch_size)), tuple(range(batch_size)))
    times: dict[tuple[str, bool], list[float]] = {variant: [] for variant in VARIANTS}
    for turn in tqdm(range(rounds + 1), desc=f"{name}, batch {batch_size}", leave=False, disable=None):
        for variant in VARIANTS:
            elapsed = seconds(name, batch, *variant, device)
            if turn:  # the first round warms up
                times[variant].append(elapsed)
    base = times["no", False]
    print(f"{name}, batch {batch_size}: {statistics.median(base):.3f} s a step in float32 NCHW")
    for (precision, channels_last), measured in times.items():
        ratio = statistics.median(own / other for own, other in zip(measured, base, strict=True))
        print(f"    {'float32' if precision == 'no' else precision:8} {'channels_last' if channels_last else 'NCHW':14} {ratio:.2f}")


def seconds(name: str, batch: Batch, precision: str, channels_last: bool, device: torch.device) -> float:
    """The second of two steps of a fresh trainer."""
    AcceleratorState._reset_state(reset_partial_state=True)
    method = METHODS[name](CONFIGS[name].model_validate({"name": name, **NETWORKS[name]}), Task(batch_size=len(batch.slots)))
    train = TrainConfig.model_validate(
        {"steps": 2, "batch_size": len(batch.slots), "mixed_precision": precision, "channels_last": channels_last}
    )
    trainer = Trainer(method, train, OptimConfig(), Accelerator(mixed_precision=precision), 2)
    trainer.step(0, [batch])
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    trainer.step(1, [batch])
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
