"""Validation changes nothing that is trained, and goes on with the run: the log and the best bundles, to the bit."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from pictures import draw, draw_folders
from PIL import Image
from runs import STEPS, arguments, bundles, metrics, networks

from gan_style.bundles.file import load_bundle
from gan_style.commands.train import train_command
from gan_style.engine.checkpoint import Checkpoint
from gan_style.engine.run import Run
from gan_style.errors import UserError
from gan_style.methods import METHODS

METRIC = {"pix2pix": "l1", "cyclegan": "kid", "fast_style": "structure", "adain": "kid", "gan": "fid"}
RANDOM = ["validation.features=random", "validation.structure=random", "validation.lpips=random"]


def command(name: str, data: Path, run_dir: Path, *overrides: str) -> list[str]:
    metric = METRIC.get(name, "kid")
    wanted = [f"validation.metrics=[{metric}]", f"validation.best={metric}", "train.validate_every=2", *RANDOM]
    return arguments(name, data, run_dir, "data.workers=0", *wanted, *overrides)


@pytest.fixture(scope="module", params=sorted(METHODS.keys() - {"dclgan", "pix2pixhd"}))  # measured as cyclegan and pix2pix are
def validated(request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A method's name and its uninterrupted run with validation after 2, 4 and 6 of 7 steps."""
    run_dir = tmp_path_factory.mktemp("validated") / request.param
    assert train_command(command(request.param, data, run_dir)) == 0
    return request.param, run_dir


def scores(run_dir: Path) -> dict[int, dict[str, float]]:
    """step -> what the log holds of validation."""
    found = {int(line["step"]): {key: value for key, value in line.items() if key.startswith("val/")} for line in metrics(run_dir)}
    return {step: values for step, values in found.items() if values}


def test_training_is_the_same_without(straight: tuple[str, Path], data: Path, tmp_path: Path) -> None:
    name, expected = straight
    run_dir = tmp_path / "run"
    assert train_command(command(name, data, run_dir)) == 0
    assert networks(run_dir) == networks(expected)
    assert {key: value for key, value in bundles(run_dir).items() if "best" not in key} == bundles(expected)
    assert (run_dir / f"samples/step_{STEPS:07d}.png").read_bytes() == (expected / f"samples/step_{STEPS:07d}.png").read_bytes()
    without = [{key: value for key, value in line.items() if not key.startswith("val/")} for line in metrics(run_dir)]
    assert without == metrics(expected)


def test_the_best_bundle_is_the_one_of_the_best_line(validated: tuple[str, Path]) -> None:
    name, run_dir = validated
    found = scores(run_dir)
    assert sorted(found) == [2, 4, 6]
    metric = METRIC.get(name, "kid")
    for direction in ("a2b", "b2a"):
        path = run_dir / "bundles" / f"best_{direction}.safetensors"
        prefix = "val/" if direction == "a2b" else "val/b2a_"
        values = {step: values[f"{prefix}{metric}"] for step, values in found.items() if f"{prefix}{metric}" in values}
        assert path.exists() == bool(values)
        if values:
            step = min(values, key=lambda step: (values[step], step))
            info, _ = load_bundle(path)
            assert (info.step, info.scores) == (step, {metric: values[step]})
    assert not list((run_dir / "bundles").glob(".*"))


def test_stopped_twice_equals_uninterrupted(validated: tuple[str, Path], data: Path, tmp_path: Path) -> None:
    name, expected = validated
    run_dir = tmp_path / "run"
    for steps in (3, 5, STEPS):
        assert train_command(command(name, data, run_dir, f"train.steps={steps}")) == 0
    assert networks(run_dir) == networks(expected)
    assert bundles(run_dir) == bundles(expected)
    assert scores(run_dir) == scores(expected)


