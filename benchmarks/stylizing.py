"""Seconds to stylize one picture by each method: python benchmarks/stylizing.py [--size 256] [--steps 500] [--rounds 5].

Networks have the sizes of their recipes and random weights: arithmetic is that of any others. fast_style and adain take turns, so that
what else the machine does meets both; adain is measured with a style it has seen before, and with a new one, which it has to encode.
Gatys runs once, with all of its steps.
"""

import argparse
import statistics
from collections.abc import Callable

import floor
import torch

from gan_style.commands.options import device_option
from gan_style.config.load import load_config
from gan_style.machine.device import choose_device
from gan_style.methods import CONFIGS, METHODS
from gan_style.methods.serving import serving_network
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.translation.gatys import CONTENT_LAYERS, STYLE_LAYERS, Settings, Style, optimise


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    device_option(parser)
    options = parser.parse_args()
    device = choose_device(options.device)
    photo, picture = (torch.rand(2, 1, 3, options.size, options.size, generator=torch.Generator().manual_seed(0)) * 2 - 1).to(device)

    def network(name: str) -> torch.nn.Module:
        config = load_config(name, [], CONFIGS).method
        served = serving_network(name, config, 3, 3)
        served.load_state_dict(METHODS[name].translator(config, 3, 3).state_dict())
        return served.to(device)

    fast = network("fast_style")
    adain = network("adain")
    encoded = [adain.encode(picture)]  # type: ignore[operator]
    styles = len(load_config("fast_style", [], CONFIGS).method.styles)
    one, share = torch.eye(styles, device=device)[:1], torch.ones(1, 1, device=device)
    forwards: dict[str, Callable[[], torch.Tensor]] = {
        "fast_style": lambda: fast(photo, one),
        "adain, a known style": lambda: adain(photo, features=encoded, shares=share),
        "adain, a new style": lambda: adain(photo, picture, shares=share),
    }
    seconds: dict[str, list[float]] = {name: [] for name in forwards}
    for round in range(options.rounds + 1):
        for name, forward in forwards.items():
            taken = floor.seconds(forward, device)
            if round:  # the first one warms up
                seconds[name].append(taken)
    vgg = VGGFeatures("vgg19", [*STYLE_LAYERS, *CONTENT_LAYERS], "random", "avg").to(device)
    gatys = floor.seconds(lambda: optimise(vgg, photo, [Style(picture)], Settings(steps=options.steps)), device)

    print(f"torch {torch.__version__}, {device.type}, {torch.get_num_threads()} threads, {options.size} pixels, {options.rounds} rounds\n")
    print("| method | seconds a picture | of fast_style |\n|---|---|---|")
    fastest = statistics.median(seconds["fast_style"])
    for name, taken in (*((name, statistics.median(each)) for name, each in seconds.items()), (f"gatys, {options.steps} steps", gatys)):
        print(f"| {name} | {taken:.3g} | {taken / fastest:.3g} |")


if __name__ == "__main__":
    main()
