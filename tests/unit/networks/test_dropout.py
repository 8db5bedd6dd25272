"""Dropout by sample: rate, scale and independence by arithmetic; the same masks however a batch is divided, laid out or recomputed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch
from tiny_networks import tiny_network
from torch import Tensor, nn

from gan_style.networks import GENERATORS, configs
from gan_style.networks.layers.dropout import Dropout, dropouts, masks_by_sample, of_samples_at
from gan_style.networks.layers.recomputation import stage_runner

CPU = torch.device("cpu")


@contextmanager
def drawing_for(network: nn.Module, numbers: Sequence[int], *purpose: int | str) -> Iterator[None]:
    with masks_by_sample(dropouts({"network": network}), numbers, CPU, *(purpose or (0, "translate"))):
        yield


def mask(layer: Dropout, numbers: Sequence[int], *purpose: int | str, shape: tuple[int, ...] = (16, 64, 64)) -> Tensor:
    """What became of ones [B, *shape]."""
    with drawing_for(layer, numbers, *purpose):
        return layer(torch.ones(len(numbers), *shape))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_each_value_is_0_with_probability_p_or_scaled_up(p: float) -> None:
    values = mask(Dropout(p), range(16))  # 2**20 values
    dropped = (values == 0).double().mean().item()
    assert abs(dropped - p) < 5 * (p * (1 - p) / values.numel()) ** 0.5
    torch.testing.assert_close(values[values != 0].unique(), torch.tensor([1 / (1 - p)]))


@pytest.mark.parametrize("dims", [(0,), (1,), (2, 3)])
def test_no_sample_channel_or_place_is_dropped_more_than_others(dims: tuple[int, ...]) -> None:
    """The shares along any axis scatter as those of fair coins do."""
    kept = (mask(Dropout(), range(16)) != 0).double()
    rest = [dim for dim in range(4) if dim not in dims]
    shares = kept.mean(dim=rest).flatten()
    count = kept.numel() / shares.numel()
    score = (4 * count * (shares - 0.5).square()).sum().item()  # chi-squared, as many degrees of freedom as there are shares
    assert abs(score - len(shares)) < 5 * (2 * len(shares)) ** 0.5


def neighbours() -> dict[str, tuple[Tensor, Tensor]]:
    """Pairs of masks that must have nothing in common."""
    network = nn.ModuleDict({"first": Dropout(), "second": Dropout()})
    layer = Dropout()
    ones = torch.ones(1, 16, 64, 64)
    with drawing_for(network, [7]):
        layers = network["first"](ones), network["second"](ones)
        passes = layers[0], network["first"](ones)
    with drawing_for(layer, [7]):
        copies = layer(torch.cat([ones, ones])).split(1)
    pixels = mask(layer, [7])
    return {
        "layers": layers,
        "passes": passes,
        "copies": (copies[0], copies[1]),
        "samples": (pixels, mask(layer, [8])),
        "purposes": (pixels, mask(layer, [7], 0, "losses", "generator")),
        "seeds": (pixels, mask(layer, [7], 1, "translate")),
        "columns": (pixels[..., 1:], pixels[..., :-1]),
        "rows": (pixels[:, :, 1:], pixels[:, :, :-1]),
        "channels": (pixels[:, 1:], pixels[:, :-1]),
    }


@pytest.mark.parametrize("which", neighbours())
def test_masks_of_different_things_are_independent(which: str) -> None:
    first, second = ((values != 0).double() - 0.5 for values in neighbours()[which])
    correlation = 4 * (first * second).mean().item()
    assert abs(correlation) < 5 / first.numel() ** 0.5


def test_a_mask_belongs_to_the_sample_whatever_else_is_in_the_batch() -> None:
    layer = Dropout()
    whole = mask(layer, [4, 5, 6, 7])
    for rows in ([0, 1], [2, 3], [3, 0], [2]):
        assert torch.equal(mask(layer, [4 + row for row in rows]), whole[rows])


def test_inputs_joined_and_one_by_one_have_the_same_masks() -> None:
    """Two images of each sample in one forward, or in two."""
    layer, numbers = Dropout(), [3, 9]
    together = mask(layer, numbers * 2)
    with drawing_for(layer, numbers):
        joined = layer(torch.ones(4, 16, 64, 64))
    with drawing_for(layer, numbers):
        one_by_one = torch.cat([layer(torch.ones(2, 16, 64, 64)) for _ in range(2)])
    assert torch.equal(joined, one_by_one)
    assert torch.equal(joined[:2], together[:2]) and not torch.equal(joined[2:], together[2:])


def test_memory_format_and_precision_do_not_change_the_mask() -> None:
    layer, x = Dropout(), torch.rand(2, 6, 5, 7) + 1
    kept = []
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
        for layout in (torch.contiguous_format, torch.channels_last):
            with drawing_for(layer, [1, 2]):
                y = layer(x.to(dtype, memory_format=layout))
            assert y.dtype == dtype and y.is_contiguous(memory_format=layout)
            kept.append(y != 0)
    assert all(torch.equal(each, kept[0]) for each in kept)


def test_gradient_goes_through_what_was_kept() -> None:
    layer, x = Dropout(0.25), torch.rand(2, 3, 8, 8, requires_grad=True)
    with drawing_for(layer, [1, 2]):
        y = layer(x)
    y.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, (y != 0).float() / 0.75)


def test_evaluation_draws_nothing_and_no_context_means_torch_s_generator() -> None:
    layer, x = Dropout(), torch.rand(2, 3, 8, 8)
    with drawing_for(layer.eval(), [1, 2]):
        assert layer(x) is x
    layer.train()
    results = []
    for module in (layer, nn.Dropout(0.5)):
        torch.manual_seed(3)
        results.append(module(x))
    assert torch.equal(*results)
    with drawing_for(layer, [1, 2]):
        before = torch.get_rng_state()
        assert not torch.equal(layer(x), results[0])
        assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_the_extremes_keep_all_and_nothing(p: float) -> None:
    assert torch.equal(mask(Dropout(p), [1]), torch.full((1, 16, 64, 64), 1 - p))


def test_some_samples_alone_have_masks_of_their_own_which_others_do_not_notice() -> None:
    """Of the same sample the same masks, whichever others come along; what is drawn later does not depend on it."""
    layer, later, alone = Dropout(), [], {}
    for places in ([0, 2], [2], []):
        with drawing_for(layer, [5, 6, 7]):
            usual = layer(torch.ones(3, 4, 16, 16))
            if places:
                with of_samples_at(layer, places):
                    alone[len(places)] = layer(torch.ones(len(places), 4, 16, 16))[-1]
            later.append(layer(torch.ones(3, 4, 16, 16)))
    assert torch.equal(alone[1], alone[2])
    assert not torch.equal(alone[1], usual[2]) and not torch.equal(alone[1], later[0][2])
    assert torch.equal(later[0], later[1]) and torch.equal(later[0], later[2])


def test_rows_that_no_sample_is_known_for_are_an_error() -> None:
    layer = Dropout()
    with drawing_for(layer, [5, 6]), pytest.raises(ValueError, match="3 rows are no whole number of batches of 2 samples"):
        layer(torch.ones(3, 4, 4, 4))


def test_recomputation_finds_the_masks_of_its_own_forward() -> None:
    """Two forwards before a backward that is outside of the context."""
    results = []
    stage, x = nn.Sequential(nn.Linear(8, 8), Dropout(), nn.Tanh()), torch.rand(4, 8)
    for recompute in (False, True):
        run = stage_runner(recompute)
        stage.zero_grad()
        with drawing_for(stage, [1, 2]):
            total = (run(stage, x) * run(stage, 2 * x)).sum()
        total.backward()
        results.append([parameter.grad for parameter in stage.parameters()])
    assert all(torch.equal(*gradients) for gradients in zip(*results, strict=True))


@pytest.mark.parametrize("name", ["resnet", "unet"])
def test_a_compiled_network_draws_the_same_masks_in_each_step(name: str) -> None:
    """No break in the graph, and keys that are inputs of it, not constants."""
    torch._dynamo.reset()
    network = tiny_network(GENERATORS, name, in_channels=3, out_channels=3, base_channels=2, num_downs=6, num_blocks=1, dropout=True)
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    for numbers in ([1, 2], [3, 4], [5, 6]):
        x, results = torch.rand(2, 3, 64, 64), []
        for module in (network, compiled):
            with drawing_for(network, numbers), torch.compiler.set_stance("default" if numbers[0] == 1 else "fail_on_recompile"):
                results.append(torch.stack([module(x), module(x)]))
        assert torch.equal(results[0], results[1])
        assert not torch.equal(results[0][0], results[0][1])


def test_every_dropout_of_every_generator_is_by_sample() -> None:
    for name, section in configs(GENERATORS).items():
        network = tiny_network(GENERATORS, name, in_channels=3, out_channels=3, num_downs=6, num_blocks=1, dropout=True)
        found = [module for module in network.modules() if isinstance(module, nn.modules.dropout._DropoutNd)]
        assert all(isinstance(module, Dropout) for module in found)
        assert bool(found) == ("dropout" in section.model_fields)