def test_killed_after_any_step_equals_uninterrupted(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a validation and its checkpoint, between that and the name of the best bundle: what was written stays, and no more."""
    kept = ["train.checkpoint_every=3"]
    assert train_command(command("pix2pix", data, tmp_path / "straight", *kept)) == 0
    draw, publish = Run._draw, Run._report

    class Killed(Exception):
        pass

    for number, (attribute, step) in enumerate((("_draw", 4), ("_save", 4), ("_report", 3), ("_save", 6), ("_report", 6))):
        run_dir = tmp_path / f"run{number}"
        original = getattr(Run, attribute)

        def kill(run: Run, *values: Any, step: int = step, original: Any = original, **named: Any) -> Any:
            if run.step == step:
                raise Killed
            return original(run, *values, **named)

        changes = [*kept, "logging.samples_every=1"]
        monkeypatch.setattr(Run, attribute, kill)
        if attribute == "_save" and step == 4:
            changes = ["train.checkpoint_every=4", "logging.samples_every=1"]
        with pytest.raises(Killed):
            train_command(command("pix2pix", data, run_dir, *changes))
        monkeypatch.setattr(Run, attribute, original)
        assert train_command(command("pix2pix", data, run_dir, *changes)) == 0
        assert networks(run_dir) == networks(tmp_path / "straight")
        assert bundles(run_dir) == bundles(tmp_path / "straight")
        assert scores(run_dir) == scores(tmp_path / "straight")
    assert (Run._draw, Run._report) == (draw, publish)


def test_a_lost_best_bundle_of_the_last_step_is_written_again(data: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    again = command("pix2pix", data, run_dir, f"train.validate_every={STEPS}")
    assert train_command(again) == 0
    path = run_dir / "bundles/best_a2b.safetensors"
    before = path.read_bytes()
    path.unlink()
    assert train_command(again) == 0
    assert path.read_bytes() == before


def test_what_is_measured_may_change(validated: tuple[str, Path], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, expected = validated
    run_dir = tmp_path / "run"
    shutil.copytree(expected, run_dir)
    assert train_command(command(name, data, run_dir, "train.steps=8", "train.validate_every=4", "validation.images=2")) == 0
    assert "the best bundles begin anew" in capsys.readouterr().out
    assert sorted(scores(run_dir)) == [2, 4, 6, 8]
    assert {load_bundle(path)[0].step for path in (run_dir / "bundles").glob("best_*")} == {8}
    off = command(name, data, run_dir, "train.steps=9", "train.validate_every=null")
    assert train_command([argument for argument in off if not argument.startswith("validation.")]) == 0
    on = ["train.steps=10", "train.validate_every=5", "validation.images=2"]
    assert train_command(command(name, data, run_dir, *on)) == 0
    state = sorted(step for step in scores(run_dir))
    assert state == [2, 4, 6, 8, 10]


@pytest.mark.parametrize(
    ("name", "how"),
    [*(("pix2pix", how) for how in ("added", "gone", "replaced", "moved", "not known")), ("cyclegan", "added"), ("gan", "replaced")],
)
def test_best_bundles_of_other_validation_images_begin_anew(
    name: str, how: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, run_dir = draw_folders(tmp_path / "data", train=5, val=3), tmp_path / "run"
    assert train_command(command(name, root, run_dir)) == 0
    if how == "moved":
        root = root.rename(tmp_path / "moved")
    for folder in ("valA", "valB"):
        if how == "gone":
            (root / folder / "001.png").unlink()
        if how in ("added", "replaced", "not known"):
            Image.fromarray(draw(9)).save(root / folder / ("003.png" if how == "added" else "001.png"))
    stored = Checkpoint.training_state

    def forgetting(checkpoint: Checkpoint) -> Any:
        state = stored(checkpoint)
        return {**state, "best": {key: value for key, value in state["best"].items() if key != "images"}}

    if how == "not known":  # a checkpoint of before they were
        monkeypatch.setattr(Checkpoint, "training_state", forgetting)
    capsys.readouterr()
    assert train_command(command(name, root, run_dir, "train.steps=8", "train.validate_every=8")) == 0
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "going on after step" in line]
    anew = how not in ("moved", "not known")
    assert ("the validation images changed (" in told and ": the best bundles begin anew" in told) == anew
    if anew:
        assert {"added": "003", "gone": "001", "replaced": "001"}[how] in told
        assert {load_bundle(path)[0].step for path in (run_dir / "bundles").glob("best_*")} == {8}
    assert train_command(command(name, root, run_dir, "train.steps=9", "train.validate_every=8")) == 0
    assert "begin anew" not in capsys.readouterr().out, "they are the run's own now"


def test_a_broken_validation_image_is_named_and_loses_no_step(data: Path, tmp_path: Path) -> None:
    copied = tmp_path / "data"
    shutil.copytree(data, copied)
    broken = copied / "valB/001.png"
    whole = broken.read_bytes()
    again = command("pix2pix", copied, tmp_path / "run", "logging.samples=0")
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"001\.png: damaged"):
        train_command(again)
    (checkpoint,) = (tmp_path / "run/checkpoints").iterdir()
    assert json.loads((checkpoint / "manifest.json").read_text())["step"] == 2
    broken.write_bytes(whole)
    assert train_command(again) == 0
    assert sorted(scores(tmp_path / "run")) == [4, 6]


def test_validation_draws_nothing_from_the_global_generator(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    original = Run._validate

    def watched(run: Run, *values: Any) -> Any:
        modes = [module.training for network in run.trainer.networks.values() for module in network.modules()]
        before = torch.get_rng_state()
        result = original(run, *values)
        states.append(torch.equal(before, torch.get_rng_state()))
        assert modes == [module.training for network in run.trainer.networks.values() for module in network.modules()]
        return result

    monkeypatch.setattr(Run, "_validate", watched)
    assert train_command(command("cyclegan", data, tmp_path / "run", "validation.metrics=[kid,structure]")) == 0
    assert states == [True, True, True]
