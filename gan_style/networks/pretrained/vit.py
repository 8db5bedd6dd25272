"""A vision transformer (Dosovitskiy et al., 2020, arXiv 2010.11929) as DINO's checkpoints hold it (Caron et al., 2021, arXiv 2104.14294).

Width, depth and patch size are read off the weights; heads are 64 wide, as in all of DINO's.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.errors import UserError

HEAD_WIDTH = 64


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)})

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, N, C] -> the next x, and the keys [B, N, C] of all heads side by side."""
        count, tokens, width = x.shape
        qkv = self.attn["qkv"](self.norm1(x)).view(count, tokens, 3, width // HEAD_WIDTH, HEAD_WIDTH)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each [B, heads, N, 64]
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(count, tokens, width)
        x = x + self.attn["proj"](attended)
        x = x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))
        return x, key.transpose(1, 2).reshape(count, tokens, width)


class ViTFeatures(nn.Module):
    """Images [B, 3, H, W] in [-1, 1] -> the class token [B, C], and the last block's keys [B, N, C], class token first.

    H and W are scaled to the next multiple of the patch size, positions to the grid of patches that results. Frozen, never trained.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int, hidden: int, depth: int, patch: int, positions: int) -> None:
        super().__init__()
        self.patch, self.width = patch, width
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, positions, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, stride=patch)})
        self.blocks = nn.ModuleList(Block(width, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls, stored: Mapping[str, Tensor], path: Path) -> "ViTFeatures":
        """The network of a DINO checkpoint; `UserError` where it is none. path: what messages call it."""
        depth = len({match[1] for key in stored if (match := re.match(r"blocks\.(\d{1,3})\.", key))})
        kernel, hidden, positions = (stored.get(key) for key in ("patch_embed.proj.weight", "blocks.0.mlp.fc1.weight", "pos_embed"))
        if kernel is None or hidden is None or positions is None or kernel.dim() != 4 or positions.dim() != 3 or hidden.dim() != 2:
            raise UserError(f"{path}: not the weights of a vision transformer with DINO's names")
        width, patch = kernel.shape[0], kernel.shape[-1]
        side = round((positions.shape[1] - 1) ** 0.5)
        if width % HEAD_WIDTH or side * side + 1 != positions.shape[1]:
            raise UserError(f"{path}: a vision transformer of {width} channels and {positions.shape[1]} positions, which is none of DINO's")
        with torch.device("meta"):
            network = cls(width, hidden.shape[0], depth, patch, positions.shape[1])
        expected = {key: value.shape for key, value in network.state_dict().items()}
        for key, shape in expected.items():
            if (tensor := stored.get(key)) is None or tensor.shape != shape or not tensor.is_floating_point():
                raise UserError(f"{path}: not the weights of a vision transformer of DINO: {key} is missing or has another shape")
        network = cls(width, hidden.shape[0], depth, patch, positions.shape[1])
        network.load_state_dict({key: stored[key].float() for key in expected})
        return network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        rows, columns = (-(-size // self.patch) for size in images.shape[-2:])
        x = ((images + 1) / 2 - self.mean) / self.deviation
        if x.shape[-2:] != (rows * self.patch, columns * self.patch):
            x = F.interpolate(x, (rows * self.patch, columns * self.patch), mode="bilinear", align_corners=False)
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)  # [B, N, C]
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self._positions(rows, columns)
        keys = x
        for block in self.blocks:
            x, keys = block(x)
        return self.norm(x)[:, 0], keys

    def _positions(self, rows: int, columns: int) -> Tensor:
        """[1, 1 + rows * columns, C]: the learned ones, interpolated where the grid is another."""
        side = round((self.pos_embed.shape[1] - 1) ** 0.5)
        if (rows, columns) == (side, side):
            return self.pos_embed
        grid = self.pos_embed[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, (rows, columns), mode="bicubic", align_corners=False)
        return torch.cat([self.pos_embed[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)
