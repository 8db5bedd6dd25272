import inspect

import pytest
import torch
from torch import nn

from gan_style.errors import UserError
from gan_style.networks import GENERATORS, build
from gan_style.networks.resnet import ResnetGenerator
from gan_style.networks.unet import UnetGenerator
from gan_style.networks.upsampling import ResizeConvolution, upsampling_layer


def test_resnet_has_the_papers_size() -> None:
    """CycleGAN's generator with 9 blocks has 11.378 million parameters (the count that the reference prints)."""
    assert sum(parameter.numel() for parameter in ResnetGenerator(3, 3).parameters()) == 11_378_179


def test_unet_has_the_papers_size() -> None:
    """pix2pix's unet_256 with batch normalisation: 54.414 million (the count that the reference prints)."""
    assert sum(parameter.numel() for parameter in UnetGenerator(3, 3, norm="batch").parameters()) == 54_413_955


def test_resnet_blocks_and_dropout() -> None:
    network = ResnetGenerator(3, 1, base_channels=4, num_blocks=0)
    assert network(torch.zeros(1, 3, 8, 8)).shape == (1, 1, 8, 8)
    active = [module.p for module in ResnetGenerator(3, 3, 4, num_blocks=2, dropout=True).modules() if isinstance(module, nn.Dropout)]
    assert active == [0.5, 0.5]


@pytest.mark.parametrize(
    ("num_downs", "expected"), [(2, []), (5, []), (6, ["ups.1"]), (7, ["ups.1", "ups.2"]), (8, ["ups.1", "ups.2", "ups.3"])]
)
def test_unet_dropout_is_in_the_inner_decoder(num_downs: int, expected: list[str]) -> None:
    network = UnetGenerator(3, 3, base_channels=2, num_downs=num_downs, dropout=True)
    assert [name.removesuffix(".dropout") for name, module in network.named_modules() if isinstance(module, nn.Dropout)] == expected
    assert not any(isinstance(module, nn.Dropout) for module in UnetGenerator(3, 3, 2, num_downs=8).modules())


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_unet_biases(norm: str) -> None:
    """Every convolution has a bias unless batch normalisation makes it idle; the outermost deconvolution always has one."""
    network = UnetGenerator(3, 3, base_channels=2, num_downs=4, norm=norm)
    biases = {name for name, module in network.named_modules() if getattr(module, "bias", None) is not None and "conv" in name}
    everywhere = {f"downs.{i}.conv" for i in range(4)} | {f"ups.{i}.conv" for i in range(4)}
    assert biases == ({"ups.3.conv"} if norm == "batch" else everywhere)


def test_unet_normalises_all_but_the_ends() -> None:
    names = [name for name in UnetGenerator(3, 3, 2, num_downs=4, norm="batch").state_dict() if name.endswith("running_mean")]
    assert names == [f"{layer}.norm.running_mean" for layer in ("downs.1", "downs.2", "ups.0", "ups.1", "ups.2")]


def test_unet_refuses_one_level() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        UnetGenerator(3, 3, num_downs=1)


@pytest.mark.parametrize("kernel_size", [3, 4])
@pytest.mark.parametrize("upsampling", ["deconvolution", "resize-convolution"])
def test_upsampling_doubles(upsampling: str, kernel_size: int) -> None:
    assert upsampling_layer(upsampling, 3, 5, kernel_size, bias=True)(torch.zeros(2, 3, 1, 7)).shape == (2, 5, 2, 14)


def test_upsampling_by_another_name() -> None:
    with pytest.raises(ValueError, match="'bilinear'"):
        upsampling_layer("bilinear", 3, 5, 3, bias=True)


def test_resize_convolution_has_no_checkerboard() -> None:
    """Of a constant map it makes a constant map, which a deconvolution does not."""
    torch.manual_seed(0)
    flat = torch.ones(1, 2, 4, 4)
    spread = {}
    for name in ("resize-convolution", "deconvolution"):
        inside = upsampling_layer(name, 2, 1, 3, bias=False)(flat)[0, 0, 2:-2, 2:-2]
        spread[name] = (inside.max() - inside.min()).item()
    assert spread["resize-convolution"] < 1e-6 < 1e-2 < spread["deconvolution"]


@pytest.mark.parametrize("name", [name for name, kind in GENERATORS.items() if "upsampling" in inspect.signature(kind).parameters])
def test_upsampling_reaches_the_network(name: str) -> None:
    network = build(
        GENERATORS, name, in_channels=3, out_channels=2, base_channels=4, num_downs=3, num_blocks=1, upsampling="resize-convolution"
    )
    assert not any(isinstance(module, nn.ConvTranspose2d) for module in network.modules())
    assert any(isinstance(module, ResizeConvolution) for module in network.modules())
    assert network(torch.zeros(1, 3, 17, 8)).shape == (1, 2, 17, 8)


def test_build_takes_what_the_class_knows_and_draws_weights() -> None:
    torch.manual_seed(0)
    network = build(GENERATORS, "resnet", init_gain=0.5, in_channels=3, out_channels=3, base_channels=8, num_blocks=1, num_downs=99)
    assert isinstance(network, ResnetGenerator) and len(network.blocks) == 1
    assert network.blocks[0].conv1.weight.std().item() == pytest.approx(0.5, rel=0.05)  # type: ignore[union-attr]
    with pytest.raises(UserError, match="did you mean 'resnet'"):
        build(GENERATORS, "resnt")
    with pytest.raises(UserError, match="choose from resnet, unet, global"):
        build(GENERATORS, "xyz")
