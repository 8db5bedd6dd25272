"""Beginning from weights: which network gets which file, what does not fit, and files that are refused."""

import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import make_run, make_trainer, micro_batches, tiny_config, weights
from tiny_bundles import RESNET_INSTANCE, tiny_bundle
from torch import Tensor, nn

from gan_style import build
from gan_style.bundles.file import load_bundle
from gan_style.engine.beginning.fitting import fit, lay_over, with_channels
from gan_style.engine.beginning.start import begin
from gan_style.engine.trainer import Trainer
from gan_style.errors import UserError
from gan_style.interop import pytorch_cyclegan
from gan_style.interop.projects import read_foreign
from gan_style.networks.layers.spectral import normalise_spectrally, spectral_norms
from gan_style.types import Kept

TINY_RESNET = {
    "name": "resnet",
    "base_channels": 4,
    "num_blocks": 1,
    "norm": "instance",
    "antialias": False,
    "upsampling": "deconvolution",
    "dropout": False,
}
TINY_PATCHGAN = {"base_channels": 4, "num_layers": 1, "norm": "instance", "antialias": False}


def config(name: str, folder: Path, init_from: Any, channels: tuple[int, int] = (3, 3), generator: Any = TINY_RESNET, **train: Any) -> Any:
    data = {"crop_size": 16, "load_size": 16, "domain_a": {"channels": channels[0]}, "domain_b": {"channels": channels[1]}}
    sections: Any = {"data": data, "method": {"generator": generator, "discriminator": TINY_PATCHGAN}}
    if init_from is not None:
        train["init_from"] = init_from if isinstance(init_from, dict) else str(init_from)
    return tiny_config(name, folder / "run", {"seed": 3, **train}, **sections)


def beginning(chosen: Any) -> tuple[Trainer, list[str]]:
    trainer = make_trainer(chosen)
    return trainer, begin(chosen, trainer.method, build.make_task(chosen), Kept(), read_foreign)


def refusal(chosen: Any) -> str:
    with pytest.raises(UserError) as refused:
        beginning(chosen)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run folders of two steps, by the name of their method."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("pix2pix", "cyclegan", "cut"):
        chosen = tiny_config(name, folder / name, {"steps": 2}, method={"generator": TINY_RESNET, "discriminator": TINY_PATCHGAN})
        assert make_run(chosen).fit() == 0
    return {path.name: path for path in folder.iterdir()}


def stored(run: Path) -> dict[str, Tensor]:
    return load_file(run / "checkpoints/step_0000002/networks.safetensors")


def begun(trainer: Trainer, run: Path) -> dict[str, str]:
    """Network of the trainer -> the network of the run whose weights it has."""
    old, found = stored(run), {}
    for name, network in trainer.networks.items():
        own = network.state_dict()
        for other in {key.partition("/")[0] for key in old}:
            theirs = {key.partition("/")[2]: value for key, value in old.items() if key.startswith(f"{other}/")}
            if theirs.keys() == own.keys() and all(torch.equal(own[key], theirs[key]) for key in own):
                found[name] = other
    return found


ALL_OF_CYCLEGAN = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")


@pytest.mark.parametrize(
    ("name", "of", "init_from", "expected"),
    [
        ("cyclegan", "cyclegan", "", {each: each for each in ALL_OF_CYCLEGAN}),
        ("cyclegan", "cyclegan", "checkpoints/step_0000002", {each: each for each in ALL_OF_CYCLEGAN}),
        ("cyclegan", "cyclegan", "checkpoints/step_0000002/networks.safetensors", {each: each for each in ALL_OF_CYCLEGAN}),
        ("cyclegan", "cyclegan", {"generator": ""}, {"generator_ab": "generator_ab", "generator_ba": "generator_ba"}),
        ("cyclegan", "cyclegan", {"generator_ba": "bundles/a2b.safetensors"}, {"generator_ba": "generator_ab"}),
        ("cyclegan", "cyclegan", "bundles/b2a.safetensors", {"generator_ba": "generator_ba"}),
        ("cyclegan", "pix2pix", "bundles/a2b.safetensors", {"generator_ab": "generator"}),
        ("cyclegan", "pix2pix", {"generator": ""}, {"generator_ab": "generator"}),
        ("cyclegan", "pix2pix", {"generator_ba": ""}, {"generator_ba": "generator"}),
        ("cyclegan", "cut", "", {"generator_ab": "generator", "discriminator_b": "discriminator"}),
        ("cut", "cyclegan", "", {"generator": "generator_ab", "discriminator": "discriminator_b"}),
        ("cut", "cyclegan", {"generator": "bundles/b2a.safetensors"}, {"generator": "generator_ba"}),
        ("pix2pix", "cut", "bundles/a2b.safetensors", {"generator": "generator"}),
    ],
)
def test_networks_find_their_weights(
    name: str, of: str, init_from: Any, expected: dict[str, str], runs: dict[str, Path], tmp_path: Path
) -> None:
    run = runs[of]
    places: Any = {key: str(run / place) for key, place in init_from.items()} if isinstance(init_from, dict) else run / init_from
    trainer, told = beginning(config(name, tmp_path, places))
    assert begun(trainer, run) == expected
    assert [line.split()[2].rstrip(":") for line in told if line.startswith("begins from")] == list(expected)
    rest = [network for network in trainer.networks if network not in expected]
    assert told[-1] == f"begin anew  {', '.join(rest)}" if rest else not told[-1].startswith("begin anew")


