"""A run that goes on needs no file that it has taken what it needs from; one that is another now is named."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from pictures import draw
from PIL import Image
from runs import arguments, networks
from safetensors.torch import save_file

from gan_style.commands.train import train_command
from gan_style.engine import checkpoint
from gan_style.errors import UserError
from gan_style.methods import CONFIGS
from gan_style.networks.pretrained.vgg import load_vgg

CUT = "train.steps=3"
WITH_STYLE = sorted(name for name, config in CONFIGS.items() if {"styles", "style_image"} & config.model_fields.keys())


def styled(name: str, data: Path, run_dir: Path, picture: Path, *overrides: str) -> list[str]:
    """A command whose style comes from a picture."""
    if name == "fast_style":
        style = [f"method.styles={{waves: {picture}}}", "method.style_size=40"]
    else:
        vgg = ["method.vgg.weights=random", "method.vgg.name=vgg16", "method.style_layers=[relu1_1]"]
        style = [f"method.style_image={picture}", "method.style_weight=1000", *vgg]
    return arguments(name, data, run_dir, "data.workers=0", *style, *overrides)


def key_of(name: str) -> str:
    return r"method\.styles\.waves" if name == "fast_style" else r"method\.style_image"


def draw_picture(path: Path, number: int, depth: int = 8) -> Path:
    pixels = draw(number, 48)
    Image.fromarray(pixels if depth == 8 else pixels[..., 0].astype("u2") * 257).save(path)
    return path


@pytest.fixture(scope="module", params=WITH_STYLE)
def started(request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """A method, its uninterrupted run and one that was cut, on the same picture, which is gone since."""
    name, folder = request.param, tmp_path_factory.mktemp("styled")
    picture = draw_picture(folder / "waves.png", 3)
    assert train_command(styled(name, data, folder / "straight", picture)) == 0
    assert train_command(styled(name, data, folder / "cut", picture, CUT)) == 0
    picture.unlink()
    return name, folder, picture


@pytest.mark.parametrize("state", ["gone", "damaged", "there"])
def test_a_style_picture_is_not_needed_any_more(
    state: str, started: tuple[str, Path, Path], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, folder, picture = started
    capsys.readouterr()
    shutil.copytree(folder / "cut", tmp_path / "run")
    if state == "there":
        draw_picture(picture, 3)
    if state == "damaged":
        picture.write_bytes(b"damaged")
    try:
        assert train_command(styled(name, data, tmp_path / "run", picture)) == 0
    finally:
        picture.unlink(missing_ok=True)
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "going on after step" in line]
    key = key_of(name).replace("\\", "")
    assert (f"{key}: {picture} cannot be read any more, its copy in the checkpoint is used" in told) == (state != "there")
    assert networks(tmp_path / "run") == networks(folder / "straight")


def test_a_style_picture_may_lie_elsewhere(started: tuple[str, Path, Path], data: Path, tmp_path: Path) -> None:
    name, folder, _ = started
    shutil.copytree(folder / "cut", tmp_path / "run")
    with pytest.raises(UserError, match=r"elsewhere\.png: cannot be opened"):
        train_command(styled(name, data, tmp_path / "run", tmp_path / "elsewhere.png"))
    assert train_command(styled(name, data, tmp_path / "run", draw_picture(tmp_path / "elsewhere.png", 3))) == 0
    assert networks(tmp_path / "run") == networks(folder / "straight")


def test_another_style_picture_is_another_run(started: tuple[str, Path, Path], data: Path, tmp_path: Path) -> None:
    name, folder, picture = started
    shutil.copytree(folder / "cut", tmp_path / "run")
    other = draw_picture(tmp_path / "other.png", 4)
    shutil.copy(other, picture)
    try:
        for place in (picture, other):
            with pytest.raises(UserError, match=rf"{key_of(name)}: .*{place.name} is not the picture that this run began with"):
                train_command(styled(name, data, tmp_path / "run", place))
    finally:
        picture.unlink()


def test_a_style_picture_of_16_bits_is_kept_exactly(data: Path, tmp_path: Path) -> None:
    picture = draw_picture(tmp_path / "deep.png", 3, depth=16)
    assert train_command(styled("fast_style", data, tmp_path / "straight", picture)) == 0
    assert train_command(styled("fast_style", data, tmp_path / "run", picture, CUT)) == 0
    picture.unlink()
    assert train_command(styled("fast_style", data, tmp_path / "run", picture)) == 0
    assert networks(tmp_path / "run") == networks(tmp_path / "straight")


@pytest.mark.parametrize("key", ["method.add_to", "method.coarse_from"])
def test_the_bundle_that_a_run_began_from_is_not_needed_any_more(key: str, data: Path, tmp_path: Path) -> None:
    name = "fast_style" if key == "method.add_to" else "pix2pixhd"
    overrides = ["method.generator.name=global"] if name == "pix2pixhd" else []
    assert train_command(arguments(name, data, tmp_path / "first", "data.workers=0", *overrides)) == 0
    bundle = tmp_path / "first/bundles/a2b.safetensors"
    more = [f"{key}={bundle}", *([f"method.styles={{new: {draw_picture(tmp_path / 'new.png', 3)}}}"] if name == "fast_style" else [])]
    assert train_command(arguments(name, data, tmp_path / "straight", "data.workers=0", *more)) == 0
    assert list((tmp_path / "straight/samples").iterdir()), "the grid knows the styles that were there before"
    assert train_command(arguments(name, data, tmp_path / "run", "data.workers=0", *more, CUT)) == 0
    bundle.unlink()
    with pytest.raises(UserError, match=key.replace(".", r"\.")):
        train_command(arguments(name, data, tmp_path / "another", "data.workers=0", *more))
    assert train_command(arguments(name, data, tmp_path / "run", "data.workers=0", *more)) == 0
    assert networks(tmp_path / "run") == networks(tmp_path / "straight")
    with pytest.raises(UserError, match=rf"another configuration: {key.replace('.', chr(92) + '.')}: .*first.* -> other"):
        train_command([*arguments(name, data, tmp_path / "run", "data.workers=0", *more), f"{key}=other.safetensors"])


def test_the_weights_of_a_vgg_may_lie_elsewhere_and_must_be_the_same(data: Path, tmp_path: Path) -> None:
    command = arguments("fast_style", data, tmp_path / "run", "data.workers=0")  # its weights are the random ones
    assert train_command([*command, CUT]) == 0
    weights = {key: value.contiguous() for key, value in load_vgg("vgg16", "random").items()}
    save_file(weights, tmp_path / "vgg.safetensors")
    assert train_command([*command, f"method.vgg.weights={tmp_path / 'vgg.safetensors'}", "train.steps=5"]) == 0
    weights["conv1_1.bias"] = weights["conv1_1.bias"] + 1e-6
    save_file(weights, tmp_path / "vgg.safetensors")
    with pytest.raises(UserError, match=r"method\.vgg\.weights: this run began with other weights"):
        train_command([*command, f"method.vgg.weights={tmp_path / 'vgg.safetensors'}"])
    assert train_command(command) == 0


def test_checkpoints_without_inputs_need_the_files(
    started: tuple[str, Path, Path], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of before they were kept go on as ever."""
    name, folder, _ = started
    picture = draw_picture(tmp_path / "waves.png", 3)
    write = checkpoint._write_manifest

    def write_without(folder: Path, step: int, samples: int, processes: int, sealed: Any) -> None:
        (folder / checkpoint.INPUTS).unlink()
        write(folder, step, samples, processes, {name: entry for name, entry in sealed.items() if name != checkpoint.INPUTS})

    monkeypatch.setattr(checkpoint, "_write_manifest", write_without)
    assert train_command(styled(name, data, tmp_path / "run", picture, CUT)) == 0
    assert not list((tmp_path / "run").rglob("inputs.safetensors"))
    assert train_command(styled(name, data, tmp_path / "run", picture)) == 0
    assert networks(tmp_path / "run") == networks(folder / "straight")
