"""The residual generator of CycleGAN (1703.10593, appendix 7.2), after Johnson et al. (1603.08155)."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from gan_style.networks.normalisation import bias_before, norm_layer
from gan_style.networks.padding import run_padded
from gan_style.networks.recomputation import stage_runner
from gan_style.networks.upsampling import upsampling_layer


class ResnetGenerator(nn.Module):
    """c7s1-k, d2k, d4k, N residual blocks, u2k, uk, c7s1-out: images [B, Cin, H, W] -> [B, Cout, H, W] in [-1, 1], any H, W >= 1."""

    size_multiple = 4  # two halvings
    minimum_size = 8  # so that the blocks have 2 pixels to reflect

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        base_channels: int = 64,
        num_blocks: int = 9,
        norm: str = "instance",
        dropout: bool = False,
        upsampling: str = "deconvolution",
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        k = base_channels
        bias = bias_before(norm)
        self.norm = norm
        self.run = stage_runner(activation_checkpointing)
        self.stem = _normalised(nn.Conv2d(in_channels, k, 7, padding=3, padding_mode="reflect", bias=bias), norm, k)
        self.downs = nn.ModuleList(_normalised(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1, bias=bias), norm, 2 * c) for c in (k, 2 * k))
        self.blocks = nn.ModuleList(ResidualBlock(4 * k, norm, dropout) for _ in range(num_blocks))
        self.ups = nn.ModuleList(
            _normalised(upsampling_layer(upsampling, c, c // 2, kernel_size=3, bias=bias), norm, c // 2) for c in (4 * k, 2 * k)
        )
        self.head = nn.Conv2d(k, out_channels, 7, padding=3, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        return run_padded(self._translate, x, self.size_multiple, self.minimum_size)

    def _translate(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # [B, k, H, W]
        for down in self.downs:
            x = down(x)  # [B, 2k, H/2, W/2], [B, 4k, H/4, W/4]
        for block in self.blocks:
            x = self.run(block, x)  # [B, 4k, H/4, W/4]
        for up in self.ups:
            x = up(x)  # [B, 2k, H/2, W/2], [B, k, H, W]
        return torch.tanh(self.head(x))  # [B, Cout, H, W] in [-1, 1]


class ResidualBlock(nn.Module):
    """x + F(x) with two 3 x 3 convolutions, [B, C, H, W] -> [B, C, H, W], H, W >= 2; no activation after the sum."""

    def __init__(self, channels: int, norm: str, dropout: bool) -> None:
        super().__init__()
        bias = bias_before(norm)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias)
        self.norm1 = norm_layer(norm, channels)
        self.activation = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.5 if dropout else 0.0)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias)
        self.norm2 = norm_layer(norm, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.dropout(self.activation(self.norm1(self.conv1(x))))
        return x + self.norm2(self.conv2(y))


def _normalised(conv: nn.Module, norm: str, channels: int) -> nn.Sequential:
    """A convolution, its normalisation and a ReLU."""
    return nn.Sequential(OrderedDict(conv=conv, norm=norm_layer(norm, channels), activation=nn.ReLU(inplace=True)))
