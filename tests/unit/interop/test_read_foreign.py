"""The door to other projects' files: the network and its settings are found in names and shapes, whatever is around them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from reference_networks import Norms, their_patchgan, their_pixel, their_resnet, their_unet
from safetensors.torch import save_file
from torch import Tensor, nn

from gan_style import networks
from gan_style.errors import UserError
from gan_style.interop import read_foreign
from gan_style.networks import DISCRIMINATORS, GENERATORS
from gan_style.networks.generators.resnet import ResnetConfig

FOREIGN = {
    "resnet": (lambda norms: their_resnet(norms), {"name": "resnet", "num_blocks": 2, "base_channels": 4, "dropout": False}),
    "resnet-0": (lambda norms: their_resnet(norms, num_blocks=0), {"name": "resnet", "num_blocks": 0, "dropout": False}),
    "dropout": (lambda norms: their_resnet(norms, dropout=True), {"name": "resnet", "num_blocks": 2, "dropout": True}),
    "cut": (lambda norms: their_resnet(norms, antialias=True), {"name": "resnet", "num_blocks": 2, "antialias": True}),
    "unet-2": (lambda norms: their_unet(norms, num_downs=2), {"name": "unet", "num_downs": 2, "dropout": False}),
    "unet-7": (lambda norms: their_unet(norms, num_downs=7), {"name": "unet", "num_downs": 7, "base_channels": 2, "dropout": True}),
    "basic": (lambda norms: their_patchgan(norms), {"name": "patchgan", "num_layers": 3, "base_channels": 2}),
    "n_layers": (lambda norms: their_patchgan(norms, num_layers=1), {"name": "patchgan", "num_layers": 1, "antialias": False}),
    "cut-d": (lambda norms: their_patchgan(norms, antialias=True), {"name": "patchgan", "num_layers": 3, "antialias": True}),
    "pixel": (lambda norms: their_pixel(norms), {"name": "pixel", "base_channels": 2}),
}


def saved(path: Path, content: Any, old: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path


def resnet(**settings: Any) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return dict(their_resnet(Norms("instance", settings.pop("statistics", False)), **settings).state_dict())


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("name", list(FOREIGN))
def test_settings_are_found_and_the_network_computes_the_same(name: str, norm: str, tmp_path: Path) -> None:
    make, expected = FOREIGN[name]
    torch.manual_seed(0)
    theirs: nn.Module = make(Norms(norm)).eval()
    foreign = read_foreign(saved(tmp_path / "net.pth", theirs.state_dict()))
    assert {**expected, "norm": norm}.items() <= foreign.config.model_dump().items()
    assert foreign.kind == ("cut" if "cut" in name else "cyclegan")
    channels = {"in_channels": foreign.in_channels}
    if foreign.role == "generator":
        channels["out_channels"] = foreign.out_channels
    ours = networks.build(GENERATORS if foreign.role == "generator" else DISCRIMINATORS, foreign.config, **channels).eval()
    ours.load_state_dict(foreign.weights)
    x = torch.rand(1, 3, 128, 128)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("old", [False, True], ids=["zip", "first-format"])
@pytest.mark.parametrize("around", ["alone", "module", "state_dict", "netG", "params_ema", "deep", "part"])
def test_what_lies_around_the_weights(around: str, old: bool, tmp_path: Path) -> None:
    state = resnet()
    contents: dict[str, Any] = {
        "alone": state,
        "module": {f"module.{key}": value for key, value in state.items()},
        "state_dict": {"epoch": 3, "state_dict": {f"module._orig_mod.{key}": value for key, value in state.items()}},
        "netG": {"netG": state, "optimizer": {"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.ones(4)}}, "param_groups": []}},
        "params_ema": {"params": {key: value + 1 for key, value in state.items()}, "params_ema": state},
        "deep": {"models": {"generator": {"model": state}}, "loss": torch.tensor(1.0)},
        "part": {"state_dict": {**{f"G.{key}": value for key, value in state.items()}, "vgg.0.weight": torch.ones(1)}},
    }
    foreign = read_foreign(saved(tmp_path / "net.pth", contents[around], old))
    assert torch.equal(foreign.weights["stem.conv.weight"], state["model.1.weight"])
    assert any("params_ema (by default: a moving average" in line for line in foreign.told) == (around == "params_ema")


def test_several_networks_are_named_and_one_is_chosen(tmp_path: Path) -> None:
    content = {"G_A": resnet(), "G_B": resnet(num_blocks=1), "D_A": dict(their_patchgan(Norms("instance")).state_dict())}
    path = saved(tmp_path / "net.pth", content)
    with pytest.raises(UserError, match=r"net\.pth: holds several networks: G_A, G_B, D_A; choose with --set network_in_file=G_A"):
        read_foreign(path)
    config = read_foreign(path, {"network_in_file": "G_B"}).config
    assert isinstance(config, ResnetConfig) and config.num_blocks == 1
    with pytest.raises(UserError, match="network_in_file=G_C: is none of G_A, G_B, D_A, did you mean 'G_B'"):
        read_foreign(path, {"network_in_file": "G_C"})


def test_the_only_generator_among_networks_counts(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", {"netD": dict(their_patchgan(Norms("instance")).state_dict()), "netG": resnet()})
    foreign = read_foreign(path)
    assert foreign.role == "generator"
    assert "network_in_file netG (by default: the only generator; --set network_in_file=netD otherwise)" in foreign.told
    assert read_foreign(path, {"network_in_file": "netD"}).role == "discriminator"


def test_half_precision_is_kept_and_told(tmp_path: Path) -> None:
    state = {key: value.half() for key, value in resnet().items()}
    save_file(state, tmp_path / "net.safetensors")
    foreign = read_foreign(tmp_path / "net.safetensors")
    assert foreign.weights["head.bias"].dtype == torch.float32
    assert torch.equal(foreign.weights["head.bias"].half(), state["model.19.bias"])
    assert "precision       float16 (kept as float32, the same numbers)" in foreign.told


def test_old_statistics_of_instance_norms_are_dropped_and_told(tmp_path: Path) -> None:
    foreign = read_foreign(saved(tmp_path / "net.pth", resnet(statistics=True)))
    assert [line for line in foreign.told if line.startswith("dropped")] == [
        "dropped         running statistics of 9 instance normalisations (from before PyTorch 0.4; they never took part)"
    ]
    assert not any("running" in name for name in foreign.weights)


class TestMistakes:
    def test_a_given_setting_that_the_weights_contradict(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "net.pth", resnet())
        assert read_foreign(path, {"num_blocks": "2"}).told
        with pytest.raises(UserError, match="--set num_blocks=9: the weights show 2; leave it out"):
            read_foreign(path, {"num_blocks": "9"})
        with pytest.raises(UserError, match="--set norm=batch: the weights show instance, its layers have no scales"):
            read_foreign(path, {"norm": "batch"})

    def test_a_given_setting_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="--set num_block: these weights have no such setting, did you mean 'num_blocks'"):
            read_foreign(saved(tmp_path / "net.pth", resnet()), {"num_block": "2"})

    def test_a_given_choice_that_is_none(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "net.pth", dict(their_unet(Norms("batch"), num_downs=6).state_dict()))
        assert not read_foreign(path, {"dropout": "false"}).config.model_dump()["dropout"]
        with pytest.raises(UserError, match="--set dropout=no: is none of true, false"):
            read_foreign(path, {"dropout": "no"})

    def test_another_filter(self, tmp_path: Path) -> None:
        state = resnet(antialias=True)
        state["model.7.filt"] = state["model.7.filt"].flip(2) * 2
        with pytest.raises(UserError, match=r"the filter 'model\.7\.filt' has other values"):
            read_foreign(saved(tmp_path / "net.pth", state))

    def test_an_affine_instance_normalisation(self, tmp_path: Path) -> None:
        state = {**resnet(), "model.2.weight": torch.ones(4), "model.2.bias": torch.ones(4)}
        with pytest.raises(UserError, match="affine instance normalisation"):
            read_foreign(saved(tmp_path / "net.pth", state))

    def test_weights_of_something_else(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"no network of .*CUT.* begins with 'weight'"):
            read_foreign(saved(tmp_path / "net.pth", nn.Linear(2, 2).state_dict()))

    def test_weights_that_are_cut_short(self, tmp_path: Path) -> None:
        state = resnet()
        del state["model.19.bias"]
        with pytest.raises(UserError, match=r"layer 'model\.19\.bias' \(head\.bias here\) is not among the weights"):
            read_foreign(saved(tmp_path / "net.pth", state))
