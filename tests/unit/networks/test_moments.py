"""AdaIN's output has the style's moments; mixing and conditional normalisation are linear in what they mix."""

import pytest
import torch
from torch import Tensor

from gan_style.networks.generators.adain import AdaINNet, AdaINNetConfig, mixed
from gan_style.networks.generators.transformer_net import TransformerNet, TransformerNetConfig
from gan_style.networks.layers.conditional import ConditionalInstanceNorm2d
from gan_style.networks.layers.moments import adain, moments


def features(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape or (2, 5, 6, 7), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + 1


def test_adains_output_has_the_styles_moments() -> None:
    content, style = features(1), features(2, 2, 5, 3, 9)
    result = adain(content, style)
    assert result.shape == content.shape
    for got, expected in zip(moments(result), moments(style), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(adain(content, content), content)


def test_mixed_styles_by_hand() -> None:
    content, one, two = features(1), features(2, 1, 5, 4, 4), features(3, 1, 5, 8, 2)
    halves = mixed(content, [one, two], torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(halves, 0.25 * adain(content, one) + 0.75 * adain(content, two))
    maps = torch.zeros(1, 2, 6, 7)
    maps[:, 0, :3], maps[:, 1, 3:] = 1.0, 1.0
    regions = mixed(content, [one, two], maps)
    torch.testing.assert_close(regions[:, :, :3], adain(content, one)[:, :, :3])
    torch.testing.assert_close(regions[:, :, 3:], adain(content, two)[:, :, 3:])


def test_alpha_goes_from_the_content_to_the_style() -> None:
    torch.manual_seed(0)
    network = AdaINNet("random", AdaINNetConfig(base_channels=4)).double()
    content, style = (torch.rand(1, 3, 24, 17, dtype=torch.float64) * 2 - 1 for _ in range(2))
    with torch.no_grad():
        none, whole = (network(content, style, alpha=alpha) for alpha in (0.0, 1.0))
        assert whole.shape == content.shape
        torch.testing.assert_close(none, network(content, 0.5 * style, alpha=0.0))
        assert not torch.allclose(none, whole)
        by_features = network(content, features=[network.encode(style)], shares=torch.ones(1, 1))
        torch.testing.assert_close(by_features, whole)


def test_conditional_normalisation_by_hand() -> None:
    norm = ConditionalInstanceNorm2d(5, styles=3).double()
    with torch.no_grad():
        norm.weight.copy_(features(4, 3, 5))
        norm.bias.copy_(features(5, 3, 5))
    x = features(1)
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    z = (x - mean) / (variance + 1e-5).sqrt()
    shares = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]], dtype=torch.float64)
    gamma, beta = shares @ norm.weight, shares @ norm.bias
    torch.testing.assert_close(norm(x, shares), z * gamma[:, :, None, None] + beta[:, :, None, None])
    torch.testing.assert_close(norm(x), norm(x, torch.tensor([[1.0, 0.0, 0.0]] * 2)))
    maps = shares[:, :, None, None].expand(-1, -1, 12, 14)  # of the picture's size
    torch.testing.assert_close(norm(x, maps), norm(x, shares))


def test_kept_styles_get_no_gradient() -> None:
    norm = ConditionalInstanceNorm2d(2, styles=3)
    norm.kept = 2
    norm(torch.randn(1, 2, 4, 4), torch.tensor([[0.3, 0.3, 0.4]])).square().sum().backward()
    for table in (norm.weight, norm.bias):
        assert table.grad is not None
        assert torch.equal(table.grad[:2], torch.zeros(2, 2))
        assert table.grad[2].abs().max() > 0


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (17, 24)])
def test_style_maps_follow_their_picture_through_padding(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = TransformerNet(3, 3, TransformerNetConfig(base_channels=4, num_blocks=1), styles=2)
    for module in network.modules():
        if isinstance(module, ConditionalInstanceNorm2d):
            torch.nn.init.normal_(module.weight)
    pictures = torch.rand(1, 3, *size) * 2 - 1
    shares = torch.tensor([[0.2, 0.8]])
    with torch.no_grad():
        by_share = network(pictures, shares)
        by_map = network(pictures, shares[:, :, None, None].expand(-1, -1, *size))
    assert by_share.shape == pictures.shape
    torch.testing.assert_close(by_share, by_map, rtol=1e-4, atol=1e-4)
