"""AlexNet's convolutions (Krizhevsky, 2014, arXiv 1404.5997, as torchvision has them), the usual network behind LPIPS."""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.errors import UserError

# Number in torchvision's sequence, channels, kernel, stride, padding; a maximum of 3 x 3 with stride 2 before those in _POOLED.
_CONVOLUTIONS = ((0, 64, 11, 4, 2), (3, 192, 5, 1, 2), (6, 384, 3, 1, 1), (8, 256, 3, 1, 1), (10, 256, 3, 1, 1))
_POOLED = (3, 6)
LAYERS = ("relu1", "relu2", "relu3", "relu4", "relu5")


class AlexNetFeatures(nn.Module):
    """Images [B, 3, H, W] in [-1, 1], H and W at least `minimum_size` -> {relu1 ... relu5: features}. Frozen, never trained."""

    minimum_size = 31
    mean: Tensor
    deviation: Tensor

    def __init__(self, stored: Mapping[str, Tensor], path: Path) -> None:
        """stored: a state dict with torchvision's names; path: what messages call it."""
        super().__init__()
        self.convolutions = nn.ModuleList()
        channels = 3
        for number, width, kernel, stride, padding in _CONVOLUTIONS:
            convolution = nn.utils.skip_init(nn.Conv2d, channels, width, kernel, stride=stride, padding=padding)
            own = {part: stored.get(f"features.{number}.{part}") for part in ("weight", "bias")}
            for part, tensor in own.items():
                if tensor is None or tensor.shape != convolution.get_parameter(part).shape or not tensor.is_floating_point():
                    raise UserError(f"{path}: not the weights of AlexNet: features.{number}.{part} is missing or has another shape")
            convolution.load_state_dict({part: tensor.float() for part, tensor in own.items() if tensor is not None})
            self.convolutions.append(convolution)
            channels = width
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        height, width = images.shape[-2:]
        if min(height, width) < self.minimum_size:
            raise UserError(f"an image of {width} x {height} pixels is too small for AlexNet, which needs {self.minimum_size}")
        x = ((images + 1) / 2 - self.mean) / self.deviation
        features = {}
        for layer, (number, *_), convolution in zip(LAYERS, _CONVOLUTIONS, self.convolutions, strict=True):
            if number in _POOLED:
                x = F.max_pool2d(x, 3, stride=2)
            x = F.relu(convolution(x))
            features[layer] = x
        return features
