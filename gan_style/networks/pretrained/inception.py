"""Inception v3 (Szegedy et al., 2015, arXiv 1512.00567) up to its last pooling, as FID's feature network.

Two variants share names and shapes: torchvision's, and the TensorFlow graph of 2015-12-05 that FID was defined with (Heusel et al., 2017,
arXiv 1706.08500), whose average poolings do not count their padding and whose last block pools by maximum.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.errors import UserError

# A convolution: the end of its name, channels, kernel (height, width), stride. Padding keeps the size, unless it strides.
Unit = tuple[str, int, tuple[int, int], int]
# The branches of a block by name, each a sequence of steps; a step of two convolutions forks, and what they give is joined.
Branches = dict[str, list[list[Unit]]]

SIDE = 299  # pixels of the square images that it was trained on
WIDTH = 2048  # features
CLASSES_OF_FID = 1008  # of the TensorFlow graph's classifier; torchvision's has 1000


def _a(pool: int) -> Branches:
    return {
        "branch1x1": [[("", 64, (1, 1), 1)]],
        "branch5x5": [[("_1", 48, (1, 1), 1)], [("_2", 64, (5, 5), 1)]],
        "branch3x3dbl": [[("_1", 64, (1, 1), 1)], [("_2", 96, (3, 3), 1)], [("_3", 96, (3, 3), 1)]],
        "branch_pool": [[("", pool, (1, 1), 1)]],
    }


def _c(inner: int) -> Branches:
    rows, columns = (7, 1), (1, 7)
    double = [[("_2", inner, rows, 1)], [("_3", inner, columns, 1)], [("_4", inner, rows, 1)], [("_5", 192, columns, 1)]]
    return {
        "branch1x1": [[("", 192, (1, 1), 1)]],
        "branch7x7": [[("_1", inner, (1, 1), 1)], [("_2", inner, columns, 1)], [("_3", 192, rows, 1)]],
        "branch7x7dbl": [[("_1", inner, (1, 1), 1)], *double],
        "branch_pool": [[("", 192, (1, 1), 1)]],
    }


_B: Branches = {
    "branch3x3": [[("", 384, (3, 3), 2)]],
    "branch3x3dbl": [[("_1", 64, (1, 1), 1)], [("_2", 96, (3, 3), 1)], [("_3", 96, (3, 3), 2)]],
    "branch_pool": [],
}
_D: Branches = {
    "branch3x3": [[("_1", 192, (1, 1), 1)], [("_2", 320, (3, 3), 2)]],
    "branch7x7x3": [[("_1", 192, (1, 1), 1)], [("_2", 192, (1, 7), 1)], [("_3", 192, (7, 1), 1)], [("_4", 192, (3, 3), 2)]],
    "branch_pool": [],
}
_E: Branches = {
    "branch1x1": [[("", 320, (1, 1), 1)]],
    "branch3x3": [[("_1", 384, (1, 1), 1)], [("_2a", 384, (1, 3), 1), ("_2b", 384, (3, 1), 1)]],
    "branch3x3dbl": [[("_1", 448, (1, 1), 1)], [("_2", 384, (3, 3), 1)], [("_3a", 384, (1, 3), 1), ("_3b", 384, (3, 1), 1)]],
    "branch_pool": [[("", 192, (1, 1), 1)]],
}
_BLOCKS: dict[str, tuple[int, Branches]] = {
    "Mixed_5b": (192, _a(32)),
    "Mixed_5c": (256, _a(64)),
    "Mixed_5d": (288, _a(64)),
    "Mixed_6a": (288, _B),
    "Mixed_6b": (768, _c(128)),
    "Mixed_6c": (768, _c(160)),
    "Mixed_6d": (768, _c(160)),
    "Mixed_6e": (768, _c(192)),
    "Mixed_7a": (768, _D),
    "Mixed_7b": (1280, _E),
    "Mixed_7c": (2048, _E),
}


class ConvBNReLU(nn.Module):
    """Convolution without bias, BatchNorm by its running statistics, ReLU."""

    def __init__(self, channels: int, width: int, kernel: tuple[int, int], stride: int, padding: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.utils.skip_init(nn.Conv2d, channels, width, kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """One block: branches side by side, joined along the channels. The one called branch_pool begins with a pooling."""

    def __init__(self, channels: int, branches: Branches, pooling: str) -> None:
        super().__init__()
        self.branches, self.pooling = branches, pooling
        for name, steps in branches.items():
            width = channels
            for step in steps:
                for suffix, out, kernel, stride in step:
                    padding = (kernel[0] // 2, kernel[1] // 2) if stride == 1 else (0, 0)
                    self.add_module(f"{name}{suffix}", ConvBNReLU(width, out, kernel, stride, padding))
                width = sum(out for _, out, _, _ in step)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._branch(name, x) for name in self.branches], dim=1)

    def _branch(self, name: str, x: Tensor) -> Tensor:
        if name == "branch_pool":
            x = self._pool(x)
        for step in self.branches[name]:
            x = torch.cat([self.get_submodule(f"{name}{suffix}")(x) for suffix, *_ in step], dim=1)
        return x

    def _pool(self, x: Tensor) -> Tensor:
        if self.pooling == "halve":
            return F.max_pool2d(x, 3, stride=2)
        if self.pooling == "max":
            return F.max_pool2d(x, 3, stride=1, padding=1)
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=self.pooling == "average")


class InceptionFeatures(nn.Module):
    """Images [B, 3, H, W] in [-1, 1], of any size -> features [B, 2048], the last pooling's. Frozen, never trained.

    of_fid: the TensorFlow graph's variant rather than torchvision's. Images are scaled to 299 x 299 bilinearly without
    antialiasing, as in pytorch-fid, whose numbers the literature on translation gives.
    """

    def __init__(self, of_fid: bool) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = ConvBNReLU(3, 32, (3, 3), 2, (0, 0))
        self.Conv2d_2a_3x3 = ConvBNReLU(32, 32, (3, 3), 1, (0, 0))
        self.Conv2d_2b_3x3 = ConvBNReLU(32, 64, (3, 3), 1, (1, 1))
        self.Conv2d_3b_1x1 = ConvBNReLU(64, 80, (1, 1), 1, (0, 0))
        self.Conv2d_4a_3x3 = ConvBNReLU(80, 192, (3, 3), 1, (0, 0))
        for name, (channels, branches) in _BLOCKS.items():
            pooling = "inside" if of_fid else "average"
            if branches in (_B, _D):
                pooling = "halve"
            elif of_fid and name == "Mixed_7c":
                pooling = "max"
            self.add_module(name, Mixed(channels, branches, pooling))
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls, stored: Mapping[str, Tensor], path: Path) -> "InceptionFeatures":
        """The network of a state dict with torchvision's names; the size of its classifier tells the variant.

        path: what messages call it
        """
        classifier = stored.get("fc.weight")
        network = cls(of_fid=classifier is not None and classifier.shape[:1] == (CLASSES_OF_FID,))
        own = network.state_dict()
        wanted = [key for key in own if not key.endswith("num_batches_tracked")]
        for key in wanted:
            if (tensor := stored.get(key)) is None or tensor.shape != own[key].shape or not tensor.is_floating_point():
                raise UserError(f"{path}: not the weights of Inception v3: {key} is missing or has another shape")
        network.load_state_dict({key: stored[key].float() for key in wanted}, strict=False)
        return network

    def forward(self, images: Tensor) -> Tensor:
        x = F.interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, stride=2)  # [B, 64, 73, 73]
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = F.max_pool2d(x, 3, stride=2)  # [B, 192, 35, 35]
        for name in _BLOCKS:
            x = self.get_submodule(name)(x)
        return x.mean(dim=(2, 3))  # of [B, 2048, 8, 8]
