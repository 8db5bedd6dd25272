"""The network that translates. Both the sample grids of training and inference use it, so they show the same pictures."""

from typing import Any

import torch
from torch import nn

from gan_style.methods import METHODS
from gan_style.networks import per_image_statistics
from gan_style.networks.uninitialised import uninitialised


def serving_network(method: str, config: Any, in_channels: int, out_channels: int, running: bool = False) -> nn.Module:
    """The translator of `method` (a key of `METHODS`), ready to run once its weights are loaded.

    config: an instance of the method's `Config`
    running: batch normalisation uses the running statistics of training, as some projects' tests do
    Else every image is normalised by its own statistics, as in the papers' tests, so its result does not depend on its batch. Dropout is
    off, and no gradients are kept. The network is float32 and channels_last; `.to(device)` and `load_state_dict` keep both. Its weights
    have the names of the trained network's and no values (`uninitialised`). torch's global generator does not change.

    Results have the same bits on the same device with the same number of threads and images in a batch.
    """
    network = uninitialised(lambda: METHODS[method].translator(config, in_channels, out_channels))
    if METHODS[method].per_image_statistics and not running:
        network = per_image_statistics(network)
    network = network.eval().requires_grad_(False)
    return network.float().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - its stubs leave it out
