"""Networks and the reference's: weights go over and back, and outputs, gradients and losses are equal."""

from typing import Literal

import pytest
import torch
from reference_networks import Norms, their_patchgan, their_pixel, their_resnet, their_unet
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.interop.pytorch_cyclegan import LOSS_NAMES, NETWORK_NAMES, SWITCHES, from_reference, reference_losses, to_reference
from gan_style.methods.cyclegan import CycleGANConfig
from gan_style.methods.pix2pix import Pix2PixConfig
from gan_style.networks.discriminators.patchgan import PatchConfig, PatchDiscriminator
from gan_style.networks.discriminators.pixel import PixelConfig, PixelDiscriminator
from gan_style.networks.generators.resnet import ResnetConfig, ResnetGenerator
from gan_style.networks.generators.unet import UnetConfig, UnetGenerator
from gan_style.networks.layers.projection import ProjectionHeads

PAIRS = {
    "resnet": (lambda norm: ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2, norm=norm)), their_resnet),
    "resnet-0-blocks": (
        lambda norm: ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=0, norm=norm)),
        lambda norms: their_resnet(norms, num_blocks=0),
    ),
    "resnet-dropout": (
        lambda norm: ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2, norm=norm, dropout=True)),
        lambda norms: their_resnet(norms, dropout=True),
    ),
    **{
        f"unet-{n}": (
            lambda norm, n=n: UnetGenerator(3, 3, UnetConfig(base_channels=2, num_downs=n, norm=norm, dropout=True)),
            lambda norms, n=n: their_unet(norms, num_downs=n, dropout=True),
        )
        for n in (2, 3, 5, 7)
    },
    **{
        f"patchgan-{n}": (
            lambda norm, n=n: PatchDiscriminator(3, PatchConfig(base_channels=2, num_layers=n, norm=norm)),
            lambda norms, n=n: their_patchgan(norms, num_layers=n),
        )
        for n in (1, 3, 4)
    },
    "pixel": (lambda norm: PixelDiscriminator(3, PixelConfig(base_channels=2, norm=norm)), their_pixel),
    "resnet-antialias": (
        lambda norm: ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2, norm=norm, antialias=True)),
        lambda norms: their_resnet(norms, antialias=True),
    ),
    **{
        f"patchgan-{n}-antialias": (
            lambda norm, n=n: PatchDiscriminator(3, PatchConfig(base_channels=2, num_layers=n, norm=norm, antialias=True)),
            lambda norms, n=n: their_patchgan(norms, num_layers=n, antialias=True),
        )
        for n in (1, 3)
    },
}
each_pair = pytest.mark.parametrize("pair", list(PAIRS))
each_norm = pytest.mark.parametrize("norm", ["instance", "batch"])


def both(pair: str, norm: str, statistics: bool = False) -> tuple[nn.Module, nn.Module]:
    ours, theirs = PAIRS[pair]
    torch.manual_seed(0)
    return ours(norm), theirs(Norms(norm, statistics))


def scrambled(network: nn.Module) -> dict[str, Tensor]:
    """A state dict of random numbers, none of which is a default."""
    torch.manual_seed(1)
    return {
        name: torch.randint(1, 100, tensor.shape) if tensor.dtype == torch.int64 else torch.rand_like(tensor) + 0.1
        for name, tensor in network.state_dict().items()
    }


@each_pair
@each_norm
def test_to_theirs_and_back(pair: str, norm: str) -> None:
    ours, theirs = both(pair, norm)
    ours.load_state_dict(scrambled(ours))
    state = to_reference(ours)
    theirs.load_state_dict(state, strict=True)
    back = from_reference(theirs.state_dict(), ours)
    assert back.keys() == ours.state_dict().keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in ours.state_dict().items())