def test_a_run_folder_without_checkpoints_gives_its_bundles(runs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(runs["cyclegan"] / "bundles", tmp_path / "old/bundles")
    trainer, _ = beginning(config("cyclegan", tmp_path, tmp_path / "old"))
    assert begun(trainer, runs["cyclegan"]) == {"generator_ab": "generator_ab", "generator_ba": "generator_ba"}


def test_a_torn_checkpoint_is_passed_over(runs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(runs["pix2pix"], tmp_path / "old")
    shutil.copytree(tmp_path / "old/checkpoints/step_0000002", tmp_path / "old/checkpoints/step_0000003")
    with pytest.warns(UserWarning, match="step_0000003: incomplete checkpoint passed over"):
        trainer, _ = beginning(config("pix2pix", tmp_path, tmp_path / "old"))
    assert begun(trainer, runs["pix2pix"]) == {"generator": "generator", "discriminator": "discriminator"}


def test_the_direction_of_a_run_decides(tmp_path: Path) -> None:
    """A pix2pix from B to A begins as CycleGAN's generator from B to A."""
    old = tiny_config("pix2pix", tmp_path / "old", {"steps": 1}, method={"generator": TINY_RESNET, "direction": "b2a"})
    make_run(old).fit()
    for place in ("old", "old/bundles/b2a.safetensors"):
        trainer, told = beginning(config("cyclegan", tmp_path, {"generator": str(tmp_path / place)}))
        assert told[0].startswith("begins from generator_ba: ")
        assert told[1] == "begin anew  generator_ab, discriminator_a, discriminator_b"
    assert trainer


@pytest.mark.parametrize(
    ("name", "of", "init_from", "words"),
    [
        (
            "pix2pix",
            "cyclegan",
            "bundles/b2a.safetensors",
            "holds generator_ba, but this run asks for generator_ab, discriminator_b; name",
        ),
        (
            "cyclegan",
            "pix2pix",
            "",
            r"does not fit discriminator_b in 1 tensor: layers\.0\.conv\.weight is \[4, 6, 4, 4\], not \[4, 3",
        ),
        (
            "cyclegan",
            "pix2pix",
            {"generator_c": ""},
            r"init_from\.generator_c: cyclegan has no such network, did you mean 'gen",
        ),
        ("cyclegan", "pix2pix", {"xyz": ""}, r"no such network; there are generator_ab, generator_ba, discriminator_a, discriminator_b"),
        ("cyclegan", "cyclegan", {"generator": "", "generator_ab": ""}, "generator_ab gets weights from two files; name each network once"),
        ("pix2pix", "pix2pix", "nothing", r"train\.init_from .*nothing: no such file or folder"),
        ("pix2pix", "pix2pix", "samples", r"a folder without checkpoints and bundles; give a run folder"),
        ("pix2pix", "pix2pix", "config.yaml", r"config\.yaml: not a file of weights|holds more than tensors"),
        ("cut", "pix2pix", {"heads": ""}, r"train\.init_from\.heads .*holds discriminator_b, generator_ab, but this run asks for heads"),
    ],
)
def test_what_does_not_go_together_is_told(name: str, of: str, init_from: Any, words: str, runs: dict[str, Path], tmp_path: Path) -> None:
    run = runs[of]
    places: Any = {key: str(run / place) for key, place in init_from.items()} if isinstance(init_from, dict) else run / init_from
    (run / "samples").mkdir(exist_ok=True)
    with pytest.raises(UserError, match=words) as refused:
        beginning(config(name, tmp_path, places))
    assert "\n" not in str(refused.value)


def test_shapes_that_differ_are_counted_and_what_fits_is_taken_on_request(runs: dict[str, Path], tmp_path: Path) -> None:
    deeper = {**TINY_RESNET, "num_blocks": 3}
    bundle = runs["pix2pix"] / "bundles/a2b.safetensors"
    told = refusal(config("pix2pix", tmp_path, bundle, generator=deeper))
    assert "does not fit generator in 8 tensors: blocks.1.conv1.weight is missing, blocks.1.conv1.bias is missing, blocks.1" in told
    assert "and 5 more; take the settings that it was trained with" in told
    assert "train.init_partial=true" in told

    drawn = weights(make_trainer(config("pix2pix", tmp_path, None, generator=deeper)))
    trainer, lines = beginning(config("pix2pix", tmp_path, bundle, generator=deeper, init_partial=True))
    _, old = load_bundle(bundle)
    for key, value in weights(trainer).items():
        owner, _, tensor = key.partition("/")
        assert torch.equal(value, old[tensor] if owner == "generator" and tensor in old else drawn[key]), key
    assert len([line for line in lines if line.startswith("begins anew generator, in part: blocks.1.conv1.weight is missing; ")]) == 1

    other = {"name": "unet", "base_channels": 4, "num_downs": 3}
    assert "a2b.safetensors: fits generator in no tensor: " in refusal(
        config("pix2pix", tmp_path, bundle, generator=other, init_partial=True)
    )


def test_left_over_tensors_are_told(runs: dict[str, Path], tmp_path: Path) -> None:
    told = refusal(config("pix2pix", tmp_path, runs["pix2pix"], generator={**TINY_RESNET, "num_blocks": 0}))
    assert "generator in 4 tensors: it has no blocks.0.conv1.bias, blocks.0.conv1.weight, blocks.0.conv2.bias and 1 more; take" in told


def inputs(weight: Tensor, channels: int) -> Tensor:
    widened = with_channels(weight, torch.Size((weight.shape[0], channels, *weight.shape[2:])))
    assert widened is not None
    return widened


def test_gray_and_alpha_keep_the_function() -> None:
    gray, alpha = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    of_gray, of_colour = torch.rand(5, 1, 3, 3), torch.rand(5, 3, 3, 3)
    colour = gray.expand(-1, 3, -1, -1)
    conv = torch.nn.functional.conv2d
    close: Any = torch.testing.assert_close
    close(conv(colour, inputs(of_gray, 3)), conv(gray, of_gray))
    close(conv(gray, inputs(of_colour, 1)), conv(colour, of_colour))
    close(conv(torch.cat([gray, alpha], 1), inputs(of_gray, 2)), conv(gray, of_gray))
    close(conv(torch.cat([colour, alpha], 1), inputs(of_gray, 4)), conv(gray, of_gray))
    both = torch.rand(5, 4, 3, 3)
    close(conv(torch.cat([gray, alpha], 1), inputs(both, 2)), conv(torch.cat([colour, alpha], 1), both))


@pytest.mark.parametrize(("before", "after"), [(4, 3), (2, 1), (2, 3), (4, 1), (20, 3)])
def test_what_no_function_keeps_does_not_fit(before: int, after: int) -> None:
    assert with_channels(torch.rand(5, before, 3, 3), torch.Size((5, after, 3, 3))) is None


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_a_network_with_an_alpha_channel_more_gives_the_same_translation_at_first(name: str, runs: dict[str, Path], tmp_path: Path) -> None:
    bundle = runs[name] / "bundles/a2b.safetensors"
    trainer, told = beginning(config(name, tmp_path, bundle, channels=(4, 3)))
    network = "generator" if name == "pix2pix" else "generator_ab"
    assert f"widened     {network}: stem.conv.weight for 4 instead of 3 channels" in told
    old = make_trainer(config(name, tmp_path, bundle))
    begin(config(name, tmp_path, bundle), old.method, build.make_task(config(name, tmp_path, bundle)), Kept(), read_foreign)
    images = torch.rand(2, 4, 16, 16) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(trainer.networks[network](images), old.networks[network](images[:, :3]))
    stem = trainer.networks[network].get_parameter("stem.conv.weight")
    torch.nn.functional.mse_loss(trainer.networks[network](images), images[:, :3]).backward()
    assert stem.grad is not None and (stem.grad[:, 3] != 0).any(), "the new channel learns"


def test_discriminators_of_one_image_are_widened_and_outputs_are_not(runs: dict[str, Path], tmp_path: Path) -> None:
    _, told = beginning(config("cyclegan", tmp_path, {"discriminator": str(runs["cyclegan"])}, channels=(4, 1)))
    assert [line for line in told if line.startswith("widened")] == [
        "widened     discriminator_a: layers.0.conv.weight for 4 instead of 3 channels",
        "widened     discriminator_b: layers.0.conv.weight for 1 instead of 3 channels",
    ]
    refused = refusal(config("cyclegan", tmp_path, {"generator_ab": str(runs["cyclegan"])}, channels=(3, 4)))
    assert "does not fit generator_ab in 2 tensors: head.weight is [3, 4, 7, 7], not [4, 4, 7, 7], head.bias is [3], not [4]" in refused


def test_singular_vectors_follow_weights_of_other_origin() -> None:
    def network(channels: int) -> nn.Module:
        return normalise_spectrally(nn.Sequential(nn.Conv2d(channels, 6, 3), nn.Conv2d(6, 2, 3)))

    old, new = network(3), network(4)
    found = fit(new, old.state_dict(), channels=4)
    assert found.exact and found.widened == ["0.parametrizations.weight.original for 4 instead of 3 channels"]
    lay_over(new, found)
    for norm, weight in spectral_norms(new):
        matrix = norm(weight).flatten(1)
        assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(1, abs=0.02)
    same = network(3)
    lay_over(same, fit(same, old.state_dict(), channels=3))
    assert all(torch.equal(value, same.state_dict()[key]) for key, value in old.state_dict().items())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_are_taken_and_other_types_are_not(kind: torch.dtype) -> None:
    network = nn.Conv2d(3, 2, 3)
    lay_over(network, fit(network, {key: value.to(kind) for key, value in network.state_dict().items()}, 3))
    assert network.weight.dtype == torch.float32
    found = fit(network, {key: value.to(torch.int64) for key, value in network.state_dict().items()}, 3)
    assert found.unfit == ["weight is int64", "bias is int64"]


def test_values_that_are_not_finite_are_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    state = pytorch_cyclegan.to_reference(make_trainer(config("pix2pix", tmp_path, None)).networks["generator"])
    state["model.1.weight"][0] = torch.nan
    torch.save(state, tmp_path / "net.pth")
    for partial in (False, True):
        told = refusal(config("pix2pix", tmp_path, tmp_path / "net.pth", init_partial=partial))
        assert "generator: stem.conv.weight is not finite: its training went wrong" in told


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
    assert "settings that the ResnetGenerator was trained with" in refusal(
        config("cut", tmp_path, tmp_path / "G_A.pth", generator={**TINY_RESNET, "num_blocks": 2})
    )


def test_a_bare_state_dict_of_ours(tmp_path: Path) -> None:
    network = make_trainer(config("pix2pix", tmp_path, None, seed=8)).networks["generator"]
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, tmp_path / "bare.safetensors")
    trainer, _ = beginning(config("pix2pix", tmp_path, tmp_path / "bare.safetensors"))
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in trainer.networks["generator"].state_dict().items())


