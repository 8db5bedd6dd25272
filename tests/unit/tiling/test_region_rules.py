"""Each operator that has a rule gives by regions what it gives on the whole image."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from regions import by_regions
from torch import Tensor, nn

from gan_style.errors import UserError


def weights(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


ROW = torch.linspace(-1, 1, 43, dtype=torch.float64)
OPERATORS: dict[str, Callable[[Tensor], Tensor]] = {
    "convolution": lambda x: F.conv2d(x, weights(5, 4, 3, 3), weights(5), padding=1),
    "convolution of even size": lambda x: F.conv2d(x, weights(5, 4, 4, 4), stride=2, padding=1),
    "strided, dilated, grouped": lambda x: F.conv2d(x, weights(6, 2, 3, 3), stride=(2, 1), padding=(3, 2), dilation=(2, 3), groups=2),
    "wide padding": lambda x: F.conv2d(x, weights(2, 4, 3, 3), weights(2), padding=9),
    "1 x 7": lambda x: F.conv2d(x, weights(2, 4, 1, 7), padding=(0, 3)),
    "transposed 3": lambda x: F.conv_transpose2d(x, weights(4, 3, 3, 3), weights(3), stride=2, padding=1, output_padding=1),
    "transposed 4": lambda x: F.conv_transpose2d(x, weights(4, 3, 4, 4), stride=2, padding=1),
    "transposed with gaps": lambda x: F.conv_transpose2d(x, weights(4, 3, 2, 2), weights(3), stride=3, output_padding=2),
    "transposed, grouped, dilated": lambda x: F.conv_transpose2d(x, weights(4, 2, 3, 3), stride=2, padding=2, groups=2, dilation=2),
    "reflection": lambda x: F.pad(x, (3, 2, 5, 1), mode="reflect"),
    "replication": lambda x: F.pad(x, (3, 2, 5, 20), mode="replicate"),
    "zeros": lambda x: F.pad(x, (3, 22, 5, 1), value=0.5),
    "cut": lambda x: F.pad(x, (-3, 2, 4, -1)),
    "nearest": lambda x: F.interpolate(x, scale_factor=2, mode="nearest"),
    "nearest, thinned": lambda x: F.interpolate(x, size=(x.shape[2] // 3, x.shape[3] // 3), mode="nearest"),
    "nearest, uneven": lambda x: F.interpolate(x, size=(50, 31), mode="nearest"),
    "bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False),
    "bilinear 3": lambda x: F.interpolate(x, scale_factor=3, mode="bilinear", align_corners=False),
    "average": lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False),
    "average with the border": lambda x: F.avg_pool2d(x, 3, stride=2, padding=1),
    "maximum": lambda x: F.max_pool2d(x, 3, stride=2, padding=1),
    "adaptive": lambda x: F.adaptive_avg_pool2d(x[:, :, :36, :40], (9, 10)),
    "shuffled": lambda x: F.pixel_shuffle(x, 2),
    "unshuffled": lambda x: F.pixel_unshuffle(x[:, :, :36, :42], 2),
    "slices": lambda x: x[:, 1:3, 4:-5, 2::3],
    "put back": lambda x: torch.slice_scatter(x, x[:, :, 3:9] * 2, 2, 7, 13),
    "differences": lambda x: torch.cat([x[:, :, 1:] - x[:, :, :-1], x[:, :1, 1:]], dim=1),
    "channels": lambda x: torch.stack([x.sum(1, keepdim=True), x.amax(1, keepdim=True)]).sum(0) + x.softmax(1),
    "permuted": lambda x: x.unflatten(1, (2, 2)).transpose(1, 2).flatten(1, 2),
    "coordinates": lambda x: torch.cat([x, ROW.expand(1, 1, x.shape[2], -1)], dim=1) * ROW,
    "a mean": lambda x: x - x.mean((2, 3), keepdim=True),
    "a mean of all": lambda x: x - x.mean((1, 2, 3), keepdim=True),
    "a sum": lambda x: x / x.square().sum((2, 3), keepdim=True),
    "a variance": lambda x: x / (x.var((2, 3), keepdim=True) + x.std((1, 2, 3), keepdim=True)),
    "squeeze and excitation": lambda x: x * torch.sigmoid(F.linear(x.mean((2, 3)), weights(4, 4)))[:, :, None, None],
    "pooled to one": lambda x: x * F.adaptive_avg_pool2d(x, 1),
    "layer normalisation of all": lambda x: F.group_norm(x, 1, weights(4), weights(4)),
    "group normalisation": lambda x: F.group_norm(x * 3 + weights(1, 4, 1, 1), 2, weights(4), weights(4)),
    "instance normalisation": lambda x: F.instance_norm(x, weight=weights(4), bias=weights(4)),
    "two normalisations": lambda x: F.instance_norm(F.conv2d(F.instance_norm(x).relu(), weights(3, 4, 3, 3), padding=1)),
    "running statistics": lambda x: F.batch_norm(x, weights(4), weights(4).abs(), weights(4), weights(4)),
}
REFUSED: dict[str, Callable[[Tensor], Tensor]] = {
    "attention": lambda x: (x.flatten(2).transpose(1, 2) @ x.flatten(2)).mean() * x,
    "a shift": lambda x: x.roll(3, 2),
    "a maximum of all": lambda x: x / x.amax((2, 3), keepdim=True),
    "cubic": lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    "a Fourier transform": lambda x: torch.fft.rfft2(x).abs()[..., :5],
}


@pytest.mark.parametrize("side", [5, 16])
@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_an_operator_by_regions_equals_the_operator(operator: Callable[[Tensor], Tensor], side: int) -> None:
    image = weights(1, 4, 37, 43)
    torch.testing.assert_close(by_regions(operator, image, side=side), operator(image), rtol=0, atol=1e-12)


@pytest.mark.parametrize("operator", REFUSED.values(), ids=REFUSED)
def test_an_operator_without_a_rule_is_named_in_one_line(operator: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(UserError, match=r"^the network.*take --tile none") as refusal:
        by_regions(operator, weights(1, 4, 37, 43), side=16)
    assert "\n" not in str(refusal.value)


def test_a_module_with_both_norms_and_a_skip() -> None:
    class Skipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.Conv2d(4, 8, 4, 2, 1)
            self.up = nn.ConvTranspose2d(8, 4, 4, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = F.instance_norm(self.up(F.group_norm(self.down(x), 2).relu()))
            return torch.cat([x[:, :, : y.shape[2], : y.shape[3]], y], dim=1)

    network, image = Skipping().double().requires_grad_(False), weights(1, 4, 38, 44)
    torch.testing.assert_close(by_regions(network, image, side=9), network(image), rtol=0, atol=1e-12)
