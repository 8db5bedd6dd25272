"""torchvision's vision transformer (Dosovitskiy et al., 2020, arXiv 2010.11929) with the weights of DINO.

DINO (Caron et al., 2021, arXiv 2104.14294) has heads of 64 channels; the shapes of its weights give width, depth and patch size.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.networks.pretrained.normalisation import ImageNetNormalisation
from gan_style.networks.pretrained.weights import fitting

if TYPE_CHECKING:
    from torchvision.models.vision_transformer import EncoderBlock

HEAD_WIDTH = 64
# DINO's names of parameters, from torchvision's.
_RENAMED = (
    (r"^class_token$", "cls_token"),
    (r"^encoder\.pos_embedding$", "pos_embed"),
    (r"^conv_proj\.", "patch_embed.proj."),
    (r"^encoder\.ln\.", "norm."),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.", r"blocks.\1."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.self_attention\.in_proj_", ".attn.qkv."),
    (r"\.self_attention\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.0\.", ".mlp.fc1."),
    (r"\.mlp\.3\.", ".mlp.fc2."),
)


class ViTFeatures(nn.Module):
    """Images [B, 3, H, W] in [-1, 1] -> the class token [B, C], and the last block's keys [B, N, C], class token first.

    The network scales H and W to the next multiple of the patch size, and its positions to the grid of patches. Frozen, never trained.
    positions: of the class token and of a square grid of patches. None of the weights is initialised.
    """

    def __init__(self, width: int, hidden: int, depth: int, patch: int, positions: int) -> None:
        super().__init__()
        from torchvision.models.vision_transformer import VisionTransformer

        self.side = round((positions - 1) ** 0.5)
        with torch.device("meta"):
            network = VisionTransformer(self.side * patch, patch, depth, width // HEAD_WIDTH, width, hidden)
        network.heads = nn.Sequential()
        self.network = network.eval().requires_grad_(False)
        self.normalise = ImageNetNormalisation()

    @classmethod
    def load(cls, stored: Mapping[str, Tensor], path: Path) -> "ViTFeatures":
        """The network of a DINO checkpoint; `UserError` where it is none. path: what messages call it."""
        depth = len({match[1] for key in stored if (match := re.match(r"blocks\.(\d{1,3})\.", key))})
        kernel, hidden, positions = (stored.get(key) for key in ("patch_embed.proj.weight", "blocks.0.mlp.fc1.weight", "pos_embed"))
        if kernel is None or hidden is None or positions is None or kernel.dim() != 4 or positions.dim() != 3 or hidden.dim() != 2:
            raise UserError(f"{path}: not the weights of a vision transformer with DINO's names")
        (width, _, _, patch), side = kernel.shape, round(max(0, positions.shape[1] - 1) ** 0.5)
        if not width or width % HEAD_WIDTH or not patch or not side or side * side + 1 != positions.shape[1]:
            raise UserError(f"{path}: a vision transformer of {width} channels and {positions.shape[1]} positions, which is none of DINO's")
        features = cls(width, hidden.shape[0], depth, patch, positions.shape[1])
        theirs = features.network.state_dict()
        names = {key: _dinos(key) for key in theirs}
        expected = {names[key]: value for key, value in theirs.items()}
        found = fitting(stored, expected, f"{path}: not the weights of a vision transformer of DINO")
        features.network.to_empty(device="cpu").load_state_dict({key: found[name] for key, name in names.items()})
        return features

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        rows, columns = (-(-size // self.network.patch_size) for size in images.shape[-2:])
        x = self.normalise(images)
        size = (rows * self.network.patch_size, columns * self.network.patch_size)
        if x.shape[-2:] != size:
            x = F.interpolate(x, size, mode="bilinear", align_corners=False)
        x = self.network.conv_proj(x).flatten(2).transpose(1, 2)  # [B, N, C]
        x = torch.cat([self.network.class_token.expand(len(x), -1, -1), x], dim=1) + self._positions(rows, columns)
        *blocks, last = cast("Iterable[EncoderBlock]", self.network.encoder.layers)
        for block in blocks:
            x = block(x)
        weight, bias = (part.chunk(3)[1] for part in (last.self_attention.in_proj_weight, last.self_attention.in_proj_bias))
        return self.network.encoder.ln(last(x))[:, 0], F.linear(last.ln_1(x), weight, bias)

    def _positions(self, rows: int, columns: int) -> Tensor:
        """[1, 1 + rows * columns, C]: the learned ones, interpolated where the grid is another."""
        learned = self.network.encoder.pos_embedding
        if (rows, columns) == (self.side, self.side):
            return learned
        grid = learned[:, 1:].reshape(1, self.side, self.side, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, (rows, columns), mode="bicubic", align_corners=False)
        return torch.cat([learned[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


def _dinos(name: str) -> str:
    for theirs, ours in _RENAMED:
        name = re.sub(theirs, ours, name)
    return name
