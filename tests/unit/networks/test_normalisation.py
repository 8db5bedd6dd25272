import itertools

import pytest
import torch
from torch import Tensor, nn

from gan_style.networks.layers import normalisation
from gan_style.networks.layers.normalisation import (
    InstanceNorm2d,
    PerImageBatchNorm2d,
    batch_independent,
    bias_before,
    norm_layer,
    normalise_each_image,
    per_image_statistics,
)

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = [torch.contiguous_format, torch.channels_last]


def arithmetic(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    mean = x.mean((2, 3), keepdim=True)
    variance = (x - mean).square().mean((2, 3), keepdim=True)
    y = (x - mean) / torch.sqrt(variance + 1e-5)
    return y if weight is None or bias is None else y * weight[:, None, None] + bias[:, None, None]


def test_a_hand_computed_example() -> None:
    x = torch.tensor([[[[1.0, 3.0]], [[-5.0, -5.0]]]], dtype=torch.float64)  # mean 2, variance 1; a constant channel
    y = InstanceNorm2d()(x)
    one = 1 / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(y, torch.tensor([[[[-one, one]], [[0.0, 0.0]]]], dtype=torch.float64))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "shape", [(1, 4, 5, 7), (2, 4, 5, 7), (3, 1, 6, 1), (1, 1, 3, 3), (2, 5, 1, 4), (1, 16, 8, 8), (4, 3, 2, 2)], ids=str
)
@pytest.mark.parametrize("affine", [False, True], ids=["plain", "affine"])
def test_output_and_gradients_in_every_layout(shape: tuple[int, ...], affine: bool, device: str) -> None:
    """The input and the gradient that comes back may each be NCHW or channels_last: torch's instance_norm is wrong for one of these."""
    generator = torch.Generator().manual_seed(0)
    x, wanted = (torch.randn(shape, dtype=torch.float64, generator=generator) for _ in range(2))
    parameters = torch.randn(2, shape[1], dtype=torch.float64, generator=generator) if affine else None

    def run(function, layout: torch.memory_format, gradient_layout: torch.memory_format) -> tuple[Tensor, ...]:
        leaf = x.to(device, copy=True).contiguous(memory_format=layout).detach().requires_grad_()
        learned = [] if parameters is None else [row.clone().to(device).requires_grad_() for row in parameters]
        y = function(leaf, *learned)
        y.backward(wanted.to(device).contiguous(memory_format=gradient_layout))
        return y.detach(), *(tensor.grad for tensor in (leaf, *learned))

    expected = run(arithmetic, torch.contiguous_format, torch.contiguous_format)
    for layout, gradient_layout in itertools.product(FORMATS, FORMATS):
        for got, want in zip(run(normalise_each_image, layout, gradient_layout), expected, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("layout", FORMATS, ids=["NCHW", "channels_last"])
def test_the_layout_is_kept_at_batch_one_and_on_the_cpu(batch: int, layout: torch.memory_format) -> None:
    x = torch.randn(batch, 4, 6, 5).contiguous(memory_format=layout)
    assert normalise_each_image(x).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("batch", [1, 2])
def test_one_pixel_becomes_zero(batch: int) -> None:
    x = torch.randn(batch, 3, 1, 1, requires_grad=True)
    y = InstanceNorm2d().train()(x)
    y.sum().backward()
    assert torch.equal(y, torch.zeros(batch, 3, 1, 1))
    assert x.grad is not None and torch.equal(x.grad, torch.zeros(batch, 3, 1, 1))


@pytest.mark.parametrize("layout", FORMATS, ids=["NCHW", "channels_last"])
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("shape", [(1, 2, 1024, 1024), (2, 2, 300, 257), (1, 2, 3, 100_000)], ids=str)
def test_large_maps_are_as_exact_as_small_ones(shape: tuple[int, ...], training: bool, layout: torch.memory_format) -> None:
    """A float32 sum of a million positions has lost the last of them; a mean far from 0 makes it worse."""
    x = (torch.randn(shape, generator=torch.Generator().manual_seed(0)) + 50).contiguous(memory_format=layout)
    wanted = arithmetic(x.double())
    parameters = torch.tensor([1.5, 0.5]), torch.tensor([0.0, 1.0])
    with torch.set_grad_enabled(training):
        y = normalise_each_image(x.requires_grad_(training), *parameters)
    expected = wanted * parameters[0][:, None, None] + parameters[1][:, None, None]
    torch.testing.assert_close(y.double(), expected, rtol=0, atol=1e-4)
    if shape[0] == 1 or layout == torch.channels_last:
        assert y.is_contiguous(memory_format=layout)


def test_gradients_of_a_large_map() -> None:
    x, incoming = (torch.randn((1, 2, 512, 512), generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    gradients = []
    for function, kind in ((arithmetic, torch.float64), (normalise_each_image, torch.float32)):
        leaf = (x + 50).to(kind, memory_format=torch.channels_last).requires_grad_()
        function(leaf).backward((incoming + 3).to(kind, memory_format=torch.channels_last))
        assert leaf.grad is not None
        gradients.append(leaf.grad.double())
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("layout", FORMATS, ids=["NCHW", "channels_last"])
def test_bfloat16(batch: int, layout: torch.memory_format) -> None:
    x = (3 * torch.randn(batch, 4, 8, 8) + 1).bfloat16().contiguous(memory_format=layout)
    y = normalise_each_image(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.double(), arithmetic(x.double()), rtol=0, atol=0.02)


def test_norm_layers_by_name() -> None:
    assert isinstance(norm_layer("instance", 4), InstanceNorm2d)
    assert isinstance(norm_layer("none", 4), nn.Identity)
    batch = norm_layer("batch", 4)
    assert isinstance(batch, nn.BatchNorm2d) and batch.num_features == 4
    with pytest.raises(ValueError, match="'layer'"):
        norm_layer("layer", 4)
    assert [bias_before(norm) for norm in ("instance", "none", "batch")] == [True, True, False]


def test_batch_independent() -> None:
    assert batch_independent(nn.Sequential(nn.Conv2d(3, 4, 1), InstanceNorm2d()))
    mixing = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4)))
    assert not batch_independent(mixing)
    assert not batch_independent(nn.SyncBatchNorm(4))
    assert batch_independent(per_image_statistics(mixing))


