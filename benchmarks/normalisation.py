"""What instance normalisation costs inside a generator, and which ways to compute it are right.

Every way trains the same small residual generator (forward and backward) on the same images; runs are interleaved, round by
round, so that a busy machine slows all ways alike. Printed for each: the median of its time over that of `contiguous, NCHW` in
the same round (smaller is faster), and the error of the gradient against float64 arithmetic, relative to its norm.

    python benchmarks/normalisation.py [--device cuda] [--bf16] [--size 128] [--rounds 7]
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.networks import GENERATORS, build
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.networks.layers import normalisation

Normalise = Callable[..., Tensor]
ours = normalisation.normalise_each_image
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


class _ContiguousGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0].contiguous()


def torch_instance_norm(x: Tensor, *_: Any) -> Tensor:
    return F.instance_norm(x)


def contiguous(x: Tensor, *_: Any) -> Tensor:
    return _ContiguousGradient.apply(F.instance_norm(x.contiguous()))


def arithmetic(x: Tensor, *_: Any) -> Tensor:
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + normalisation.EPSILON)


def split_batch_norm(x: Tensor, *_: Any) -> Tensor:
    return torch.cat([F.batch_norm(image, None, None, training=True) for image in x.split(1)])


WAYS: dict[str, Normalise] = {
    "contiguous": contiguous,
    "F.instance_norm": torch_instance_norm,
    "arithmetic": arithmetic,
    "split, batch_norm": split_batch_norm,
    "gan_style": ours,
}


@contextmanager
def normalising_by(way: Normalise) -> Iterator[None]:
    """All our instance normalisations computed by `way`."""
    normalisation.normalise_each_image = way
    try:
        yield
    finally:
        normalisation.normalise_each_image = ours


def forward_backward(network: nn.Module, images: Tensor, weights: Tensor, bf16: bool) -> float:
    """Seconds for one pass both ways; the gradients are left in `network`."""
    network.zero_grad()
    synchronise = torch.cuda.synchronize if images.is_cuda else (lambda: None)
    synchronise()
    start = time.perf_counter()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bf16):
        output = network(images)
    (output.to(weights.dtype) * weights).mean().backward()
    synchronise()
    return time.perf_counter() - start


def gradient(network: nn.Module) -> Tensor:
    return torch.cat([parameter.grad.flatten().double() for parameter in network.parameters() if parameter.grad is not None])


def measure(batch: int, arguments: argparse.Namespace) -> None:
    torch.manual_seed(0)
    config = ResnetConfig(base_channels=arguments.channels, num_blocks=arguments.blocks)
    network = build(GENERATORS, config, in_channels=3, out_channels=3).to(arguments.device)
    images = torch.rand(batch, 3, arguments.size, arguments.size, device=arguments.device) * 2 - 1
    weights = torch.randn_like(images)
    exact = copy.deepcopy(network).double()
    with normalising_by(arithmetic):
        forward_backward(exact, images.double(), weights.double(), bf16=False)
    truth = gradient(exact)
    del exact

    networks = {name: copy.deepcopy(network).to(memory_format=layout) for name, layout in FORMATS.items()}
    times: dict[tuple[str, str], list[float]] = {(way, name): [] for way in WAYS for name in FORMATS}
    errors: dict[tuple[str, str], float] = {}
    for round_number in range(-1, arguments.rounds):
        for way, name in times:
            layout = FORMATS[name]
            with normalising_by(WAYS[way]):
                seconds = forward_backward(
                    networks[name], images.to(memory_format=layout), weights.to(memory_format=layout), arguments.bf16
                )
            if round_number < 0:  # to warm up, and to compare
                errors[way, name] = ((gradient(networks[name]) - truth).norm() / truth.norm()).item()
            else:
                times[way, name].append(seconds)
    base = times["contiguous", "NCHW"]
    print(f"\nbatch {batch}: contiguous, NCHW takes {statistics.median(base):.3f} s")
    for (way, name), seconds in times.items():
        ratio = statistics.median(mine / other for mine, other in zip(seconds, base, strict=True))
        verdict = "" if errors[way, name] < (0.3 if arguments.bf16 else 1e-2) else "   WRONG"
        print(f"  {way:18} {name:14} x {ratio:.2f}   gradient error {errors[way, name]:.0e}{verdict}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true", help="run the network in bfloat16 autocast")
    parser.add_argument("--size", type=int, default=128, help="pixels of the square images")
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4])
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {arguments.device}, {torch.get_num_threads()} threads, {'bf16' if arguments.bf16 else 'float32'}")
    for batch in arguments.batches:
        measure(batch, arguments)


if __name__ == "__main__":
    main()
