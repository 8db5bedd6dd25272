"""A run that is given other steps or epochs when it goes on: no learning rate of 0, no jump that is not told, the same bits."""

import shutil
from pathlib import Path

import pytest
from pictures import draw_folders
from runs import metrics, networks
from smoke import smoke_arguments

from gan_style.commands.train import train_command
from gan_style.errors import UserError

FALLING = ["linear", "cosine", "step"]


def command(data: Path, run_dir: Path, *overrides: str) -> list[str]:
    settings = ["optim.lr=0.001", "logging.every=1", "logging.samples=0", "train.checkpoint_every=1", "train.keep=100"]
    return smoke_arguments("pix2pix", data, run_dir, *settings, *overrides)


def rates(run_dir: Path) -> list[float]:
    """The generator's learning rate in each step."""
    return [line["lr/generator"] for line in metrics(run_dir)]


def forget_after(run_dir: Path, step: int) -> None:
    """Leave the folder as a run does that is killed after its checkpoint of `step`."""
    for folder in (run_dir / "checkpoints").iterdir():
        if int(folder.name.removeprefix("step_")) > step:
            shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("schedule", "length", "longer"),
    [
        ("linear", "train.steps=8", "train.steps=12"),
        ("cosine", "train.epochs=3", "train.epochs=4.8"),
        ("step", "train.steps=8", "train.steps=12"),
    ],
)
def test_a_finished_run_is_extended_by_a_choice(
    schedule: str, length: str, longer: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """3 epochs of 5 pairs are 8 steps of 2, 4.8 epochs 12."""
    start = command(data, tmp_path / "run", f"optim.schedule={schedule}", *([] if "steps" in length else ["train.steps=null"]))
    assert train_command([*start, length]) == 0
    planned = rates(tmp_path / "run")
    assert len(planned) == 8
    assert train_command([*start, length]) == 0
    assert f"raise {length.partition('=')[0]} to go on (optim.extend" in capsys.readouterr().out

    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(UserError, match=r"optim\.extend=hold.*optim\.extend=stretch"):
        train_command([*start, longer])
    assert {path: path.read_bytes() for path in before} == before

    shutil.copytree(tmp_path / "run", tmp_path / "held")
    shutil.copytree(tmp_path / "run", tmp_path / "stretched")
    assert train_command([*start, f"run_dir={tmp_path / 'held'}", longer, "optim.extend=hold"]) == 0
    assert rates(tmp_path / "held") == [*planned, *[planned[-1]] * 4]
    assert f"stays at {planned[-1]:.3g}" in capsys.readouterr().out
    assert train_command([*start, f"run_dir={tmp_path / 'stretched'}", longer, "optim.extend=stretch"]) == 0
    jumped = rates(tmp_path / "stretched")
    assert jumped[8] > planned[-1]
    assert f"jumps from {planned[-1]:.3g} in step 8 to {jumped[8]:.3g}" in capsys.readouterr().out
    assert train_command([*start, f"run_dir={tmp_path / 'straight'}", longer]) == 0
    assert jumped[8:] == rates(tmp_path / "straight")[8:]


@pytest.mark.parametrize("schedule", FALLING)
def test_where_nothing_has_fallen_an_extended_run_equals_the_longer_one(
    schedule: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = command(data, tmp_path / "run", f"optim.schedule={schedule}", *(["optim.step_every=0.5"] if schedule == "step" else []))
    assert train_command([*start, "train.steps=6"]) == 0
    forget_after(tmp_path / "run", 3)
    assert train_command([*start, "train.steps=8"]) == 0
    assert "the run now has 8 steps instead of 6" in capsys.readouterr().out
    assert train_command([*start, f"run_dir={tmp_path / 'straight'}", "train.steps=8"]) == 0
    assert networks(tmp_path / "run", 8) == networks(tmp_path / "straight", 8)
    assert metrics(tmp_path / "run") == metrics(tmp_path / "straight")


@pytest.mark.parametrize("asked", [["optim.extend=stretch"], ["train.steps=6", "optim.extend=refuse"], ["train.steps=6"]])
def test_a_run_that_has_nothing_left_to_do_tells_of_no_change(
    asked: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = command(data, tmp_path / "run", "optim.schedule=linear", "train.epochs=3", "train.steps=12", "optim.extend=hold")
    assert train_command(start) == 0
    capsys.readouterr()
    assert train_command([*start, *asked]) == 0
    said = capsys.readouterr().out
    assert "all 12 steps were done before" in said
    assert "jumps" not in said and "the run now has" not in said


@pytest.mark.parametrize("extend", ["hold", "stretch"])
def test_an_extended_run_that_is_interrupted_twice_equals_one_that_is_not(extend: str, data: Path, tmp_path: Path) -> None:
    start = command(data, tmp_path / "straight", "optim.schedule=linear")
    assert train_command([*start, "train.steps=4"]) == 0
    shutil.copytree(tmp_path / "straight", tmp_path / "run")
    longer = [*start, "train.steps=10", f"optim.extend={extend}"]
    assert train_command(longer) == 0
    for step in (9, 7, 4):
        assert train_command([*longer, f"run_dir={tmp_path / 'run'}"]) == 0
        assert networks(tmp_path / "run", 10) == networks(tmp_path / "straight", 10)
        assert metrics(tmp_path / "run") == metrics(tmp_path / "straight")
        forget_after(tmp_path / "run", step)


def test_a_run_that_ends_earlier_keeps_its_schedule_and_can_take_the_rest_up_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = command(data, tmp_path / "run", "optim.schedule=linear")
    assert train_command([*start, f"run_dir={tmp_path / 'straight'}", "train.steps=8"]) == 0
    assert train_command([*start, "train.steps=8"]) == 0
    forget_after(tmp_path / "run", 5)
    assert train_command([*start, "train.steps=6"]) == 0
    assert "the run now has 6 steps instead of 8; its schedule keeps 8 steps" in capsys.readouterr().out
    assert train_command([*start, "train.steps=8"]) == 0
    assert networks(tmp_path / "run", 8) == networks(tmp_path / "straight", 8)
    assert metrics(tmp_path / "run") == metrics(tmp_path / "straight")


def test_steps_beyond_the_planned_epochs_are_refused_at_the_first_start(data: Path, tmp_path: Path) -> None:
    start = command(data, tmp_path / "run", "optim.schedule=linear", "train.epochs=2", "train.steps=9")
    for arguments in (start, [*start, "--dry-run"]):
        with pytest.raises(UserError, match=r"train\.steps: 9 steps are more than the 5 of the schedule \(train\.epochs\)"):
            train_command(arguments)
    assert not (tmp_path / "run").exists()
    assert train_command([*start, "optim.extend=hold"]) == 0
    assert rates(tmp_path / "run")[4:] == [rates(tmp_path / "run")[4]] * 5


def test_a_checkpoint_of_before_plans_goes_on_and_says_what_it_takes_for_granted(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gan_style.engine.checkpoint import Checkpoint

    start = command(data, tmp_path / "run", "optim.schedule=linear")
    assert train_command([*start, "train.steps=4"]) == 0
    stored = Checkpoint.training_state

    def without_plan(checkpoint: Checkpoint) -> dict:
        return {key: value for key, value in stored(checkpoint).items() if key != "plan"}

    monkeypatch.setattr(Checkpoint, "training_state", without_plan)
    with pytest.raises(
        UserError, match=r"train\.steps: 4 -> 6: .* the schedule of 4 has begun to fall"
    ):  # its configuration tells the plan
        train_command([*start, "train.steps=6"])
    (tmp_path / "run" / "config.yaml").unlink()
    assert train_command([*start, "train.steps=6"]) == 0
    assert "taken to have 6 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "length"), [([], "8 steps of 2 samples (2.7 epochs of 6)"), (["train.epochs=4"], "12 steps of 2 samples (4.0 epochs of 6)")]
)
def test_the_length_that_is_told_is_the_one_that_is_trained(
    changes: list[str], length: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """3 epochs of 5 pairs are 8 steps of 2, of 6 pairs 9: the checkpoint decides, until its keys change."""
    data, run_dir = draw_folders(tmp_path / "data", train=5), tmp_path / "run"
    start = command(data, run_dir, "optim.schedule=constant", "train.steps=null", "train.epochs=3")
    assert train_command(start) == 0
    assert told_lengths(capsys) == ["8 steps of 2 samples (3.2 epochs of 5)"]
    forget_after(run_dir, 4)
    draw_folders(data, train=6)
    again = [*start, "data.changed=accept", *changes]
    assert train_command([*again, "--dry-run"]) == 0
    (checked,) = told_lengths(capsys)
    assert "; the run in this folder goes on as optim.extend says" in checked
    assert train_command(again) == 0
    assert told_lengths(capsys) == [length]
    assert len(metrics(run_dir)) == int(length.split()[0])


def told_lengths(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = [line.removeprefix("# ") for line in capsys.readouterr().out.splitlines()]
    return [line.removeprefix("length").strip() for line in lines if line.startswith("length ")]