@each_pair
@each_norm
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_same_output_and_gradient(pair: str, norm: str, training: bool) -> None:
    """In float64; dropout is off, since the two draw other masks."""
    ours, theirs = (network.double().train(training) for network in both(pair, norm))
    for module in (*ours.modules(), *theirs.modules()):
        if isinstance(module, nn.Dropout):
            module.eval()
    ours.load_state_dict(from_reference(theirs.state_dict(), ours), strict=True)
    size = ours.size_multiple if pair.startswith("unet") else 48
    x = torch.rand(2, 3, size, size, dtype=torch.float64) * 2 - 1
    results = []
    for network in (ours, theirs):
        leaf = x.clone().requires_grad_()
        y = network(leaf)
        (y * torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape)).sum().backward()
        results.append((y.detach(), leaf.grad))
    torch.testing.assert_close(results[0], results[1], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("pair", ["resnet-dropout", "unet-5", "patchgan-3", "pixel"])
def test_old_instance_statistics_are_dropped(pair: str) -> None:
    ours, theirs = both(pair, "instance", statistics=True)
    state = theirs.state_dict()
    assert any(name.endswith("running_mean") for name in state)
    ours.load_state_dict(from_reference(state, ours), strict=True)
    assert to_reference(ours).keys() == {name for name in state if name.endswith((".weight", ".bias"))}


def test_the_fixed_filters_go_out_and_are_left_behind() -> None:
    """They are in the state dict that goes out with the reference's values, and whatever comes in of them changes nothing here."""
    ours, theirs = both("resnet-antialias", "instance")
    state = to_reference(ours)
    filters = {name: value for name, value in theirs.state_dict().items() if name.endswith(".filt")}
    assert list(filters) == ["model.7.filt", "model.11.filt", "model.14.filt", "model.18.filt"]
    for name, value in filters.items():
        torch.testing.assert_close(state[name], value)
    with pytest.raises(UserError, match=r"model\.7\."):
        from_reference(state, ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2)))


def test_projection_heads() -> None:
    ours = ProjectionHeads({"pixels": 3, "down1": 8}, width=4)
    theirs = nn.Module()
    for number, channels in enumerate((3, 8)):
        theirs.add_module(f"mlp_{number}", nn.Sequential(nn.Linear(channels, 4), nn.ReLU(), nn.Linear(4, 4)))
    theirs.load_state_dict(to_reference(ours), strict=True)
    back = from_reference(theirs.state_dict(), ours)
    assert back.keys() == ours.state_dict().keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in ours.state_dict().items())


def test_old_batch_norms_and_wrappers() -> None:
    """Checkpoints from before `num_batches_tracked`, saved through DataParallel."""
    ours, theirs = both("patchgan-3", "batch")
    state = {f"module.{name}": tensor for name, tensor in theirs.state_dict().items() if not name.endswith("num_batches_tracked")}
    converted = from_reference(state, ours)
    ours.load_state_dict(converted, strict=True)
    assert torch.equal(converted["head.weight"], state["module.model.11.weight"])
    assert converted["layers.1.norm.num_batches_tracked"].item() == 0


def test_without_normalisation_missing_biases_are_zero() -> None:
    ours, theirs = both("resnet", "none")
    ours.load_state_dict(from_reference(theirs.state_dict(), ours), strict=True)
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(ours(x), theirs(x))
    assert to_reference(ours).keys() == theirs.state_dict().keys()
    nn.init.ones_(ours.blocks[1].conv2.bias)
    with pytest.raises(UserError, match=r"norm none: .* has no bias at model\.11\.conv_block\.5"):
        to_reference(ours)


