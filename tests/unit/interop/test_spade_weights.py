"""The generator of SPADE: recognised, equal in function, and byte for byte on the way back."""

from pathlib import Path

import pytest
import torch
from foreign_files import same, saved, scrambled
from reference_networks_hd import TheirSpade
from torch import Tensor, nn

from gan_style import networks
from gan_style.errors import UserError
from gan_style.interop import Foreign, read_foreign
from gan_style.interop.held import Held
from gan_style.interop.settings import Settings
from gan_style.interop.spade import renamed, to_spade
from gan_style.networks import GENERATORS
from gan_style.networks.generators.spade import SpadeConfig

each_norm = pytest.mark.parametrize("norm", ["batch", "instance"])
each_doubling = pytest.mark.parametrize("doublings", ["normal", "more"])
each_division = pytest.mark.parametrize("spectral", [True, False], ids=["spectral", "plain"])


def drawn(theirs: nn.Module) -> dict[str, Tensor]:
    """Random weights; the singular vectors belong to them."""
    state = scrambled(theirs)
    for name in [name for name in state if name.endswith("_orig")]:
        left, _, right = torch.linalg.svd(state[name].flatten(1), full_matrices=False)
        state[name.replace("_orig", "_u")], state[name.replace("_orig", "_v")] = left[:, 0].contiguous(), right[0].contiguous()
    return state


def read(folder: Path, state: dict[str, Tensor], **given: str) -> Foreign:
    return read_foreign(saved(folder / "latest_net_G.pth", state), given)


def ours_of(foreign: Foreign) -> nn.Module:
    ours = networks.build(GENERATORS, foreign.config, in_channels=foreign.in_channels, out_channels=foreign.out_channels)
    ours.load_state_dict(foreign.weights)
    return ours.eval()


@each_norm
@each_doubling
@each_division
def test_the_function_is_the_same(norm: str, doublings: str, spectral: bool, tmp_path: Path) -> None:
    theirs = TheirSpade(norm, doublings=doublings, spectral=spectral).eval()
    theirs.load_state_dict(drawn(theirs))
    foreign = read(tmp_path, dict(theirs.state_dict()), doublings=doublings)
    assert (foreign.kind, foreign.method, foreign.statistics) == ("spade", "pix2pixhd", "running" if norm == "batch" else "image")
    found = {"base_channels": 2, "norm": norm, "spectral_norm": spectral, "num_downs": 6 if doublings == "more" else 5}
    assert found.items() <= foreign.config.model_dump().items()
    x = torch.rand(1, 3, 128, 192)
    torch.testing.assert_close(ours_of(foreign)(x), theirs(x), rtol=1e-4, atol=1e-5)


@each_norm
@each_division
def test_weights_come_back_byte_for_byte(norm: str, spectral: bool, tmp_path: Path) -> None:
    theirs = TheirSpade(norm, spectral=spectral)
    state = drawn(theirs)
    foreign = read(tmp_path, state)
    assert isinstance(foreign.config, SpadeConfig)
    assert same(renamed(foreign.weights, foreign.config), state)


def test_spectral_normalisation_of_an_early_torch(tmp_path: Path) -> None:
    """It saved the quotient, and no second vector."""
    theirs = TheirSpade().eval()
    state = drawn(theirs)
    old = {name: value for name, value in state.items() if not name.endswith("_v")}
    old |= {name.removesuffix("_orig"): torch.ones_like(value) for name, value in state.items() if name.endswith("_orig")}
    foreign = read(tmp_path, old)
    theirs.load_state_dict(state)
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(ours_of(foreign)(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_the_number_of_doublings_is_a_choice_with_a_default(tmp_path: Path) -> None:
    told = read(tmp_path, drawn(TheirSpade())).told
    assert [line for line in told if line.startswith("doublings")] == [
        "doublings       normal (by default: num_upsampling_layers of the project, which no weight shows; --set doublings=more otherwise)"
    ]


def test_what_no_network_here_has(tmp_path: Path) -> None:
    state = drawn(TheirSpade())
    with pytest.raises(UserError, match="begin from noise"):
        read(tmp_path, {**state, "fc.weight": torch.ones(8, 256)})
    with pytest.raises(UserError, match="num_upsampling_layers most"):
        read(tmp_path, {**state, "up_4.conv_0.weight": torch.ones(1, 2, 3, 3)})
    with pytest.raises(UserError, match="have 6 channels in a modulation, and with base_channels 2 one here has 4"):
        read(tmp_path, drawn(TheirSpade(hidden=6)))


@pytest.mark.parametrize(
    ("message", "config"),
    [
        ("base_channels 32: SPADE has 64", SpadeConfig(base_channels=32)),
        ("num_downs 4: SPADE has num_downs 5 with second_middle true or num_downs 6 with", SpadeConfig(num_downs=4)),
        ("norm none", SpadeConfig(norm="none")),
        ("spectral_layers all", SpadeConfig(spectral_norm=True)),
    ],
)
def test_what_spade_cannot_hold(message: str, config: SpadeConfig) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        to_spade(Held(Path("bundle"), config, 3, nn.Module(), {}), Settings())
