"""Files that a training begins from: other projects', torn, hostile."""

import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from beginnings import TINY_PATCHGAN, TINY_RESNET, beginning, config, refusal
from safetensors.torch import load_file
from tiny import make_run, make_trainer, tiny_config
from tiny_bundles import RESNET_INSTANCE, tiny_bundle

from gan_style.engine.beginning.settings import other_settings
from gan_style.interop import pytorch_cyclegan


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two steps."""
    folder = tmp_path_factory.mktemp("runs") / "pix2pix"
    assert (
        make_run(tiny_config("pix2pix", folder, {"steps": 2}, method={"generator": TINY_RESNET, "discriminator": TINY_PATCHGAN})).fit() == 0
    )
    return folder


def test_a_torn_checkpoint_is_passed_over(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "old")
    shutil.copytree(tmp_path / "old/checkpoints/step_0000002", tmp_path / "old/checkpoints/step_0000003")
    with pytest.warns(UserWarning, match="step_0000003: incomplete checkpoint passed over"):
        trainer, _ = beginning(config("pix2pix", tmp_path, tmp_path / "old"))
    stored = load_file(run / "checkpoints/step_0000002/networks.safetensors")
    assert all(torch.equal(value, stored[f"generator/{key}"]) for key, value in trainer.networks["generator"].state_dict().items())


def test_weights_of_pytorch_cyclegan(tmp_path: Path) -> None:
    source = make_trainer(config("cyclegan", tmp_path, None, seed=8))
    networks = source.networks
    names = {"generator_ab": "G_A", "discriminator_b": "D_A"}
    for ours, theirs in names.items():
        state = pytorch_cyclegan.to_reference(networks[ours])
        torch.save({f"module.{key}": value for key, value in state.items()}, tmp_path / f"{theirs}.pth")
    places = {ours: str(tmp_path / f"{theirs}.pth") for ours, theirs in names.items()}
    trainer, told = beginning(config("cyclegan", tmp_path, places))
    for name in names:
        assert all(torch.equal(value, networks[name].state_dict()[key]) for key, value in trainer.networks[name].state_dict().items())
    assert told[-1] == "begin anew  generator_ba, discriminator_a"
    assert "holds one network; name it: train.init_from={generator_ab: " in refusal(config("cyclegan", tmp_path, tmp_path / "G_A.pth"))
    trainer, _ = beginning(config("cut", tmp_path, tmp_path / "G_A.pth"))
    assert torch.equal(trainer.networks["generator"].state_dict()["head.bias"], networks["generator_ab"].state_dict()["head.bias"])
    told = refusal(config("cut", tmp_path, tmp_path / "G_A.pth", generator={**TINY_RESNET, "num_blocks": 2}))
    assert "G_A.pth: does not fit generator in 4 tensors: blocks.1.conv1.weight is missing" in told


def test_settings_that_no_weight_shows_are_told_where_they_differ(tmp_path: Path) -> None:
    source = make_trainer(config("pix2pix", tmp_path, None, seed=8)).networks["generator"]
    torch.save(pytorch_cyclegan.to_reference(source), tmp_path / "G.pth")
    _, told = beginning(config("pix2pix", tmp_path, tmp_path / "G.pth", generator={**TINY_RESNET, "norm": "none"}))
    assert "differs     generator: norm is 'none', and 'instance' in the file" in told
    _, told = beginning(config("pix2pix", tmp_path, tmp_path / "G.pth"))
    assert not any(line.startswith("differs") for line in told)


def test_values_that_are_not_finite_are_refused(run: Path, tmp_path: Path) -> None:
    state = pytorch_cyclegan.to_reference(make_trainer(config("pix2pix", tmp_path, None)).networks["generator"])
    state["model.1.weight"][0] = torch.nan
    torch.save(state, tmp_path / "net.pth")
    for partial in (False, True):
        told = refusal(config("pix2pix", tmp_path, tmp_path / "net.pth", init_partial=partial))
        assert "generator: stem.conv.weight is not finite: its training went wrong" in told


class Evil:
    """What would run as soon as it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (f"{os.environ['EVIL']}",)


def test_hostile_and_torn_files_are_refused_in_one_line(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVIL", str(tmp_path / "evil"))
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"model.1.weight": Evil()}))
    torch.save({"model.1.weight": Evil()}, tmp_path / "evil_zip.pth")
    bundle = tiny_bundle(tmp_path / "whole.safetensors", RESNET_INSTANCE).read_bytes()
    (tmp_path / "torn.safetensors").write_bytes(bundle[: len(bundle) // 2])
    (tmp_path / "claims.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{}")
    (tmp_path / "empty.pth").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.pth")
    os.mkfifo(tmp_path / "pipe.safetensors")
    for name in ("evil.pth", "evil_zip.pth", "torn.safetensors", "claims.safetensors", "empty.pth", "pipe.pth", "pipe.safetensors"):
        assert name in refusal(config("pix2pix", tmp_path, tmp_path / name)), name
    assert not (tmp_path / "evil").exists()

    def checkpoint(**manifest: Any) -> Path:
        folder = tmp_path / "old/checkpoints/step_0000002"
        shutil.rmtree(tmp_path / "old", ignore_errors=True)
        shutil.copytree(run, tmp_path / "old")
        written = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**written, **manifest}))
        return folder

    folder = checkpoint(step=7)
    told = refusal(config("pix2pix", tmp_path, folder))
    assert "step_0000002: not a complete checkpoint (manifest.json is of step 7); give another one" in told
    folder = checkpoint()
    (folder / "networks.safetensors").write_bytes((folder / "networks.safetensors").read_bytes()[:-1])
    assert "not a complete checkpoint (networks.safetensors has" in refusal(config("pix2pix", tmp_path, folder))
    with pytest.warns(UserWarning, match="passed over"):
        told = refusal(config("pix2pix", tmp_path, tmp_path / "old"))
    assert "no complete checkpoint among 1; restore one, or give one of its bundles" in told


def test_settings_of_the_source_that_no_shape_shows_are_told(run: Path, tmp_path: Path) -> None:
    other = {**TINY_RESNET, "norm": "none", "dropout": True}
    for place in (run, run / "bundles/a2b.safetensors"):
        _, told = beginning(config("pix2pix", tmp_path, {"generator": str(place)}, generator=other))
        assert [line for line in told if line.startswith("differs")] == [
            "differs     generator: norm is 'none', and 'instance' in the file"
        ]
        _, told = beginning(config("pix2pix", tmp_path, place))
        assert not any(line.startswith("differs") for line in told)


def test_inputs_of_another_meaning_are_told() -> None:
    theirs = {"labels": {"colours": ["#000000", "#ffffff"]}, "domain_names": ["a", "b"]}
    ours = {"labels": {"colours": ["#ffffff", "#000000"]}, "domain_names": ["a", "b"], "generator": {"name": "unet"}}
    assert list(other_settings(theirs, ours, "generator")) == [
        "labels are other ones in the file, so channels of its input may have another meaning"
    ]
    assert not list(other_settings({}, ours, "generator")) and not list(other_settings({"generator": 5}, ours, "generator"))
