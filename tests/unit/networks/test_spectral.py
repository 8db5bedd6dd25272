"""Spectral normalisation against singular values, and when its vectors move."""

import pytest
import torch
from tiny_networks import tiny_network
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.interop.pytorch_cyclegan import from_reference, to_reference
from gan_style.networks import DISCRIMINATORS, IMAGE_DISCRIMINATORS
from gan_style.networks.layers.spectral import SpectralNorm, advance, normalise_spectrally, spectral_norms

SMALL = {"in_channels": 3, "base_channels": 4, "num_layers": 1, "num_scales": 2, "size": 16}
ALL = [(registry, name) for registry in (DISCRIMINATORS, IMAGE_DISCRIMINATORS) for name in registry]


def network(registry: dict[str, type[nn.Module]] = DISCRIMINATORS, name: str = "patchgan", **keywords: object) -> nn.Module:
    torch.manual_seed(0)
    return tiny_network(registry, name, **{**SMALL, "norm": "instance", "spectral_norm": True, **keywords})


def vectors(module: nn.Module) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in module.named_buffers() if name.endswith((".u", ".v"))}


@pytest.mark.parametrize(("registry", "name"), ALL, ids=[name for _, name in ALL])
def test_every_layer_has_a_largest_singular_value_of_one(registry: dict[str, type[nn.Module]], name: str) -> None:
    whole = network(registry, name)
    layers = [module for module in whole.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert layers
    for _ in range(200):
        advance(spectral_norms(whole))
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2).item() == pytest.approx(1.0, rel=1e-3)
        assert not torch.equal(layer.weight, layer.parametrizations.weight.original)  # type: ignore[union-attr, index]


def test_a_deconvolution_is_a_matrix_from_its_inputs_to_its_outputs() -> None:
    """As a matrix of one pixel's inputs to the outputs around it, [out, in k k], and not the other way round: 1 output, so sigma is |W|."""
    torch.manual_seed(0)
    layer = normalise_spectrally(nn.ConvTranspose2d(3, 1, 4))
    assert torch.linalg.vector_norm(layer.weight).item() == pytest.approx(1.0)  # type: ignore[arg-type]


def test_the_weights_are_drawn_as_without_it() -> None:
    plain, spectral = network(spectral_norm=False), network()
    assert torch.equal(plain.get_parameter("head.weight"), spectral.get_parameter("head.parametrizations.weight.original"))


def test_the_gradient_is_that_of_the_quotient() -> None:
    """d(W / sigma) with sigma = u^T W v: equation 12, here by finite differences with u and v held."""
    torch.manual_seed(0)
    weight = torch.randn(3, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    norm = SpectralNorm(weight).eval()
    assert torch.autograd.gradcheck(norm, weight)
    assert (norm(weight).flatten(1) @ norm.v @ norm.u).item() == pytest.approx(1.0)


def test_one_iteration_when_it_is_asked_for_and_none_in_a_forward() -> None:
    whole = network()
    before = vectors(whole)
    for training in (True, False):
        whole.train(training)(torch.randn(1, 3, 16, 16)).mean().backward()
        assert all(torch.equal(before[name], value) for name, value in vectors(whole).items()), "a forward moved them"
    advance(spectral_norms(whole))
    moved = vectors(whole)
    assert all(not torch.equal(before[name], moved[name]) for name in before if name.startswith("layers"))  # the head has one row
    layer = "layers.1.conv.parametrizations.weight"
    once = whole.get_parameter(f"{layer}.original").flatten(1) @ before[f"{layer}.0.v"]
    torch.testing.assert_close(moved[f"{layer}.0.u"], nn.functional.normalize(once, dim=0))
    assert not any(value.requires_grad for value in moved.values())


def test_two_forwards_before_a_backward() -> None:
    whole = network()
    (whole(torch.randn(1, 3, 16, 16)).mean() - whole(torch.randn(1, 3, 16, 16)).mean()).backward()
    assert all(parameter.grad is not None for parameter in whole.parameters())


def test_the_vectors_are_saved() -> None:
    one = network()
    x = torch.randn(1, 3, 16, 16)
    for _ in range(3):
        advance(spectral_norms(one))
    torch.manual_seed(1)
    other = tiny_network(DISCRIMINATORS, "patchgan", **{**SMALL, "norm": "instance", "spectral_norm": True})
    other.load_state_dict(one.state_dict(), strict=True)
    assert torch.equal(one(x), other(x))
    for each in (one, other):
        advance(spectral_norms(each))
    assert torch.equal(one(x), other(x)), "after a further iteration"


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
def test_the_largest_singular_value_is_found_in_full_precision_under_autocast(half: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = normalise_spectrally(nn.Linear(64, 64))
    layer.requires_grad_(False)
    exact = layer.weight
    with torch.autocast("cpu", half):
        assert torch.equal(layer.weight, exact)  # type: ignore[arg-type]
        assert layer(torch.randn(1, 64)).dtype == half


def test_half_precision_and_memory_formats() -> None:
    whole = network().to(memory_format=torch.channels_last)
    x = torch.randn(2, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    whole.requires_grad_(False)
    torch.testing.assert_close(whole(x), network().requires_grad_(False)(x.contiguous()))
    with torch.autocast("cpu", torch.bfloat16):
        assert whole(x).isfinite().all()


def test_it_does_not_go_out_or_come_in() -> None:
    whole = network()
    for convert in (to_reference, lambda network: from_reference({}, network)):
        with pytest.raises(UserError, match="spectral_norm"):
            convert(whole)
