"""What every generator and discriminator promises, for each that the registries hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args
from unittest.mock import patch

import pytest
import torch
from tiny import of_architecture
from torch import Tensor, nn

from gan_style.config.schema import DiscriminatorConfig, GeneratorConfig, Norm
from gan_style.networks import DISCRIMINATORS, GENERATORS, STYLIZERS, batch_independent, build
from gan_style.networks.layers import normalisation

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
SMALL = {"in_channels": 3, "out_channels": 2, "base_channels": 4, "num_blocks": 2, "num_downs": 3, "num_layers": 2, "num_scales": 2}
SMALLER = {"multiscale": {"num_layers": 1}}  # so that the images below are large enough for each scale
REGISTRIES = {"generator": GENERATORS, "stylizer": STYLIZERS, "discriminator": DISCRIMINATORS}
VARIANTS = {"generator": ["resnet antialias"], "discriminator": ["patchgan antialias", "multiscale antialias"]}  # a name and a switch
NETWORKS = [(kind, name) for kind, registry in REGISTRIES.items() for name in (*registry, *VARIANTS.get(kind, []))]
CASES = [pytest.param(kind, name, norm, id=f"{name.replace(' ', '-')}-{norm}") for kind, name in NETWORKS for norm in get_args(Norm)]
each_network = pytest.mark.parametrize(("kind", "name", "norm"), CASES)
each_generator = pytest.mark.parametrize("name", [name for kind, name in NETWORKS if kind == "generator"])


def small(kind: str, name: str, norm: str, seed: int = 0, **keywords: object) -> nn.Module:
    """A small network, the same at every call."""
    torch.manual_seed(seed)
    name, _, switch = name.partition(" ")
    switches = {switch: True} if switch else {}
    return build(REGISTRIES[kind], name, **{"init_gain": 0.2, **SMALL, **SMALLER.get(name, {}), "norm": norm, **switches, **keywords})


def maps(network: nn.Module, x: Tensor) -> list[Tensor]:
    """What a network makes of x: one map [B, C, h, w], or those of several scales."""
    y = network(x)
    return [y] if isinstance(y, Tensor) else y


def joined(parts: list[Tensor]) -> Tensor:
    """[B, all their values]"""
    return torch.cat([part.flatten(1) for part in parts], dim=1)


def images(batch: int, height: int = 16, width: int = 24) -> Tensor:
    return torch.rand(batch, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1


@contextmanager
def arithmetic_normalisation() -> Iterator[None]:
    """Instance normalisation written out, to compare with."""

    def written_out(x: Tensor) -> Tensor:
        centred = x - x.mean((2, 3), keepdim=True)
        return centred / torch.sqrt(centred.square().mean((2, 3), keepdim=True) + normalisation.EPSILON)

    with patch.object(normalisation, "normalise_each_image", written_out):
        yield


def output_and_gradients(network: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """The output and the gradients of a weighted mean of it with respect to the input and every parameter, in float64 NCHW on the CPU."""
    x = x.detach().requires_grad_()
    layout = torch.contiguous_format if x.is_contiguous() else torch.channels_last
    means = []
    for number, y in enumerate(results := maps(network, x), 2):
        weights = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(number)).to(y)
        means.append((y * weights.contiguous(memory_format=layout)).mean())
    torch.stack(means).sum().backward()
    tensors = {"output": joined(results), "input": x.grad, **{name: parameter.grad for name, parameter in network.named_parameters()}}
    for name, tensor in tensors.items():
        assert tensor is not None, f"{name} has no gradient"
    return {name: tensor.detach().double().cpu().contiguous() for name, tensor in tensors.items() if tensor is not None}


def scale(name: str, truth: dict[str, Tensor]) -> float:
    """What an error in `name` is measured by: its norm, or where larger that of the weight beside a bias.

    The gradient of a bias in front of a normalisation is 0 but for rounding, which grows with the gradients around it.
    """
    beside = truth.get(f"{name.removesuffix('bias')}weight", truth[name])
    return max(truth[name].norm().item(), beside.norm().item())


@each_network
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("layout", list(FORMATS))
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-2), (torch.float64, 1e-9)], ids=["float32", "float64"])
def test_output_and_gradients_are_those_of_float64_nchw(
    kind: str, name: str, norm: str, batch: int, layout: str, dtype: torch.dtype, tolerance: float, device: str
) -> None:
    """In float32 a ReLU's input near 0 may change its sign, hence the tolerance there: a wrong gradient is wrong by 1."""
    with arithmetic_normalisation():
        truth = output_and_gradients(small(kind, name, norm).double(), images(batch))
    network = small(kind, name, norm).to(device, dtype).to(memory_format=FORMATS[layout])
    results = output_and_gradients(network, images(batch).to(device, dtype).contiguous(memory_format=FORMATS[layout]))
    assert results.keys() == truth.keys()
    for tensor in truth:
        assert truth[tensor].norm() > 0 or tensor.endswith("bias")
        error = (results[tensor] - truth[tensor]).norm().item()
        assert error <= tolerance * scale(tensor, truth), f"{tensor}: error {error}, scale {scale(tensor, truth)}"


@each_network
def test_forward_keeps_the_input(kind: str, name: str, norm: str) -> None:
    """Layers that work in place must not reach the caller's images."""
    x = images(2).float()
    before = x.clone()
    small(kind, name, norm)(x)
    assert torch.equal(x, before)


