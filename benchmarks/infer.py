"""Seconds to translate a folder of pictures: python benchmarks/infer.py [--pictures 6] [--rounds 3] [--compile] [--device cpu].

`gan-style infer`'s own loop in float32 and bf16 beside a plain script, as users write it: load the weights, then for each picture PIL,
ToTensor, Normalize, a forward in float32 and NCHW, and PIL's PNG. The generator is a ResNet-9 with drawn weights. All take turns in
one process, so that what else the machine does meets all of them; ratios are medians over the rounds. Loading is timed apart, and with
`--compile` the first round too, in which the compiler works. "Busy" is processor time over wall time: 2.0 keeps two cores busy.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import torch
from drawn import HEIGHT, WIDTH, drawn_bundle, drawn_picture
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from gan_style.commands.options import device_option
from gan_style.files import images
from gan_style.machine.device import Precision, choose_device
from gan_style.translation.inputs import Job
from gan_style.translation.pipeline import Translation
from gan_style.translation.predictor import Predictor

OURS: dict[str, tuple[Precision, bool]] = {  # precision, compiled?
    "fp32": ("fp32", False),
    "bf16": ("bf16", False),
    "fp32, compiled": ("fp32", True),
    "bf16, compiled": ("bf16", True),
}
Taken = tuple[float, float]  # seconds on the clock, and of the processor


class PlainBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for last in (False, True):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
            layers += [] if last else [nn.ReLU(True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


def plain_network(k: int, blocks: int) -> nn.Sequential:
    """The generator of CycleGAN in torch's own layers (1703.10593, appendix 7.2); its weights come in the order of ours."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, k, 7), nn.InstanceNorm2d(k), nn.ReLU(True)]
    for c in (k, 2 * k):
        layers += [nn.Conv2d(c, 2 * c, 3, 2, 1), nn.InstanceNorm2d(2 * c), nn.ReLU(True)]
    layers += [PlainBlock(4 * k) for _ in range(blocks)]
    for c in (4 * k, 2 * k):
        layers += [nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1), nn.InstanceNorm2d(c // 2), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(k, 3, 7), nn.Tanh())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--base-channels", type=int, default=64)
    parser.add_argument("--compile", action="store_true", help="measure the compiled network too")
    device_option(parser)
    options = parser.parse_args()
    device = choose_device(options.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    print(
        f"torch {torch.__version__}, {name}, {torch.get_num_threads()} threads, {options.pictures} pictures of {WIDTH} x {HEIGHT}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bundle, state = draw_bundle(root, options.base_channels)
        sources = [drawn_picture(root / "in" / f"{number}.jpg", number) for number in range(options.pictures)]
        measure(root, bundle, state, sources, device, options)


def measure(root: Path, bundle: Path, state: Path, sources: list[Path], device: torch.device, options: argparse.Namespace) -> None:
    """Print a table, and how far results differ from the plain script's."""
    predictors: dict[str, Predictor] = {}
    loads: dict[str, list[Taken]] = {}
    ways: dict[str, Callable[[Path], None]] = {}
    plain: list[nn.Module] = []
    for _ in range(options.rounds):
        with timed(loads.setdefault("plain", [])):
            network = plain_network(options.base_channels, 9)
            network.load_state_dict(torch.load(state, weights_only=True))
            plain = [network.eval().to(device)]
        for name, (precision, compiled) in OURS.items():
            if options.compile or not compiled:
                with timed(loads.setdefault(name, [])):
                    predictors[name] = Predictor.load(bundle, device.type, precision, compiled)
    ways["plain"] = lambda output: plain_script(plain[0], sources, output, device)
    for name, predictor in predictors.items():
        ways[name] = lambda output, predictor=predictor: ours(predictor, sources, output)
    runs: dict[str, list[Taken]] = {name: [] for name in ways}
    for turn in range(options.rounds + 1):
        for name, way in ways.items():
            taken: list[Taken] = []
            with timed(taken):
                way(root / name)
            runs[name] += taken if turn else []  # the first round warms up
            if not turn and "compiled" in name:
                print(f"{name}: {taken[0][0]:.1f} s for the first round, with compilation")
    columns = ["", "load, s", "wall, s (least, median, most)", "processor, s", "busy", "plain / this, wall", "processor"]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name, taken in runs.items():
        wall, processor = ([each[place] for each in taken] for place in (0, 1))
        ratios = [statistics.median(a[place] / b[place] for a, b in zip(runs["plain"], taken, strict=True)) for place in (0, 1)]
        spread = f"{min(wall):.2f}, {statistics.median(wall):.2f}, {max(wall):.2f}"
        load = statistics.median(each[0] for each in loads[name])
        busy = statistics.median(p / w for w, p in taken)
        print(f"| {name} | {load:.2f} | {spread} | {statistics.median(processor):.2f} | {busy:.2f} | {ratios[0]:.2f} | {ratios[1]:.2f} |")
    print()
    for name in predictors:
        print(f"{name}: at most {largest_difference(root / 'plain', root / name)} of 255 from the plain script's results")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def ours(predictor: Predictor, sources: list[Path], output: Path) -> None:
    """The loop of `gan-style infer`."""
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        translation = Translation(predictor, overwrite=True)
        translation.run([Job(source, output / f"{source.stem}.png") for source in sources])
    if translation.tally.failures:
        sys.exit(translation.tally.failures[0])


@torch.no_grad()
def plain_script(network: nn.Module, sources: list[Path], output: Path, device: torch.device) -> None:
    """What a script does that reads, translates and writes one picture after the other."""
    from torchvision import transforms

    convert = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
    output.mkdir(exist_ok=True)
    for source in sources:
        picture: Any = convert(Image.open(source).convert("RGB"))
        result = network(picture[None].to(device))[0]
        pixels = ((result.permute(1, 2, 0) + 1) / 2 * 255).round().byte().cpu().numpy()
        Image.fromarray(pixels).save(output / f"{source.stem}.png")


@contextmanager
def timed(into: list[Taken]) -> Iterator[None]:
    """Note the seconds of the block."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    into.append((time.perf_counter() - wall, time.process_time() - processor))


def draw_bundle(root: Path, channels: int) -> tuple[Path, Path]:
    """A bundle with drawn weights, and the same as a state dict of `plain_network`."""
    bundle, network = drawn_bundle(root, channels)
    names = plain_network(channels, 9).state_dict().keys()
    weights = dict(zip(names, in_order(network, load_file(bundle)), strict=True))
    torch.save(weights, root / "plain.pth")
    return bundle, root / "plain.pth"


def in_order(network: nn.Module, weights: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The weights in the order in which the network uses them."""
    return [weights[name] for name in network.state_dict()]


def largest_difference(one: Path, other: Path) -> int:
    """The largest difference of two folders' pictures, of 255."""
    pairs = [(images.read(path, 3).pixels, images.read(other / path.name, 3).pixels) for path in sorted(one.iterdir())]
    return max(int(np.abs(a.astype(int) - b.astype(int)).max()) for a, b in pairs)


if __name__ == "__main__":
    main()
