"""Labels in the input of an image generator."""

import torch
from torch import Tensor, nn


class LabelledInput(nn.Module):
    """A generator of images [B, C, H, W] and labels [B, K]. Its input is the image, and for each label the image times the label.

    So the first layer has filters of its own for each label. StarGAN's planes, constant over the image (1711.09020, section 3.1), would
    have no effect: a convolution with reflection padding makes a constant of them, which instance normalisation takes away.

    generator: an image generator with C (1 + K) input channels
    """

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.size_multiple = int(getattr(generator, "size_multiple", 1))
        self.minimum_size = int(getattr(generator, "minimum_size", 1))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        of_each = (x[:, None] * labels.to(x)[:, :, None, None, None]).flatten(1, 2)  # [B, K C, H, W]
        return self.generator(torch.cat([x, of_each], dim=1))
