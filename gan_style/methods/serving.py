"""The network that serves a translation: training's sample grids and inference both get it here, so they show the same pictures."""

from typing import Any

import torch
from torch import nn

from gan_style.methods import METHODS
from gan_style.networks import per_image_statistics


def serving_network(method: str, config: Any, in_channels: int, out_channels: int) -> nn.Module:
    """The translator of `method` (a key of `METHODS`), ready to run once its weights are loaded.

    config: the method's own, an instance of its `Config`. Every image is normalised by its own statistics, as in the papers'
    tests, so its result does not depend on the batch it is in; dropout is off; no gradients are kept. It is float32 and
    channels_last, which `.to(device)` and `load_state_dict` leave as they are. Its weights have the names of the trained
    network's; those it comes with mean nothing, and the global random state is left as it was.

    Two runs give the same bits on the same device with the same number of threads and images in a batch.
    """
    with torch.random.fork_rng(devices=[]):
        network = METHODS[method].translator(config, in_channels, out_channels)
    if METHODS[method].per_image_statistics:
        network = per_image_statistics(network)
    network = network.eval().requires_grad_(False)
    return network.float().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - its stubs leave it out