class Evil:
    """What would run as soon as it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (f"{os.environ['EVIL']}",)


def test_hostile_and_torn_files_are_refused_in_one_line(runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        shutil.copytree(runs["pix2pix"], tmp_path / "old")
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


def test_a_run_does_not_begin_from_itself(runs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(runs["pix2pix"], tmp_path / "run")
    for place in ("run", "run/bundles/a2b.safetensors"):
        assert "lies in this run's own folder; leave train.init_from out to go on" in refusal(config("pix2pix", tmp_path, tmp_path / place))


def test_two_keys_for_the_weights_of_one_network_are_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    method = {"generator": {"name": "coarse-to-fine", "base_channels": 4, "num_blocks": 1, "num_downs": 2}, "coarse_from": "x"}
    chosen = tiny_config("pix2pixhd", tmp_path / "run", {"init_from": str(runs["pix2pix"])}, method=method)
    trainer = make_trainer(config("pix2pix", tmp_path, None))
    with pytest.raises(UserError, match=r"train\.init_from: method\.coarse_from gives the generator its weights too"):
        begin(chosen, trainer.method, build.make_task(chosen), Kept(), read_foreign)


def test_frozen_weights_that_were_loaded_are_the_source_s_to_the_bit(runs: dict[str, Path], tmp_path: Path) -> None:
    trainer, _ = beginning(config("cut", tmp_path, runs["cyclegan"], freeze=["generator.stem", "generator.blocks"], ema_decay=0.9))
    for step in range(2):
        trainer.step(step, micro_batches(step, 2))
    old = stored(runs["cyclegan"])
    same = {key for key, value in trainer.networks["generator"].state_dict().items() if torch.equal(value, old[f"generator_ab/{key}"])}
    assert same == {key for key in trainer.networks["generator"].state_dict() if key.startswith(("stem.", "blocks."))}