@each_network
def test_state_dict_round_trip(kind: str, name: str, norm: str) -> None:
    network = small(kind, name, norm)
    x = images(2).float()
    network(x)  # moves running statistics
    other = small(kind, name, norm, seed=7, init_gain=0.02)
    assert not torch.equal(joined(maps(other.eval(), x)), joined(maps(network.eval(), x)))
    other.load_state_dict(network.state_dict(), strict=True)
    assert torch.equal(joined(maps(other, x)), joined(maps(network, x)))


@each_network
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("batch", [1, 2])
def test_bfloat16_autocast_is_finite(kind: str, name: str, norm: str, batch: int, device: str) -> None:
    network = small(kind, name, norm).to(device).to(memory_format=torch.channels_last)
    x = images(batch).to(device, torch.float32).contiguous(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast(device, torch.bfloat16):
        y = joined(maps(network, x))
    y.float().square().mean().backward()
    assert x.grad is not None
    assert all(tensor.isfinite().all() for tensor in (y, x.grad, *(p.grad for p in network.parameters() if p.grad is not None)))
    assert x.grad.abs().max() > 0
    exact = joined(maps(small(kind, name, norm).to(device), x.detach()))
    # In the mean: before tanh and behind layers without normalisation a value is large, and a single one may change its sign.
    assert (y.float() - exact).abs().mean() <= 0.06 * (exact.max() - exact.min())


@each_network
def test_batch_independence_is_told_truly(kind: str, name: str, norm: str) -> None:
    network = small(kind, name, norm).double()
    x, y = images(2), images(3).flip(3)
    together, apart = joined(maps(network, torch.cat([x, y]))), torch.cat([joined(maps(network, x)), joined(maps(network, y))])
    assert batch_independent(network) == (norm != "batch")
    assert torch.allclose(together, apart, rtol=1e-10, atol=1e-12) == batch_independent(network)


@each_generator
@pytest.mark.parametrize("norm", get_args(Norm))
@pytest.mark.parametrize("upsampling", ["deconvolution", "resize-convolution"])
def test_generators_take_any_size(name: str, norm: str, upsampling: str) -> None:
    network = small("generator", name, norm, upsampling=upsampling)
    for size in [(1, 1), (1, 30), (7, 2), (8, 8), (9, 33), (31, 16)]:
        y = network(images(1, *size).float())
        assert y.shape == (1, 2, *size)
        assert y.isfinite().all() and y.abs().max() <= 1


@each_generator
def test_generators_pad_only_where_the_size_needs_it(name: str) -> None:
    """An image whose sides are multiples goes through as it is; one pixel more and the next multiple goes through.

    What the layers of the highest resolution see tells; coarser ones may come before them.
    """
    network = small("generator", name, "instance")
    step = int(network.size_multiple)  # type: ignore[arg-type]
    seen: set[tuple[int, ...]] = set()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(lambda _, inputs: seen.add(tuple(inputs[0].shape[2:])))
    for height, padded in ((4 * step, 4 * step), (4 * step + 1, 5 * step)):
        seen.clear()
        network(images(1, height, 2 * step).float())
        assert max(seen) == (padded, 2 * step)


@each_generator
def test_generators_end_at_the_edges_of_the_range(name: str) -> None:
    """tanh at the end: with large weights the output reaches -1 and 1 and stays there."""
    y = small("generator", name, "instance", init_gain=50.0)(images(2).float())
    assert y.min() >= -1 and y.max() <= 1 and y.abs().max() > 0.999


@pytest.mark.parametrize("name", [name for kind, name in NETWORKS if kind == "discriminator"])
@pytest.mark.parametrize("norm", get_args(Norm))
def test_discriminators_score_every_patch(name: str, norm: str) -> None:
    network = small("discriminator", name, norm)
    smallest = int(network.minimum_size)  # type: ignore[arg-type]
    scales = maps(network, images(2, max(smallest, 2), smallest + 5).float())
    assert all(y.ndim == 4 and y.shape[:2] == (2, 1) for y in scales)
    assert int(network.receptive_field) >= 1  # type: ignore[arg-type]


def test_the_schema_names_what_the_registries_hold() -> None:
    assert set(get_args(GeneratorConfig.model_fields["name"].annotation)) == set(GENERATORS)
    assert set(get_args(DiscriminatorConfig.model_fields["name"].annotation)) == set(DISCRIMINATORS)


@pytest.mark.parametrize("norm", get_args(Norm))
def test_a_config_section_builds_its_network(norm: str) -> None:
    """A section can be passed whole, and every key it has reaches the network or is not the network's."""
    for name in GENERATORS:
        keys = of_architecture({"name": name, "norm": norm, "base_channels": 2, "num_blocks": 1, "num_downs": 2})
        section = GeneratorConfig.model_validate(keys)
        assert build(GENERATORS, in_channels=4, out_channels=1, **section.model_dump())(torch.zeros(2, 4, 8, 8)).shape == (2, 1, 8, 8)
    for name in DISCRIMINATORS:
        keys = of_architecture({"name": name, "norm": norm, "base_channels": 2, "num_layers": 1, "num_scales": 2})
        section = DiscriminatorConfig.model_validate(keys)
        for scores in maps(build(DISCRIMINATORS, in_channels=4, **section.model_dump()), torch.zeros(2, 4, 16, 16)):
            assert scores.shape[:2] == (2, 1)
