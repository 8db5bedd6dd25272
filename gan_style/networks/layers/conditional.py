"""Conditional instance normalisation: one scale and shift for each style (Dumoulin et al., 2016, arXiv 1610.07629, equation 5)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.networks.layers.normalisation import normalise_each_image


class ConditionalInstanceNorm2d(nn.Module):
    """z = gamma_s (x - mu) / sigma + beta_s, x [B, C, H, W]; gamma and beta are [S, C].

    styles [B, S]: the share of each style, which mixes gamma and beta linearly (section 3.3); one-hot is one style.
    styles [B, S, h, w]: the shares at each pixel, resized to the features by area. None: the first style.
    kept: how many styles, counted from the first, are not trained
    """

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(styles, channels))
        self.bias = nn.Parameter(torch.zeros(styles, channels))
        self.kept = 0

    def forward(self, x: Tensor, styles: Tensor | None = None) -> Tensor:
        if styles is None:
            weight, bias = self._tables()
            return normalise_each_image(x, weight[0], bias[0])
        gamma, beta = self.affine(x, styles)
        return normalise_each_image(x) * gamma + beta

    def affine(self, x: Tensor, styles: Tensor | None) -> tuple[Tensor, Tensor]:
        """The scale and the shift for x [B, C, H, W]: [1 or B, C, 1, 1], or [B, C, H, W] for shares at each pixel."""
        weight, bias = self._tables()
        if styles is None:
            return weight[0][None, :, None, None], bias[0][None, :, None, None]
        styles = styles.to(self.weight)
        if styles.dim() == 2:
            gamma, beta = ((styles @ table)[:, :, None, None] for table in (weight, bias))
        else:
            maps = F.adaptive_avg_pool2d(styles, (x.shape[2], x.shape[3]))
            gamma, beta = (F.conv2d(maps, table.T[:, :, None, None]) for table in (weight, bias))
        return gamma, beta

    def _tables(self) -> tuple[Tensor, Tensor]:
        """The scales and the shifts [S, C]; no gradient reaches the kept styles."""
        weight, bias = (
            torch.cat([table[: self.kept].detach(), table[self.kept :]]) if self.kept else table for table in (self.weight, self.bias)
        )
        return weight, bias
