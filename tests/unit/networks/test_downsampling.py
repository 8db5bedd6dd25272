import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gan_style.networks.layers.downsampling import BlurPool
from gan_style.networks.layers.upsampling import AntialiasedConvolution


def test_the_filter_is_binomial_and_mirrored_at_the_edges() -> None:
    x = torch.tensor([0.0, 4.0, 8.0, 0.0, 16.0]).expand(1, 1, 5, 5)  # mirrored: 4 0 4 8 0 16 0
    expected = torch.tensor([(4 + 0 + 4) / 4, (4 + 16 + 0) / 4, (0 + 32 + 0) / 4])
    pooled = BlurPool(1)(x)
    assert pooled.shape == (1, 1, 3, 3)
    torch.testing.assert_close(pooled[0, 0], expected.expand(3, 3))
    torch.testing.assert_close(BlurPool(1)(x.transpose(2, 3))[0, 0], expected[:, None].expand(3, 3))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_each_channel_is_its_own(layout: torch.memory_format) -> None:
    x = torch.randn(2, 3, 6, 9, dtype=torch.float64)
    pooled = BlurPool(3).double()(x.contiguous(memory_format=layout))
    assert pooled.shape == (2, 3, 3, 5)
    for channel in range(3):
        torch.testing.assert_close(pooled[:, channel : channel + 1], BlurPool(1).double()(x[:, channel : channel + 1]))


def test_what_a_stride_would_fold_is_gone() -> None:
    """Stripes of one pixel: every second pixel is all black or all white, the blurred one is gray wherever the stripes begin."""
    stripes = torch.tensor([-1.0, 1.0]).repeat(4).expand(1, 1, 8, 8)
    assert stripes[..., ::2, ::2].mean() == -1
    assert BlurPool(1)(stripes).abs().max() == 0
    assert BlurPool(1)(torch.full((1, 1, 8, 8), 0.3)).sub(0.3).abs().max() < 1e-6


def test_the_filter_is_no_weight() -> None:
    """It is in no checkpoint and no bundle, and no optimizer moves it."""
    assert not BlurPool(3).state_dict()
    assert not list(BlurPool(3).parameters())


@pytest.mark.parametrize("size", [(2, 2), (3, 5), (1, 4)], ids=str)
def test_the_resize_is_the_transposed_binomial_filter(size: tuple[int, int]) -> None:
    """1 3 3 1 / 4 in each direction, stride 2, on an input whose edge pixels are repeated."""
    layer = AntialiasedConvolution(1, 1, bias=False).double()
    nn.init.zeros_(layer.weight)
    layer.weight.data[0, 0, 1, 1] = 1.0  # the convolution behind the resize returns what it is given
    x = torch.randn(1, 1, *size, dtype=torch.float64)
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 4
    spread = F.conv_transpose2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), torch.outer(row, row)[None, None], stride=2)
    torch.testing.assert_close(layer(x), spread[..., 3:-3, 3:-3])
