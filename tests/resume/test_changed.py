"""What may be different when a run goes on changes nothing; what changes something is named, and may be accepted."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pictures import draw, draw_folders
from PIL import Image
from runs import STEPS, arguments, metrics, networks
from safetensors.torch import load_file

from gan_style.commands.train import train_command
from gan_style.engine.checkpoint import Checkpoint
from gan_style.errors import UserError
from gan_style.methods import METHODS

CUT = "train.steps=3"


def forget_after(run_dir: Path, step: int) -> None:
    """Leave the folder as a run does that is killed after its checkpoint of `step`."""
    for folder in (run_dir / "checkpoints").iterdir():
        if int(folder.name.removeprefix("step_")) > step:
            shutil.rmtree(folder)


def test_keys_that_do_not_change_the_result_may_change(straight: tuple[str, Path], data: Path, tmp_path: Path) -> None:
    name, expected = straight
    command = arguments(name, data, tmp_path / "run")
    assert train_command([*command, "data.workers=0", CUT]) == 0
    kinds = {"pairs": "folders", "domains": "unpaired", "labelled images": "labelled"}
    kind = kinds.get(METHODS[name].needs, "auto")
    assert train_command([*command, "data.workers=1", f"data.source={kind}", "data.changed=accept", "train.keep=1"]) == 0
    assert networks(tmp_path / "run") == networks(expected)


@pytest.mark.parametrize("how", ["spelt otherwise", "moved"])
def test_a_data_set_may_move(how: str, largest: tuple[str, Path], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, expected = largest
    command = arguments(name, data, tmp_path / "run", "data.workers=0")
    assert train_command([*command, CUT]) == 0
    monkeypatch.chdir(data.parent)
    place = f"./{data.name}/"
    if how == "moved":
        shutil.copytree(data, tmp_path / "moved")
        place = str(tmp_path / "moved")
    assert train_command([*command, f"data.root={place}"]) == 0
    assert networks(tmp_path / "run") == networks(expected)
    assert metrics(tmp_path / "run")[-1] == metrics(expected)[-1]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("cyclegan", ["train.accumulate=2"]),
        ("cyclegan", ["train.channels_last=false"]),
        ("pix2pixhd", ["method.generator.activation_checkpointing=false"]),
        ("cut", ["train.accumulate=2", "train.channels_last=false", "method.generator.activation_checkpointing=true"]),
    ],
)
def test_how_a_step_is_computed_may_change(name: str, changes: list[str], data: Path, tmp_path: Path) -> None:
    """The same up to rounding, which float64 makes small."""
    exact = ["train.dtype=float64", "data.workers=0"]
    assert train_command(arguments(name, data, tmp_path / "straight", *exact)) == 0
    assert train_command(arguments(name, data, tmp_path / "run", *exact, CUT)) == 0
    assert train_command(arguments(name, data, tmp_path / "run", *exact, *changes)) == 0
    file = f"checkpoints/step_{STEPS:07d}/networks.safetensors"
    expected, got = (load_file(tmp_path / run / file) for run in ("straight", "run"))
    for key, value in expected.items():
        torch.testing.assert_close(got[key], value, rtol=1e-7, atol=1e-9)


def test_a_batch_that_batch_normalisation_mixes_is_not_divided_otherwise(data: Path, tmp_path: Path) -> None:
    assert train_command(arguments("pix2pix", data, tmp_path / "run", "data.workers=0", CUT)) == 0
    with pytest.raises(UserError, match=r"another configuration: train\.accumulate: 1 -> 2"):
        train_command(arguments("pix2pix", data, tmp_path / "run", "data.workers=0", "train.accumulate=2"))


def add(root: Path) -> None:
    for domain in "AB":
        Image.fromarray(draw(9)).save(root / f"train{domain}/009.png")


def remove(root: Path) -> None:
    for domain in "AB":
        (root / f"train{domain}/002.png").unlink()


def replace(root: Path) -> None:
    for domain in "AB":
        Image.fromarray(draw(9)).save(root / f"train{domain}/002.png")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("pix2pix", add, "6 images instead of 5 .*009"),
        ("cyclegan", remove, "4 images instead of 5 .*002"),
        ("gan", replace, "another content .*002"),
    ],
)
def test_a_changed_data_set_is_named_and_may_be_accepted(
    name: str, change: Callable[[Path], None], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run_dir = draw_folders(tmp_path / "data", train=5), tmp_path / "run"
    command = arguments(name, root, run_dir, "data.workers=0", "train.checkpoint_every=1", "train.keep=100")
    assert train_command([*command, "train.steps=5"]) == 0
    forget_after(run_dir, 3)  # all 5 were trained on
    change(root)
    before = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(UserError, match=rf"data\.root: .* since the first 3 steps: .*{words}.*data\.changed=accept") as refusal:
        train_command(command)
    assert "\n" not in str(refusal.value)
    assert {path: path.read_bytes() for path in before} == before

    accepted = [*command, "data.changed=accept"]
    assert train_command(accepted) == 0
    assert "from step 4 on it trains on a changed data set: " in capsys.readouterr().out
    expected = networks(run_dir)
    for step in (5, 3):  # killed after the first checkpoint that knows of the new set, and before it
        forget_after(run_dir, step)
        assert train_command(accepted) == 0
        assert ("changed data set" in capsys.readouterr().out) == (step == 3)
        assert networks(run_dir) == expected
    assert train_command([*command, "train.steps=8"]) == 0, "it is the run's own now"


def test_before_the_first_step_a_data_set_may_change(data: Path, tmp_path: Path) -> None:
    """The first image is broken: nothing is trained, and its user mends the pair."""
    root, run_dir = draw_folders(tmp_path / "data", train=5), tmp_path / "run"
    for number in range(5):
        (root / f"trainA/{number:03d}.png").write_bytes(b"broken")
    command = arguments("pix2pix", root, run_dir, "data.workers=0", CUT)
    with pytest.raises(UserError, match=r"trainA"):
        train_command(command)
    assert not (run_dir / "checkpoints").exists()
    draw_folders(root, train=6)
    assert train_command(command) == 0


def test_a_checkpoint_of_before_fingerprints_goes_on_and_says_what_it_takes_for_granted(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = arguments("pix2pix", data, tmp_path / "run", "data.workers=0")
    assert train_command([*command, CUT]) == 0
    stored = Checkpoint.training_state
    monkeypatch.setattr(Checkpoint, "training_state", lambda checkpoint: {**stored(checkpoint), "data": None})
    assert train_command(command) == 0
    assert f"it does not say what it was trained on, which is taken to be {data}" in capsys.readouterr().out