class TestPerImageStatistics:
    def network(self) -> nn.Sequential:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
                nn.init.normal_(module.running_mean)
        return network.eval()

    def test_each_image_as_at_batch_one_in_training(self) -> None:
        network = self.network()
        x = torch.randn(3, 3, 8, 8)
        result = per_image_statistics(network)(x)
        network.train()
        expected = torch.cat([network(image) for image in x.split(1)])
        torch.testing.assert_close(result, expected)

    def test_the_network_is_left_alone(self) -> None:
        network = self.network()
        x = torch.randn(2, 3, 8, 8)
        before, state = network(x), {name: tensor.clone() for name, tensor in network.state_dict().items()}
        twin = per_image_statistics(network)
        assert not torch.allclose(twin.train()(x), before)
        assert torch.equal(network(x), before)
        assert not network.training
        assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())

    def test_it_shares_the_weights(self) -> None:
        network = self.network()
        twin = per_image_statistics(network)
        assert [id(parameter) for parameter in twin.parameters()] == [id(parameter) for parameter in network.parameters()]
        assert list(twin.state_dict()) == list(network.state_dict())

    def test_a_bare_layer_and_a_network_without_any(self) -> None:
        layer = nn.BatchNorm2d(4, eps=0.1)
        twin = per_image_statistics(layer)
        assert isinstance(twin, PerImageBatchNorm2d) and twin.eps == 0.1 and twin.weight is layer.weight
        assert [type(module) for module in per_image_statistics(nn.Sequential(nn.ReLU())).modules()] == [nn.Sequential, nn.ReLU]

    def test_one_pixel_becomes_the_bias(self) -> None:
        layer = nn.BatchNorm2d(2)
        nn.init.normal_(layer.bias)
        y = per_image_statistics(layer)(torch.randn(3, 2, 1, 1))
        torch.testing.assert_close(y, layer.bias[None, :, None, None].expand(3, 2, 1, 1))


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (40, 33)])
def test_an_exported_normalisation_computes_the_same_row_by_row(affine: bool, size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size) + 5
    weight, bias = (torch.rand(3), torch.rand(3)) if affine else (None, None)
    torch.testing.assert_close(normalisation._row_by_row(x, weight, bias, 1e-5), normalise_each_image(x, weight, bias), rtol=0, atol=1e-4)
