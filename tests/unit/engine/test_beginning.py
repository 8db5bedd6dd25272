"""Beginning from weights: which network gets which file, what does not fit, and files that are refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from beginnings import TINY_PATCHGAN, TINY_RESNET, beginning, config, refusal
from safetensors.torch import load_file
from tiny import make_run, make_trainer, micro_batches, tiny_config, weights
from torch import Tensor

from gan_style import build
from gan_style.bundles.file import load_bundle
from gan_style.engine.beginning.start import begin
from gan_style.engine.trainer import Trainer
from gan_style.errors import UserError
from gan_style.interop.projects import read_foreign
from gan_style.types import Kept


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
        ("cyclegan", "pix2pix", {"generatr": ""}, "cyclegan has no such network, did you mean 'generator'"),
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


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_a_network_with_an_alpha_channel_more_gives_the_same_translation_at_first(name: str, runs: dict[str, Path], tmp_path: Path) -> None:
    bundle = runs[name] / "bundles/a2b.safetensors"
    trainer, told = beginning(config(name, tmp_path, bundle, channels=(4, 3)))
    network = "generator" if name == "pix2pix" else "generator_ab"
    assert f"adapted     {network}: stem.conv.weight for 4 instead of 3 channels" in told
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
    assert [line for line in told if line.startswith("adapted")] == [
        "adapted     discriminator_a: layers.0.conv.weight for 4 instead of 3 channels",
        "adapted     discriminator_b: layers.0.conv.weight for 1 instead of 3 channels",
    ]
    refused = refusal(config("cyclegan", tmp_path, {"generator_ab": str(runs["cyclegan"])}, channels=(3, 4)))
    assert "does not fit generator_ab in 2 tensors: head.weight is [3, 4, 7, 7], not [4, 4, 7, 7], head.bias is [3], not [4]" in refused


def test_a_run_does_not_begin_from_itself(runs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(runs["pix2pix"], tmp_path / "run")
    for place in ("run", "run/bundles/a2b.safetensors"):
        assert "lies in this run's own folder; leave train.init_from out to go on" in refusal(config("pix2pix", tmp_path, tmp_path / place))


def test_a_path_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert "circle: cannot be opened (Too many levels of symbolic links); give a bundle" in refusal(
        config("pix2pix", tmp_path, tmp_path / "circle")
    )
    assert "cannot be opened (File name too long); give a bundle" in refusal(config("pix2pix", tmp_path, tmp_path / ("a" * 300)))


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
