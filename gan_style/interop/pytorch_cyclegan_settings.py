"""The networks of pytorch-CycleGAN-and-pix2pix and of CUT, recognised by the names and shapes in a state dict.

Networks are `nn.Sequential`s, so the number of a layer counts those before it: how many layers there are says which settings the network
has. An antialiased halving or doubling of CUT is one layer more, whose filter lies in the state dict.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.interop.foreign import Foreign, Role, Statistics, in_full, section, without_memory
from gan_style.interop.pytorch_cyclegan import from_reference
from gan_style.interop.settings import Settings
from gan_style.interop.shapes import norm_of, places, weight, without_statistics
from gan_style.interop.weight_file import State
from gan_style.networks import DISCRIMINATORS, GENERATORS
from gan_style.networks.discriminators.patchgan import PatchConfig
from gan_style.networks.discriminators.pixel import PixelConfig
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.networks.generators.unet import FIRST_WITH_DROPOUT, UnetConfig

Section = ResnetConfig | UnetConfig | PatchConfig | PixelConfig


def is_cyclegan(state: Mapping[str, Tensor]) -> bool:
    """Is it a network of either project?"""
    return bool(_network(state))


def is_cut(state: Mapping[str, Tensor]) -> bool:
    """Is it a network that CUT alone has, with antialiasing?"""
    return is_cyclegan(state) and _antialiased(state)


def is_discriminator(state: Mapping[str, Tensor]) -> bool:
    """Is it a discriminator of either project?"""
    return _network(state) in DISCRIMINATORS


def read_cyclegan(state: State, settings: Settings) -> Foreign:
    """Read a generator or discriminator of pytorch-CycleGAN-and-pix2pix."""
    return _read("cyclegan", state, settings)


def read_cut(state: State, settings: Settings) -> Foreign:
    """Read a generator or discriminator of CUT."""
    return _read("cut", state, settings)


def _network(state: Mapping[str, Tensor]) -> str:
    """The name of our network with the layers of a state dict; "" if there is none."""
    sides = {name: value.shape[-1] for name, value in state.items() if value.dim() == 4}
    if sides.get("model.model.0.weight") == 4:
        return "unet"
    if sides.get("model.1.weight") == 7 and not any(name.startswith("model1_1.") for name in state):
        return "resnet"
    if sides.get("model.0.weight") == 4:
        return "patchgan"
    return "pixel" if sides.get("net.0.weight") == 1 else ""


def _antialiased(state: Mapping[str, Tensor]) -> bool:
    return any(name.endswith(".filt") for name in state)


def _read(kind: str, state: State, settings: Settings) -> Foreign:
    name = _network(state)
    if not name:
        raise UserError("are of no generator (resnet, unet) and no discriminator (basic, n_layers, pixel) of these projects")
    role: Role = "generator" if name in GENERATORS else "discriminator"
    settings.tell("network", name, role)
    config, channels = {"resnet": _resnet, "unet": _unet, "patchgan": _patchgan, "pixel": _pixel}[name](state, settings)
    in_channels = settings.found("in_channels", channels[0])
    out_channels = settings.found("out_channels", channels[1]) if role == "generator" else 1

    def make() -> nn.Module:
        kinds, given = (GENERATORS, {"out_channels": out_channels}) if role == "generator" else (DISCRIMINATORS, {})
        return kinds[name](in_channels=in_channels, **given, config=config)

    weights = from_reference(without_statistics(state, config.norm, settings), without_memory(make))
    statistics: Statistics = "image"
    if role == "generator" and config.norm == "batch":
        statistics = settings.chosen("statistics", "image", ("image", "running"), "as the test.py of the project does")
    method = "cut" if kind == "cut" else "pix2pix" if name == "unet" else "cyclegan"
    return Foreign(kind, role, method, config, in_channels, out_channels, in_full(weights, settings), tuple(settings.told), {}, statistics)


def _resnet(state: State, settings: Settings) -> tuple[Section, tuple[int, int]]:
    blocks = places(state, r"model\.(\d+)\.conv_block\.")
    antialias, filters = _antialiased(state), sum(name.endswith(".filt") for name in state)
    last = max(number for number in places(state, r"model\.(\d+)\.weight$") if state[f"model.{number}.weight"].dim() == 4)
    halvings = count_halvings(last, len(blocks), 4 if antialias and filters > 2 else 3)
    if antialias and filters != 4:
        raise UserError(f"are antialiased in {filters} layers, and a resnet here in all 4 that change the size, or in none")
    if halvings != 2:
        raise UserError(f"are of a generator with {halvings} halvings, and a resnet has 2; take --kind pix2pixhd")
    config = section(
        ResnetConfig,
        base_channels=settings.found("base_channels", len(weight(state, "model.1"))),
        num_blocks=settings.found("num_blocks", len(blocks)),
        norm=norm_of(state, "model.1", "model.2", settings),
        dropout=settings.found("dropout", bool(blocks) and f"model.{blocks[0]}.conv_block.5.weight" not in state),
        antialias=settings.found("antialias", antialias),
        upsampling=settings.found("upsampling", "deconvolution"),
    )
    return config, (weight(state, "model.1").shape[1], len(weight(state, f"model.{last}")))


def count_halvings(last: int, blocks: int, step: int = 3) -> float:
    """The halvings of a generator whose last convolution has the number `last`.

    4 layers of the stem, `step` for each halving, the blocks, `step` for each doubling, a padding, the last convolution.
    """
    halvings = (last - 5 - blocks) / (2 * step)
    return int(halvings) if halvings.is_integer() else halvings


def _unet(state: State, settings: Settings) -> tuple[Section, tuple[int, int]]:
    level, num_downs = "model.model", 1
    while (inner := f"{level}.{1 if num_downs == 1 else 3}.model") and f"{inner}.1.weight" in state:
        level, num_downs = inner, num_downs + 1
    config = section(
        UnetConfig,
        base_channels=settings.found("base_channels", len(weight(state, "model.model.0"))),
        num_downs=settings.found("num_downs", num_downs),
        norm=norm_of(state, f"{level}.3", f"{level}.4", settings),
        dropout=settings.chosen("dropout", True, (True, False)) if num_downs > FIRST_WITH_DROPOUT + 1 else settings.found("dropout", False),
        upsampling=settings.found("upsampling", "deconvolution"),
    )
    return config, (weight(state, "model.model.0").shape[1], weight(state, "model.model.3").shape[1])


def _patchgan(state: State, settings: Settings) -> tuple[Section, tuple[int, int]]:
    antialias = _antialiased(state)
    convolutions = [number for number in places(state, r"model\.(\d+)\.weight$") if state[f"model.{number}.weight"].dim() == 4]
    step = 4 if antialias else 3
    config = section(
        PatchConfig,
        base_channels=settings.found("base_channels", len(weight(state, "model.0"))),
        num_layers=settings.found("num_layers", len(convolutions) - 2),
        norm=norm_of(state, f"model.{step - 1}", f"model.{step}", settings),
        antialias=settings.found("antialias", antialias),
    )
    return config, (weight(state, "model.0").shape[1], 1)


def _pixel(state: State, settings: Settings) -> tuple[Section, tuple[int, int]]:
    config = section(
        PixelConfig,
        base_channels=settings.found("base_channels", len(weight(state, "net.0"))),
        norm=norm_of(state, "net.2", "net.3", settings),
    )
    return config, (weight(state, "net.0").shape[1], 1)