class TestMistakes:
    def test_another_size(self) -> None:
        with pytest.raises(UserError, match=r"'model\.1\.weight' is \[4, 3, 7, 7\] in the weights and \[8, 3, 7, 7\] here"):
            from_reference(their_resnet(Norms("instance")).state_dict(), ResnetGenerator(3, 3, ResnetConfig(base_channels=8, num_blocks=2)))

    def test_another_number_of_blocks(self) -> None:
        state = their_resnet(Norms("instance"), num_blocks=3).state_dict()
        with pytest.raises(UserError, match=r"model\.12\.weight.*not among the weights"):
            from_reference(state, ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2)))

    def test_another_depth(self) -> None:
        state = their_unet(Norms("batch"), num_downs=6).state_dict()
        with pytest.raises(UserError, match=r"model\.3\.model\.3\.weight"):
            from_reference(state, UnetGenerator(3, 3, UnetConfig(base_channels=2, num_downs=5, norm="batch")))

    @pytest.mark.parametrize(("theirs", "ours"), [("instance", "batch"), ("batch", "instance")])
    def test_another_norm(self, theirs: str, ours: str) -> None:
        with pytest.raises(UserError, match="PatchDiscriminator"):
            from_reference(their_patchgan(Norms(theirs)).state_dict(), PatchDiscriminator(3, PatchConfig(base_channels=2, norm=ours)))

    def test_statistics_where_no_normalisation_is(self) -> None:
        state = their_resnet(Norms("instance", statistics=True)).state_dict()
        with pytest.raises(UserError, match="running_mean"):
            from_reference(state, ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2, norm="none")))

    def test_dropout(self) -> None:
        with pytest.raises(UserError, match=r"conv_block\.5\.weight"):
            from_reference(
                their_resnet(Norms("instance"), dropout=True).state_dict(),
                ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2)),
            )

    def test_something_left_over(self) -> None:
        ours, theirs = both("pixel", "instance")
        state = {**theirs.state_dict(), "net.9.weight": torch.zeros(1)}
        with pytest.raises(UserError, match=r"'net\.9\.weight'"):
            from_reference(state, ours)

    @pytest.mark.parametrize("upsampling", ["resize-convolution", "bilinear-convolution"])
    def test_resize_convolution_does_not_go_out(self, upsampling: Literal["resize-convolution", "bilinear-convolution"]) -> None:
        with pytest.raises(UserError, match=f"upsampling {upsampling}"):
            to_reference(ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=1, upsampling=upsampling)))

    def test_a_network_they_do_not_have(self) -> None:
        with pytest.raises(UserError, match="Linear"):
            to_reference(nn.Linear(1, 1))


def test_losses_of_pix2pix() -> None:
    ours = {"adversarial": 1.0, "l1": 2.0, "discriminator_real": 4.0, "discriminator_fake": 8.0}
    theirs = reference_losses(Pix2PixConfig(), {name: torch.tensor(value) for name, value in ours.items()})
    assert {name: value.item() for name, value in theirs.items()} == {"G_GAN": 1, "G_L1": 2, "D_real": 8, "D_fake": 16}


def test_losses_of_cyclegan() -> None:
    names = ["adversarial_ab", "adversarial_ba", "cycle_a", "cycle_b", "identity_a", "identity_b"]
    names += ["discriminator_a_real", "discriminator_a_fake", "discriminator_b_real", "discriminator_b_fake"]
    ours = {name: torch.tensor(2.0**i, dtype=torch.float64) for i, name in enumerate(names)}
    theirs = reference_losses(CycleGANConfig(), ours)
    expected = {"G_A": 1, "G_B": 2, "cycle_A": 4, "cycle_B": 8, "idt_A": 32, "idt_B": 16, "D_A": 256 + 512, "D_B": 64 + 128}
    assert {name: value.item() for name, value in theirs.items()} == expected


def test_a_term_that_is_switched_off_counts_as_0_and_one_that_is_missing_is_left_out() -> None:
    terms = ["adversarial_ab", "adversarial_ba", "cycle_a", "cycle_b"]
    ours = {name: torch.tensor(1.0, dtype=torch.float64) for name in terms}
    off = reference_losses(CycleGANConfig(identity_weight=0.0), ours)
    assert off.keys() == {"G_A", "G_B", "cycle_A", "cycle_B", "idt_A", "idt_B"}
    assert off["idt_A"].item() == off["idt_B"].item() == 0 and off["idt_A"].dtype == torch.float64
    assert reference_losses(CycleGANConfig(), ours).keys() == {"G_A", "G_B", "cycle_A", "cycle_B"}


def test_tables_cover_the_same_methods() -> None:
    assert SWITCHES.keys() == LOSS_NAMES.keys()
    assert LOSS_NAMES.keys() == {"pix2pix", "cyclegan"}
    assert NETWORK_NAMES.keys() == {*LOSS_NAMES, "cut"}  # its patches are drawn at random: there is no trajectory to compare
    assert NETWORK_NAMES["cyclegan"]["D_A"] == "discriminator_b"
