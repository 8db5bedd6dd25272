"""Generators of pix2pixHD: recognised, equal in function, and byte for byte on the way back."""

from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_files import same, saved, scrambled
from reference_networks import Norms
from reference_networks_hd import TheirLocal, their_global
from torch import nn

from gan_style import networks
from gan_style.errors import UserError
from gan_style.interop import Foreign, read_foreign
from gan_style.interop.held import Held
from gan_style.interop.pix2pixhd import to_pix2pixhd
from gan_style.interop.settings import Settings
from gan_style.networks import GENERATORS
from gan_style.networks.generators.coarse_to_fine import CoarseToFineConfig, GlobalConfig

NETWORKS = {
    "global": (lambda norms: their_global(norms), {"name": "global", "num_downs": 3, "num_blocks": 2, "base_channels": 4}),
    "global-dropout": (lambda norms: their_global(norms, dropout=True), {"name": "global", "dropout": True}),
    "global-0-blocks": (lambda norms: their_global(norms, blocks=0, downs=4), {"name": "global", "num_downs": 4, "num_blocks": 0}),
    "local": (lambda norms: TheirLocal(norms), {"name": "coarse-to-fine", "num_enhancers": 1, "num_downs": 2, "num_blocks": 1}),
    "local-2": (lambda norms: TheirLocal(norms, enhancers=2), {"name": "coarse-to-fine", "num_enhancers": 2, "base_channels": 4}),
}


def read(folder: Path, theirs: nn.Module, given: dict[str, str] | None = None) -> Foreign:
    return read_foreign(saved(folder / "latest_net_G.pth", theirs.state_dict()), given)


def ours_of(foreign: Foreign) -> nn.Module:
    channels = {"in_channels": foreign.in_channels, "out_channels": foreign.out_channels}
    ours = networks.build(GENERATORS, foreign.config, **channels)
    ours.load_state_dict(foreign.weights)
    return ours


def back(foreign: Foreign) -> dict[str, Any]:
    held = Held(Path("bundle"), foreign.config, foreign.in_channels, ours_of(foreign), foreign.weights)
    return to_pix2pixhd(held, Settings())


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_settings_are_found_and_the_function_is_the_same(name: str, norm: str, tmp_path: Path) -> None:
    make, expected = NETWORKS[name]
    theirs = make(Norms(norm))
    theirs.load_state_dict(scrambled(theirs))
    foreign = read(tmp_path, theirs)
    assert (foreign.kind, foreign.method) == ("pix2pixhd", "pix2pixhd")
    assert {**expected, "norm": norm}.items() <= foreign.config.model_dump().items()
    x = torch.rand(1, 3, 64, 64) * 2 - 1
    for training in (False, True) if "dropout" not in name else (False,):
        torch.testing.assert_close(ours_of(foreign).train(training)(x), theirs.train(training)(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_weights_come_back_byte_for_byte(name: str, tmp_path: Path) -> None:
    theirs = NETWORKS[name][0](Norms("instance"))
    theirs.load_state_dict(scrambled(theirs))
    assert same(back(read(tmp_path, theirs)), theirs.state_dict())


def test_biases_before_batch_normalisation_come_back_as_0(tmp_path: Path) -> None:
    theirs = their_global(Norms("batch")).eval()
    theirs.load_state_dict(scrambled(theirs))
    foreign = read(tmp_path, theirs)
    assert "dropped         biases of 11 convolutions (batch normalisation takes them away; the running means follow)" in foreign.told
    x = torch.rand(1, 3, 64, 64)
    expected = theirs(x)
    theirs.load_state_dict(back(foreign), strict=True)
    torch.testing.assert_close(theirs(x), expected, rtol=1e-4, atol=1e-5)


class TestLabelMaps:
    def test_by_default_gray_levels_are_the_classes_and_the_last_channel_is_edges(self, tmp_path: Path) -> None:
        foreign = read(tmp_path, their_global(Norms("instance"), channels=36))
        assert foreign.keys == {"labels": {"colours": [f"#{level:02x}" for level in range(35)], "edges": "labels"}}
        assert any(line.startswith("edges           labels (by default: the last channel is taken for edges") for line in foreign.told)

    def test_given_colours(self, tmp_path: Path) -> None:
        theirs = their_global(Norms("instance"), channels=3)
        assert read(tmp_path, theirs).keys == {}
        given = {"colours": "#000000,#804080,#FF0000", "edges": "none"}
        assert read(tmp_path, theirs, given).keys == {"labels": {"colours": ["#000000", "#804080", "#ff0000"], "edges": "none"}}
        with pytest.raises(UserError, match=r"--set colours: gives 3 colours, and the weights have 2 classes \(edges: alpha\)"):
            read(tmp_path, theirs, {**given, "edges": "alpha"})
        with pytest.raises(UserError, match="different numbers of channels"):
            read(tmp_path, theirs, {**given, "colours": "#00,#804080,#ff0000"})


def test_another_number_of_blocks_in_an_enhancer(tmp_path: Path) -> None:
    theirs = TheirLocal(Norms("instance"))
    state = {name: value for name, value in theirs.state_dict().items() if not name.startswith("model1_2.2.")}
    with pytest.raises(UserError, match="have 2 residual blocks in an enhancer, and one here has 3"):
        read_foreign(saved(tmp_path / "net.pth", state))


@pytest.mark.parametrize(
    ("setting", "config"),
    [
        ("spectral_norm", GlobalConfig(spectral_norm=True)),
        ("upsampling resize-convolution", CoarseToFineConfig(upsampling="resize-convolution")),
        ("upsampling bilinear-convolution", GlobalConfig(upsampling="bilinear-convolution")),
        ("norm none", GlobalConfig(norm="none")),
    ],
)
def test_what_pix2pixhd_cannot_hold(setting: str, config: GlobalConfig) -> None:
    with pytest.raises(UserError, match=f"^{setting}: pix2pixHD has none"):
        to_pix2pixhd(Held(Path("bundle"), config, 3, nn.Module(), {}), Settings())
