"""The generators of pix2pixHD and SPADE: their papers' widths, and what reaches what."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from gan_style.networks.generators.coarse_to_fine import CoarseToFineConfig, CoarseToFineGenerator, GlobalConfig, GlobalGenerator
from gan_style.networks.generators.spade import SpadeBlock, SpadeConfig, SpadeGenerator, SpadeNorm
from gan_style.networks.layers.pyramid import halved


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_global_generator_has_the_papers_layers() -> None:
    """c7s1-64, d128, d256, d512, d1024, R1024 x 9, u512, u256, u128, u64, c7s1-3 (appendix): counted by hand, with biases."""
    network = GlobalGenerator(3, 3, GlobalConfig())
    widths = [64, 128, 256, 512, 1024]
    pairs = list(pairwise(widths))
    expected = 3 * 64 * 49 + 64 + sum(9 * a * b + b for a, b in pairs) + 9 * 2 * (9 * 1024 * 1024 + 1024)
    expected += sum(9 * a * b + a for a, b in pairs) + 64 * 3 * 49 + 3
    assert parameters(network) == expected
    assert (network.size_multiple, network.minimum_size) == (16, 32)


def test_local_enhancer_has_the_papers_layers() -> None:
    """c7s1-32, d64, R64 x 3, u32, c7s1-3 around a global generator without its last layer."""
    network = CoarseToFineGenerator(3, 3, CoarseToFineConfig())
    own = parameters(network) - parameters(network.coarse)
    expected = 3 * 32 * 49 + 32 + 9 * 32 * 64 + 64 + 3 * 2 * (9 * 64 * 64 + 64) + 9 * 64 * 32 + 32 + 32 * 3 * 49 + 3
    assert own == expected
    alone = GlobalGenerator(3, 3, GlobalConfig()).coarse
    assert {name: tuple(value.shape) for name, value in network.coarse.state_dict().items()} == {
        name: tuple(value.shape) for name, value in alone.state_dict().items()
    }
    assert network.size_multiple == 32


def test_deep_global_generators_stop_widening() -> None:
    assert (
        max(
            parameter.shape[0] for parameter in GlobalGenerator(3, 3, GlobalConfig(base_channels=2, num_blocks=1, num_downs=7)).parameters()
        )
        == 32
    )


@pytest.mark.parametrize("num_enhancers", [1, 2])
def test_the_result_depends_on_the_coarse_part_and_on_every_enhancer(num_enhancers: int) -> None:
    torch.manual_seed(0)
    network = CoarseToFineGenerator(3, 3, CoarseToFineConfig(base_channels=8, num_blocks=1, num_downs=2, num_enhancers=num_enhancers))
    x = torch.rand(1, 3, 32, 32)
    before = network(x)
    for part in (network.coarse, *network.enhancers):
        stem = next(part.parameters())
        kept = stem.detach().clone()
        with torch.no_grad():
            stem.normal_()
        assert (network(x) - before).abs().max() > 1e-4
        with torch.no_grad():
            stem.copy_(kept)
    assert torch.equal(network(x), before)


def test_enhancers_refine_what_the_coarse_part_sees_at_a_lower_resolution() -> None:
    """G1 sees the image halved n times; each enhancer adds its own features to those before and sees the next larger image."""
    network = CoarseToFineGenerator(3, 1, CoarseToFineConfig(base_channels=8, num_blocks=1, num_downs=2, num_enhancers=2))
    seen: list[Tensor] = []
    for part in (network.coarse, *network.enhancers):
        part.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x = torch.rand(1, 3, 32, 48)
    network(x)
    torch.testing.assert_close(seen, [halved(halved(x)), halved(x), x])
    enhancer = network.enhancers[0]
    with torch.no_grad():
        for parameter in (*enhancer.stem.parameters(), *enhancer.down.parameters()):  # type: ignore[union-attr]
            parameter.zero_()
        coarse = torch.rand(1, 8, 8, 12)
        expected = coarse
        for block in enhancer.blocks:  # type: ignore[union-attr]
            expected = block(expected)
        torch.testing.assert_close(enhancer(halved(x), coarse), enhancer.up(expected))  # type: ignore[operator]


def norm_of(name: str) -> SpadeNorm:
    torch.manual_seed(0)
    return SpadeNorm(channels=2, labels=3, hidden=4, norm=name)


def plain(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    centred = x - x.mean(dims, keepdim=True)
    return centred / (centred.square().mean(dims, keepdim=True) + 1e-5).sqrt()


@pytest.mark.parametrize(("name", "dims"), [("instance", (2, 3)), ("batch", (0, 2, 3)), ("none", None)])
def test_without_gamma_and_beta_it_is_the_plain_normalisation(name: str, dims: tuple[int, ...] | None) -> None:
    norm = norm_of(name)
    for conv in (norm.gamma, norm.beta):
        nn.init.zeros_(conv.weight)
        nn.init.zeros_(conv.bias)
    x, labels = torch.rand(2, 2, 4, 5), torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(norm(x, labels), x if dims is None else plain(x, dims))


def test_each_pixel_is_modulated_by_its_label() -> None:
    """Two classes, 1 x 1 dependence: where the label is 1, gamma is 2 and beta 5; where it is 0, both are 0."""
    norm = SpadeNorm(channels=1, labels=1, hidden=1, norm="instance")
    for conv, centre in ((norm.shared, 1.0), (norm.gamma, 2.0), (norm.beta, 5.0)):
        nn.init.zeros_(conv.weight)
        nn.init.zeros_(conv.bias)
        conv.weight.data[0, 0, 1, 1] = centre
    x = torch.rand(1, 1, 2, 4)
    labels = torch.tensor([[[[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]]]])
    normalised = plain(x, (2, 3))
    torch.testing.assert_close(norm(x, labels), torch.where(labels == 1, 3 * normalised + 5, normalised))


def test_spade_has_the_papers_widths() -> None:
    """Blocks of 1024, 1024, 1024, 512, 256, 128, 64 (appendix A); modulations through 128 channels."""
    blocks = [block for block in SpadeGenerator(5, 3, SpadeConfig()).blocks if isinstance(block, SpadeBlock)]
    assert [block.second.conv.out_channels for block in blocks] == [1024, 1024, 1024, 512, 256, 128, 64]
    assert [block.shortcut is not None for block in blocks] == [False] * 3 + [True] * 4
    assert {block.first.norm.shared.out_channels for block in blocks} == {128}
    assert {block.first.norm.shared.in_channels for block in blocks} == {5}


def test_a_flat_label_map_is_not_washed_away() -> None:
    """The paper's argument (section 3.1): an instance normalisation makes 0 of what a layer says of any flat map, SPADE does not."""
    norm = norm_of("instance")
    layer = nn.Conv2d(3, 2, 1)
    flat = [torch.eye(3)[label].view(1, 3, 1, 1).expand(1, 3, 4, 4) for label in range(2)]
    washed = [norm.plain(layer(labels)) for labels in flat]
    assert max(each.abs().max().item() for each in washed) < 1e-3
    told = [norm(layer(labels), labels) for labels in flat]
    assert (told[0] - told[1]).abs().mean() > 0.01


def test_labels_are_thinned_never_mixed() -> None:
    network = SpadeGenerator(2, 3, SpadeConfig(base_channels=2, num_downs=2))
    seen: list[Tensor] = []
    for module in network.modules():
        if isinstance(module, SpadeNorm):
            module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    labels = torch.nn.functional.one_hot(torch.randint(0, 2, (1, 16, 24)), 2).permute(0, 3, 1, 2).float()
    network(labels)
    assert {tuple(each.shape[2:]) for each in seen} == {(4, 6), (8, 12), (16, 24)}
    for each in seen:
        step = 16 // each.shape[2]
        assert torch.equal(each, labels[:, :, ::step, ::step])
