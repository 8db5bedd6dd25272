import pytest
import torch
from torch import nn

from gan_style.networks.layers.init import init_weights
from gan_style.networks.layers.projection import ProjectionHeads


def heads(width: int = 8) -> ProjectionHeads:
    torch.manual_seed(0)
    network = ProjectionHeads({"pixels": 3, "down1": 5}, width)
    init_weights(network, "xavier", 0.02)
    return network


def patches(batch: int = 2) -> dict[str, torch.Tensor]:
    return {"pixels": torch.randn(batch, 7, 3), "down1": torch.randn(batch, 4, 5)}


def test_all_heads_are_there_from_the_start() -> None:
    names = [f"mlps.{layer}.{place}.{part}" for layer in ("pixels", "down1") for place in (0, 2) for part in ("weight", "bias")]
    assert list(heads().state_dict()) == names


def test_the_papers_heads_have_the_size_that_the_reference_prints() -> None:
    """0.560 million parameters for a generator of 64 base channels."""
    network = ProjectionHeads({"pixels": 3, "down1": 128, "down2": 256, "block1": 256, "block5": 256})
    assert sum(parameter.numel() for parameter in network.parameters()) == 560_384


def test_vectors_are_an_mlp_of_length_one() -> None:
    network, given = heads().double(), {layer: values.double() for layer, values in patches().items()}
    projected = network(given)
    assert {layer: values.shape for layer, values in projected.items()} == {"pixels": (2, 7, 8), "down1": (2, 4, 8)}
    for layer, values in projected.items():
        first, _, second = network.mlps[layer].children()
        assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
        plain = (given[layer] @ first.weight.T + first.bias).clamp(min=0) @ second.weight.T + second.bias
        torch.testing.assert_close(values, plain / (plain.square().sum(-1, keepdim=True).sqrt() + 1e-7))
        assert values.norm(dim=-1).min() > 0.9  # the small number in the denominator shows: the weights are small


def test_a_gray_pixel_has_a_finite_gradient() -> None:
    """With biases of 0 it becomes a vector of zeros, of which a root has no slope."""
    network, given = heads(), patches()
    given["pixels"] = torch.zeros(2, 7, 3, requires_grad=True)
    projected = network(given)["pixels"]
    assert projected.abs().max() == 0
    projected.sum().backward()
    assert given["pixels"].grad is not None and given["pixels"].grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in network.mlps["pixels"].parameters() if parameter.grad is not None)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_outside(dtype: torch.dtype) -> None:
    network, given = heads(256), {layer: values.to(dtype) for layer, values in patches().items()}
    with torch.autocast("cpu", dtype):
        projected = network(given)
    exact = network({layer: values.float() for layer, values in given.items()})
    for layer, values in projected.items():
        assert values.dtype == torch.float32
        assert torch.equal(values, exact[layer])
