"""Where a training step's time goes: python benchmarks/shares.py [--work pix2pix-256 ...] [--variant configured bf16] [--steps 3].

torch.profiler over a few steps of benchmarks/step.py's works: the time of each operator without those that it calls, summed by kind. Prints
a table of shares, which other work on the machine changes less than seconds. On a GPU the times are the GPU's. The first steps warm up.
"""

import argparse

import torch
from accelerate import Accelerator
from step import VARIANTS, WORKS, as_training_runs, ours
from torch.profiler import ProfilerActivity, profile

# Kind -> beginnings of operators' names, the first that fits
KINDS = {
    "convolutions, backward": ("convolution_backward", "mkldnn_convolution_backward"),
    "convolutions, forward": ("mkldnn_convolution", "convolution", "_convolution", "cudnn_convolution", "_slow_conv2d", "thnn_conv"),
    "matrix products": ("mm", "addmm", "bmm", "linear", "matmul"),
    "normalisation": (
        "native_batch_norm",
        "_native_batch_norm",
        "batch_norm",
        "cudnn_batch_norm",
        "native_group_norm",
        "native_layer_norm",
    ),
    "Adam": ("_fused_adam",),
    "casts and copies": ("copy_", "_to_copy", "to", "clone", "contiguous", "cat", "stack"),
    "padding": ("reflection_pad", "constant_pad", "pad"),
    "activations": ("relu", "leaky_relu", "threshold", "tanh", "sigmoid", "elu", "gelu"),
    "sums and norms": ("sum", "mean", "linalg_vector_norm", "_foreach_norm", "norm"),
    "additions and products": ("add", "mul", "div", "sub", "_foreach_"),
    "memory set to 0": ("fill_", "zero_", "zeros"),
}


def shares(work: str, batch_size: int, variant: str, steps: int) -> tuple[float, dict[str, float]]:
    """(seconds a step in operators, kind -> share)."""
    size = int(work.rpartition("-")[2])
    images = torch.rand(2, batch_size, 3, size, size, device=Accelerator().device) * 2 - 1
    run = ours(work, images, VARIANTS[variant])
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * images.is_cuda
    with as_training_runs(images.device):
        for _ in range(2):
            run.step()
        with profile(activities=activities) as recorded:
            for _ in range(steps):
                run.step()
    taken: dict[str, float] = {}
    for event in recorded.key_averages():
        spent = event.self_device_time_total if images.is_cuda else event.self_cpu_time_total
        kind = kind_of(event.key)
        taken[kind] = taken.get(kind, 0.0) + spent
    total = sum(taken.values())
    return total / steps / 1e6, {kind: spent / total for kind, spent in taken.items()}


def kind_of(operator: str) -> str:
    """The kind of an operator, as the profiler calls it."""
    name = operator.removeprefix("aten::").removeprefix("mkldnn::")
    return next((kind for kind, beginnings in KINDS.items() if name.startswith(beginnings)), "everything else")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs="+", choices=WORKS, default=["pix2pix-128", "pix2pix-256"])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--variant", nargs="+", choices=VARIANTS, default=["configured", "bf16"])
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    for work in options.work:
        found = {variant: shares(work, options.batch, variant, options.steps) for variant in options.variant}
        print(f"\n### {work}, batch {options.batch}\n\n| | {' | '.join(found)} |\n|---|{'---|' * len(found)}")
        print(f"| seconds in operators | {' | '.join(f'{seconds:.3g}' for seconds, _ in found.values())} |")
        for kind in [*KINDS, "everything else"]:
            row = [parts.get(kind, 0.0) for _, parts in found.values()]
            if max(row) >= 0.001:
                print(f"| {kind} | {' | '.join(f'{100 * share:.1f} %' for share in row)} |", flush=True)


if __name__ == "__main__":
    main()
