import pytest
import torch
from tiny_networks import tiny_network
from torch import nn

from gan_style.config.network import having_key
from gan_style.networks import GENERATORS, build, configs
from gan_style.networks.generators.resnet import ResnetConfig, ResnetGenerator
from gan_style.networks.generators.unet import UnetConfig, UnetGenerator
from gan_style.networks.layers.downsampling import BlurPool
from gan_style.networks.layers.patches import draw_positions
from gan_style.networks.layers.upsampling import AntialiasedConvolution, ResizeConvolution, upsampling_layer


def test_resnet_has_the_papers_size() -> None:
    """CycleGAN's generator with 9 blocks has 11.378 million parameters (the count that the reference prints)."""
    assert sum(parameter.numel() for parameter in ResnetGenerator(3, 3, ResnetConfig()).parameters()) == 11_378_179


def test_antialiased_resnet_has_as_many_weights() -> None:
    """CUT's generator with 9 blocks has the same count; its blurs and resizes are no weights."""
    network = ResnetGenerator(3, 3, ResnetConfig(antialias=True))
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_378_179
    assert network.state_dict().keys() == ResnetGenerator(3, 3, ResnetConfig()).state_dict().keys()
    assert [type(layer) for down in network.downs for layer in down.children()].count(BlurPool) == 2
    assert [type(layer) for up in network.ups for layer in up.children()].count(AntialiasedConvolution) == 2
    resized = ResnetGenerator(3, 3, ResnetConfig(base_channels=2, antialias=True, upsampling="resize-convolution"))
    assert any(isinstance(module, ResizeConvolution) for module in resized.modules())
    assert not any(isinstance(module, AntialiasedConvolution) for module in resized.modules())


