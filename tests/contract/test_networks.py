"""What every generator and discriminator promises, for each that the registries hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args
from unittest.mock import patch

import pytest
import torch
from tiny_networks import tiny_network
from torch import Tensor, nn

from gan_style import networks
from gan_style.config.network import NetworkConfig, having_key
from gan_style.errors import UserError
from gan_style.networks import DISCRIMINATORS, GENERATORS, STYLIZERS, batch_independent, configs
from gan_style.networks.discriminator import AnySizeDiscriminator
from gan_style.networks.layers import normalisation

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
SMALL = {"in_channels": 3, "out_channels": 2, "base_channels": 4, "num_blocks": 2, "num_downs": 3, "num_layers": 2, "num_scales": 2}
SMALLER = {"multiscale": {"num_layers": 1}}  # so that the images below are large enough for each scale
REGISTRIES = {"generator": GENERATORS, "stylizer": STYLIZERS, "discriminator": DISCRIMINATORS}
REGISTRIES_OF_ALL = {name: registry for name, registry in vars(networks).items() if name.isupper()}
DRAWN = 0.1  # largest value of a parameter that would begin at 0
NEEDED = {"skip": {"out_channels": 3}}  # settings that a switch asks for
OF_TRAINING = {"spectral_norm", "dropout", "activation_checkpointing"}  # switches that have tests of their own


def norms(section: type[NetworkConfig]) -> tuple[str, ...]:
    """The normalisations that a network can have; one that has only its own has no such key."""
    return get_args(section.model_fields["norm"].annotation) if "norm" in section.model_fields else ("own",)


def switches(section: type[NetworkConfig]) -> list[str]:
    """The keys that make another network of it; "" for the network as it is."""
    return ["", *(key for key, field in section.model_fields.items() if field.annotation is bool and key not in OF_TRAINING)]


CASES = [
    pytest.param(kind, f"{name} {switch}".strip(), norm, id=f"{name}-{switch}-{norm}".replace("--", "-"))
    for kind, registry in REGISTRIES.items()
    for name, section in configs(registry).items()
    for switch in switches(section)
    for norm in norms(section)
]
each_network = pytest.mark.parametrize(("kind", "name", "norm"), CASES)


def cases(kind: str) -> list[Any]:
    """Names and norms of all networks of a kind."""
    return [pytest.param(*case.values[1:], id=case.id) for case in CASES if case.values[0] == kind]


each_generator = pytest.mark.parametrize(("name", "norm"), cases("generator"))


def small(kind: str, name: str, norm: str, seed: int = 0, **keywords: Any) -> nn.Module:
    """A small network, the same at every call. Parameters that begin at 0 are drawn, so that there is a gradient behind them.

    They are positive: one that the network clips to [0, 1] has a gradient too.
    """
    torch.manual_seed(seed)
    name, _, switch = name.partition(" ")
    keys = {
        "init_gain": 0.2,
        **SMALL,
        **SMALLER.get(name, {}),
        "norm": norm,
        **({switch: True} if switch else {}),
        **NEEDED.get(switch, {}),
        **keywords,
    }
    network = tiny_network(REGISTRIES[kind], name, **keys)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.uniform_(parameter, 0.0, DRAWN)
    return network


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
        assert truth[tensor].norm() > 0 or tensor.endswith("bias"), (
            f"{tensor} has no gradient; if it began at 0, it was drawn from [0, {DRAWN}]"
        )
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
    assert norm == "own" or batch_independent(network) == (norm != "batch")
    together, apart = joined(maps(network, torch.cat([x, y]))), torch.cat([joined(maps(network, x)), joined(maps(network, y))])
    assert torch.allclose(together, apart, rtol=1e-10, atol=1e-12) == batch_independent(network)


@each_generator
def test_generators_take_any_size(name: str, norm: str) -> None:
    for keys in ({}, {"upsampling": "resize-convolution"}, {"upsampling": "bilinear-convolution"}):
        network = small("generator", name, norm, **keys)
        for size in [(1, 1), (1, 30), (7, 2), (8, 8), (9, 33), (31, 16)]:
            y = network(images(1, *size).float())
            assert y.shape == (1, 2, *size)
            assert y.isfinite().all() and y.abs().max() <= 1


@each_generator
def test_generators_pad_only_where_the_size_needs_it(name: str, norm: str) -> None:
    """An image whose sides are multiples goes through as it is; one pixel more and the next multiple goes through.

    What the layers of the highest resolution see tells; coarser ones may come before them.
    """
    network = small("generator", name, norm)
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
def test_generators_end_at_the_edges_of_the_range(name: str, norm: str) -> None:
    """tanh at the end: with large weights the output reaches -1 and 1 and stays there."""
    y = small("generator", name, norm, init_gain=50.0).double()(images(2))
    assert y.min() >= -1 and y.max() <= 1 and y.abs().max() > 0.999


@pytest.mark.parametrize(("name", "norm"), cases("discriminator"))
def test_discriminators_score_every_patch(name: str, norm: str) -> None:
    network = small("discriminator", name, norm)
    smallest = int(network.minimum_size)  # type: ignore[arg-type]
    scales = maps(network, images(2, max(smallest, 2), smallest + 5).float())
    assert all(y.ndim == 4 and y.shape[:2] == (2, 1) for y in scales)
    assert int(network.receptive_field) >= 1  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", REGISTRIES_OF_ALL)
def test_discriminators_of_images_of_any_size_are_told_from_all_other_networks(kind: str) -> None:
    wanted = kind in ("DISCRIMINATORS", "CLASSIFYING_DISCRIMINATORS")
    for name in REGISTRIES_OF_ALL[kind]:
        given = {**SMALL, **SMALLER.get(name, {}), "classes": 3, "size": 16, "latent": 3, "styles": 2, "vgg": None}
        network = tiny_network(REGISTRIES_OF_ALL[kind], name, **given)
        assert isinstance(network, AnySizeDiscriminator) == wanted, name
        if isinstance(network, AnySizeDiscriminator):
            smallest = network.minimum_size
            network.eval()(torch.zeros(1, 3, smallest, smallest))
            if smallest > 1:
                with pytest.raises(UserError, match="small"):
                    network(torch.zeros(1, 3, smallest - 1, smallest))


@pytest.mark.parametrize("name", having_key(configs(GENERATORS), "activation_checkpointing"))
@pytest.mark.parametrize("batch_norm", [False, True])
def test_what_is_recomputed_gives_the_same_bits(name: str, batch_norm: bool) -> None:
    """Output, gradients, running statistics and the random state, with all the dropout that the network can have."""
    norm = "batch" if batch_norm and "batch" in norms(configs(GENERATORS)[name]) else "instance"
    results, runs = [], []
    for recompute in (False, True):
        network, ran = small("generator", name, norm, activation_checkpointing=recompute, dropout=True), [0]
        for module in network.modules():
            module.register_forward_pre_hook(lambda *_, ran=ran: ran.__setitem__(0, ran[0] + 1))
        torch.manual_seed(1)
        x = images(2).float().requires_grad_()
        for _ in range(2):
            y = network(x)
            torch.randn(3)  # what else draws between a forward and its backward
            y.square().mean().backward()
        found = {"output": y.detach(), "input": x.grad, "after": torch.rand(3)}
        results.append(found | {key: value.grad for key, value in network.named_parameters()} | dict(network.named_buffers()))
        runs.append(ran[0])
    assert runs[1] > runs[0], "nothing was recomputed"
    for key, value in results[0].items():
        assert value is None or torch.equal(value, results[1][key]), key


@pytest.mark.parametrize(("registry", "name"), [(each, name) for each, registry in REGISTRIES_OF_ALL.items() for name in registry])
def test_a_network_is_called_what_its_section_calls_it(registry: str, name: str) -> None:
    section = configs(REGISTRIES_OF_ALL[registry])[name]
    assert section.model_fields["name"].default == name and get_args(section.model_fields["name"].annotation) == (name,)
    assert section().name == name
    assert all(field.description for field in section.model_fields.values())
