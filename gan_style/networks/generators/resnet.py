"""The residual generator of CycleGAN (1703.10593, appendix 7.2), after Johnson et al. (1603.08155)."""

from collections import OrderedDict
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from gan_style.networks.layers.downsampling import BlurPool
from gan_style.networks.layers.dropout import Dropout
from gan_style.networks.layers.normalisation import bias_before, norm_layer
from gan_style.networks.layers.padding import grown, run_padded
from gan_style.networks.layers.patches import Patches, Positions, at_positions
from gan_style.networks.layers.recomputation import stage_runner
from gan_style.networks.layers.upsampling import upsampling_layer


class ResnetGenerator(nn.Module):
    """c7s1-k, d2k, d4k, N residual blocks, u2k, uk, c7s1-out: images [B, Cin, H, W] -> [B, Cout, H, W] in [-1, 1], any H, W >= 1.

    antialias: d2k, d4k are convolutions of stride 1 and a `BlurPool`, u2k, uk an interpolation and a convolution (1904.11486), as in the
    generator of CUT (2007.15651).
    """

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
        antialias: bool = False,
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        k = base_channels
        bias = bias_before(norm)
        self.norm = norm
        self.run = stage_runner(activation_checkpointing)
        self.stem = normalised(nn.Conv2d(in_channels, k, 7, padding=3, padding_mode="reflect", bias=bias), norm, k)
        stride = 1 if antialias else 2
        self.downs = nn.ModuleList(
            normalised(nn.Conv2d(c, 2 * c, 3, stride, padding=1, bias=bias), norm, 2 * c, BlurPool(2 * c) if antialias else None)
            for c in (k, 2 * k)
        )
        self.blocks = nn.ModuleList(ResidualBlock(4 * k, norm, dropout) for _ in range(num_blocks))
        self.ups = nn.ModuleList(
            normalised(upsampling_layer(upsampling, c, c // 2, kernel_size=3, bias=bias, antialias=antialias), norm, c // 2)
            for c in (4 * k, 2 * k)
        )
        self.head = nn.Conv2d(k, out_channels, 7, padding=3, padding_mode="reflect")
        # The encoder's layers whose features can be asked for, in order: name -> (channels, pixels between two positions).
        self.feature_layers: dict[str, tuple[int, int]] = {
            "pixels": (in_channels, 1),
            "stem": (k, 1),
            "down1": (2 * k, stride),  # of a downsampling, what its convolution gives, as it is
            "down2": (4 * k, 2 * stride),
            **{f"block{number}": (4 * k, 4) for number in range(1, num_blocks + 1)},
        }

    def forward(self, x: Tensor, positions: Positions | None = None, decode: bool = True) -> Tensor | dict[str, Tensor]:
        """The translation; where positions are given, {"translation": it, layer: the features at its positions}.

        decode=False: the features alone; nothing behind the deepest of the layers is computed.
        """
        if not decode:
            return self._features(grown(x, self.size_multiple, self.minimum_size), positions or {})[1]
        found: Patches = {}

        def translate(padded: Tensor) -> Tensor:
            encoded, patches = self._features(padded, positions or {}, to_the_end=True)
            found.update(patches)
            return self._decode(encoded)

        y = run_padded(translate, x, self.size_multiple, self.minimum_size)
        return y if positions is None else {"translation": y, **found}

    def _features(self, x: Tensor, positions: Positions, to_the_end: bool = False) -> tuple[Tensor, Patches]:
        """The last map that was computed, and the features at the positions."""
        found: Patches = {}
        encoded = x
        for layer, encoded in self._encode(x):  # a layer is computed when it is asked for, and not before
            if layer in positions:
                found[layer] = at_positions(encoded, positions[layer])
            if not to_the_end and len(found) == len(positions):
                break
        return encoded, found

    def _encode(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The layers of `feature_layers` with their maps, each to be read before the next is asked for; at last "" and what is decoded."""
        yield "pixels", x  # [B, Cin, H, W]
        x = self.stem(x)
        yield "stem", x  # [B, k, H, W]
        for number, down in enumerate(self.downs, 1):
            convolution, *rest = down.children()
            x = convolution(x)
            yield f"down{number}", x  # [B, 2k, H/2, W/2], [B, 4k, H/4, W/4]; twice as high and wide where a BlurPool follows
            for layer in rest:
                x = layer(x)  # [B, 2k, H/2, W/2], [B, 4k, H/4, W/4]
        for number, block in enumerate(self.blocks, 1):
            x = self.run(block, x)
            yield f"block{number}", x  # [B, 4k, H/4, W/4]
        yield "", x

    def _decode(self, x: Tensor) -> Tensor:
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
        self.dropout = Dropout(0.5 if dropout else 0.0)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias)
        self.norm2 = norm_layer(norm, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.dropout(self.activation(self.norm1(self.conv1(x))))
        return x + self.norm2(self.conv2(y))


def normalised(conv: nn.Module, norm: str, channels: int, pool: nn.Module | None = None) -> nn.Sequential:
    """A convolution, its normalisation, a ReLU and, where there is one, a layer that halves the size."""
    layers = OrderedDict[str, nn.Module](conv=conv, norm=norm_layer(norm, channels), activation=nn.ReLU(inplace=True))
    if pool is not None:
        layers["pool"] = pool
    return nn.Sequential(layers)