# Where each feature layer is among the modules of a generator with 2 blocks.
FEATURES = {"stem": "stem", "down1": "downs.0.conv", "down2": "downs.1.conv", "block1": "blocks.0", "block2": "blocks.1"}


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("norm", ["instance", "none"])
@pytest.mark.parametrize("size", [(16, 24), (13, 18), (5, 3)], ids=str)
def test_features_come_with_the_translation(antialias: bool, norm: str, size: tuple[int, int]) -> None:
    """They are what the layers gave, at the positions; the translation is the same; the shapes are those that `feature_stages` says."""
    torch.manual_seed(0)
    network = ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2, norm=norm, antialias=antialias)).double()
    x = torch.rand(2, 3, *size, dtype=torch.float64) * 2 - 1
    maps: dict[str, torch.Tensor] = {}
    for layer, module in FEATURES.items():
        network.get_submodule(module).register_forward_hook(lambda _, __, output, layer=layer: maps.update({layer: output.clone()}))
    plain = network(x)
    maps["pixels"] = x
    strides = {name: stage.stride for name, stage in network.feature_stages().items()}
    positions = draw_positions(strides, *size, count=9, seeds=[1, 2])
    found = network(x, positions)
    assert torch.equal(found.pop("translation"), plain)
    assert list(found) == list(network.feature_stages()) == ["pixels", "stem", "down1", "down2", "block1", "block2"]
    for layer, patches in found.items():
        channels, stride = network.feature_stages()[layer]
        assert patches.shape == (2, min(9, -(-size[0] // stride) * -(-size[1] // stride)), channels)
        rows, columns = positions[layer].unbind(2)
        expected = torch.stack([maps[layer][image, :, rows[image], columns[image]].T for image in range(2)])
        assert torch.equal(patches, expected), layer
        if layer != "pixels":
            padded = max(8, -(-size[0] // 4) * 4)
            assert maps[layer].shape[1:3] == (channels, padded // stride)


def test_nothing_behind_the_deepest_feature_is_computed() -> None:
    network = ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=3, antialias=True))
    ran: list[str] = []
    for name, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_pre_hook(lambda _, __, name=name: ran.append(name))
    x = torch.rand(1, 3, 16, 16)
    whole = network(x, draw_positions({"down2": 2, "pixels": 1}, 16, 16, 4, [1]))
    ran.clear()
    some = network(x, draw_positions({"down2": 2, "pixels": 1}, 16, 16, 4, [1]), decode=False)
    assert ran[-1] == "downs.1.conv"
    assert list(some) == ["pixels", "down2"]
    assert all(torch.equal(some[layer], whole[layer]) for layer in some)
    ran.clear()
    network(x, draw_positions({"block2": 4}, 16, 16, 4, [1]), decode=False)
    assert ran[-1] == "blocks.1.norm2"


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_gradients_through_features(norm: str) -> None:
    """An activation that works in place comes after a feature is taken, and does not reach it."""
    torch.manual_seed(0)
    network = ResnetGenerator(2, 2, ResnetConfig(base_channels=2, num_blocks=1, norm=norm, antialias=True, dropout=False)).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    positions = draw_positions({"down1": 1, "down2": 2, "block1": 4}, 8, 8, 3, [1])
    x = torch.rand(1, 2, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda image: tuple(network(image, positions).values()), (x,))


def test_unet_has_the_papers_size() -> None:
    """pix2pix's unet_256 with batch normalisation: 54.414 million (the count that the reference prints)."""
    assert sum(parameter.numel() for parameter in UnetGenerator(3, 3, UnetConfig(norm="batch")).parameters()) == 54_413_955


def test_resnet_blocks_and_dropout() -> None:
    network = ResnetGenerator(3, 1, ResnetConfig(base_channels=4, num_blocks=0))
    assert network(torch.zeros(1, 3, 8, 8)).shape == (1, 1, 8, 8)
    active = [
        module.p
        for module in ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2, dropout=True)).modules()
        if isinstance(module, nn.Dropout)
    ]
    assert active == [0.5, 0.5]


@pytest.mark.parametrize(
    ("num_downs", "expected"), [(2, []), (5, []), (6, ["ups.1"]), (7, ["ups.1", "ups.2"]), (8, ["ups.1", "ups.2", "ups.3"])]
)
def test_unet_dropout_is_in_the_inner_decoder(num_downs: int, expected: list[str]) -> None:
    network = UnetGenerator(3, 3, UnetConfig(base_channels=2, num_downs=num_downs, dropout=True))
    assert [name.removesuffix(".dropout") for name, module in network.named_modules() if isinstance(module, nn.Dropout)] == expected
    assert not any(isinstance(module, nn.Dropout) for module in UnetGenerator(3, 3, UnetConfig(base_channels=2, num_downs=8)).modules())


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_unet_biases(norm: str) -> None:
    """Every convolution has a bias unless batch normalisation makes it idle; the outermost deconvolution always has one."""
    network = UnetGenerator(3, 3, UnetConfig(base_channels=2, num_downs=4, norm=norm))
    biases = {name for name, module in network.named_modules() if getattr(module, "bias", None) is not None and "conv" in name}
    everywhere = {f"downs.{i}.conv" for i in range(4)} | {f"ups.{i}.conv" for i in range(4)}
    assert biases == ({"ups.3.conv"} if norm == "batch" else everywhere)


def test_unet_normalises_all_but_the_ends() -> None:
    names = [
        name
        for name in UnetGenerator(3, 3, UnetConfig(base_channels=2, num_downs=4, norm="batch")).state_dict()
        if name.endswith("running_mean")
    ]
    assert names == [f"{layer}.norm.running_mean" for layer in ("downs.1", "downs.2", "ups.0", "ups.1", "ups.2")]


@pytest.mark.parametrize("kernel_size", [3, 4])
@pytest.mark.parametrize("upsampling", ["deconvolution", "resize-convolution", "bilinear-convolution"])
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
    for name in ("resize-convolution", "bilinear-convolution", "deconvolution"):
        inside = upsampling_layer(name, 2, 1, 3, bias=False)(flat)[0, 0, 2:-2, 2:-2]
        spread[name] = (inside.max() - inside.min()).item()
    assert max(spread["resize-convolution"], spread["bilinear-convolution"]) < 1e-6 < 1e-2 < spread["deconvolution"]


def test_bilinear_convolution_of_a_ramp_is_a_ramp() -> None:
    """Neighbouring pixels differ evenly, where nearest pixels make steps: the edges that show as lines in pictures."""
    torch.manual_seed(0)
    ramp = torch.arange(6.0).expand(1, 1, 6, 6)
    uneven = {}
    for name in ("resize-convolution", "bilinear-convolution"):
        rise = upsampling_layer(name, 1, 1, 3, bias=False)(ramp)[0, 0, 6, 2:-2].diff()
        uneven[name] = (rise.max() - rise.min()).item()
    assert uneven["bilinear-convolution"] < 1e-5 < 1e-2 < uneven["resize-convolution"]


@pytest.mark.parametrize("upsampling", ["resize-convolution", "bilinear-convolution"])
@pytest.mark.parametrize("name", having_key(configs(GENERATORS), "upsampling"))
def test_upsampling_reaches_the_network(name: str, upsampling: str) -> None:
    keys = {"base_channels": 4, "num_downs": 3, "num_blocks": 1, "upsampling": upsampling}
    network = tiny_network(GENERATORS, name, in_channels=3, out_channels=2, **keys)
    assert not any(isinstance(module, nn.ConvTranspose2d) for module in network.modules())
    layers = [module for module in network.modules() if isinstance(module, ResizeConvolution)]
    assert any(layer.mode == "bilinear" for layer in layers) == (upsampling == "bilinear-convolution") and layers
    assert network(torch.zeros(1, 3, 17, 8)).shape == (1, 2, 17, 8)


def test_build_draws_weights_as_the_section_says() -> None:
    torch.manual_seed(0)
    network = build(GENERATORS, ResnetConfig(init_gain=0.5, base_channels=8, num_blocks=1), in_channels=3, out_channels=3)
    assert isinstance(network, ResnetGenerator) and len(network.blocks) == 1
    assert network.blocks[0].conv1.weight.std().item() == pytest.approx(0.5, rel=0.05)  # type: ignore[union-attr]
