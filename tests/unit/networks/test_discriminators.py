import pytest
import torch
from torch import nn

from gan_style.errors import UserError
from gan_style.networks.discriminators.multiscale import MultiscaleConfig, MultiscaleDiscriminator
from gan_style.networks.discriminators.patchgan import PatchConfig, PatchDiscriminator, minimum_size, receptive_field
from gan_style.networks.discriminators.pixel import PixelConfig, PixelDiscriminator
from gan_style.networks.layers.downsampling import BlurPool


def probe(network: nn.Module, size: int) -> tuple[int, int]:
    """Height and width of the input pixels that the middle score depends on, found by its gradient.

    The normalisations are left out, since their statistics see the whole image.
    """
    x = torch.rand(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    scores = network.double()(x)
    scores = scores if isinstance(scores, torch.Tensor) else scores[-1]  # of the coarsest scale
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    assert x.grad is not None
    rows, columns = torch.nonzero(x.grad[0].abs().sum(0), as_tuple=True)
    return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1


@pytest.mark.parametrize(("num_layers", "expected"), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_receptive_field_of_patchgan(num_layers: int, expected: int) -> None:
    """The paper's sizes (1611.07004, section 6.1.2), computed and measured."""
    torch.manual_seed(0)
    network = PatchDiscriminator(3, PatchConfig(base_channels=2, num_layers=num_layers, norm="none"))
    assert network.receptive_field == expected
    assert probe(network, 2 * expected) == (expected, expected)


@pytest.mark.parametrize(("num_layers", "expected"), [(1, 18), (2, 40), (3, 84), (4, 172)])
def test_receptive_field_of_antialiased_patchgan(num_layers: int, expected: int) -> None:
    """A blur sees 3 of its input, and 2 lie between 2 of its output: computed and measured."""
    torch.manual_seed(0)
    network = PatchDiscriminator(3, PatchConfig(base_channels=2, num_layers=num_layers, norm="none", antialias=True))
    assert network.receptive_field == expected
    assert probe(network, 2 * expected) == (expected, expected)


def test_antialiasing_changes_neither_weights_nor_scores_places() -> None:
    """256 pixels give 30 x 30 scores, as without; layers that had a stride have a blur."""
    plain, blurred = (PatchDiscriminator(3, PatchConfig(base_channels=2, antialias=antialias)) for antialias in (False, True))
    assert {key: value.shape for key, value in plain.state_dict().items()} == {
        key: value.shape for key, value in blurred.state_dict().items()
    }
    x = torch.rand(1, 3, 256, 256)
    assert plain(x).shape == blurred(x).shape == (1, 1, 30, 30)
    assert [any(isinstance(module, BlurPool) for module in layer.children()) for layer in blurred.layers] == [True, True, True, False]


@pytest.mark.parametrize("num_layers", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", ["instance", "none"])
def test_minimum_size_of_antialiased_patchgan(num_layers: int, norm: str) -> None:
    network = PatchDiscriminator(3, PatchConfig(base_channels=2, num_layers=num_layers, norm=norm, antialias=True))
    size = network.minimum_size
    assert network(torch.rand(1, 3, size, size)).shape == (1, 1, 1, 1)
    network.minimum_size = 1
    with pytest.raises(RuntimeError):
        network(torch.rand(1, 3, size, size - 1))


def test_receptive_field_of_pixel() -> None:
    torch.manual_seed(0)
    network = PixelDiscriminator(3, PixelConfig(base_channels=2, norm="none"))
    assert network.receptive_field == 1
    assert probe(network, 9) == (1, 1)


def test_arithmetic_of_sizes() -> None:
    convs = [nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 5)]  # one output sees 5 of the middle map: 3 + 4 * 2 = 11 pixels
    assert receptive_field(convs) == 11
    assert minimum_size(convs) == 11


def test_holes_of_a_dilated_convolution_count() -> None:
    convs = [nn.Conv2d(1, 1, 4, stride=2, padding=1), nn.Conv2d(1, 1, 3, dilation=2)]  # one output sees 5 of the middle map
    assert receptive_field(convs) == 4 + 4 * 2
    size = minimum_size(convs)
    assert size == 4 * 2 + 4 - 2
    assert nn.Sequential(*convs)(torch.rand(1, 1, size, size)).shape == (1, 1, 1, 1)
    with pytest.raises(RuntimeError):
        nn.Sequential(*convs)(torch.rand(1, 1, size - 1, size))


@pytest.mark.parametrize("num_layers", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_minimum_size(num_layers: int, norm: str) -> None:
    network = PatchDiscriminator(3, PatchConfig(base_channels=2, num_layers=num_layers, norm=norm))
    size = network.minimum_size
    assert size == 3 * 2**num_layers
    assert network(torch.rand(1, 3, size, size)).shape == (1, 1, 1, 1)
    with pytest.raises(UserError, match=f"{size - 1} x {size} pixels"):
        network(torch.rand(1, 3, size, size - 1))


def test_pixel_judges_a_single_pixel() -> None:
    network = PixelDiscriminator(3, PixelConfig(base_channels=2))
    assert network.minimum_size == 1
    assert network(torch.rand(1, 3, 1, 1)).shape == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        ("batch", {"layers.0.conv", "head"}),
        ("instance", {"layers.0.conv", "layers.1.conv", "layers.2.conv", "layers.3.conv", "head"}),
        ("none", {"layers.0.conv", "layers.1.conv", "layers.2.conv", "layers.3.conv", "head"}),
    ],
)
def test_biases_of_patchgan(norm: str, expected: set[str]) -> None:
    network = PatchDiscriminator(3, PatchConfig(base_channels=2, norm=norm))
    assert {name for name, module in network.named_modules() if isinstance(module, nn.Conv2d) and module.bias is not None} == expected


def test_patchgan_has_the_papers_size() -> None:
    """2.769 million parameters with batch normalisation and a pair of RGB images (the count that the reference prints)."""
    assert sum(parameter.numel() for parameter in PatchDiscriminator(6, PatchConfig(norm="batch")).parameters()) == 2_768_705


@pytest.mark.parametrize(("num_scales", "expected"), [(1, 34), (2, 3 + 33 * 2), (3, 7 + 33 * 4)])
def test_receptive_field_of_the_coarsest_scale(num_scales: int, expected: int) -> None:
    torch.manual_seed(0)
    network = MultiscaleDiscriminator(3, MultiscaleConfig(base_channels=2, num_layers=2, num_scales=num_scales, norm="none"))
    assert network.receptive_field == expected
    assert probe(network, 2 * expected) == (expected, expected)


@pytest.mark.parametrize("num_scales", [1, 2, 3])
def test_minimum_size_of_several_scales(num_scales: int) -> None:
    network = MultiscaleDiscriminator(3, MultiscaleConfig(base_channels=2, num_layers=2, num_scales=num_scales))
    size = network.minimum_size
    assert network(torch.rand(1, 3, size, size))[-1].shape == (1, 1, 1, 1)
    with pytest.raises(UserError, match=f"{size - 1} x {size} pixels are too small for {num_scales} scales.*num_scales"):
        network(torch.rand(1, 3, size, size - 1))


def test_each_scale_judges_the_image_at_half_the_last_ones_size() -> None:
    """Scores and features of scale k are its PatchGAN's of the image, averaged k times over 3 x 3 pixels with stride 2."""
    torch.manual_seed(0)
    network = MultiscaleDiscriminator(1, MultiscaleConfig(base_channels=2, num_layers=2, num_scales=3))
    x = torch.rand(2, 1, 61, 48)
    scores, features = network.judged(x)
    for scale, patchgan in enumerate(network.scales):
        expected, layers = patchgan.scored(x)
        torch.testing.assert_close(scores[scale], expected)
        assert [layer.shape[1:] for layer in features[scale]] == [layer.shape[1:] for layer in layers]
        torch.testing.assert_close(features[scale], layers)
        assert len(layers) == 3 and torch.equal(patchgan.head(layers[-1]), expected)
        x = by_hand(x)
    assert [tuple(each.shape[2:]) for each in scores] == [(13, 10), (5, 4), (2, 1)]


def by_hand(x: torch.Tensor) -> torch.Tensor:
    rows, columns = ((length + 1) // 2 for length in x.shape[2:])
    small = torch.empty(*x.shape[:2], rows, columns)
    for row in range(rows):
        for column in range(columns):
            small[..., row, column] = x[..., max(0, 2 * row - 1) : 2 * row + 2, max(0, 2 * column - 1) : 2 * column + 2].mean((2, 3))
    return small
