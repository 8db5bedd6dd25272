"""`gan-style train --sweep` as a user runs it: in turn, going on, past failures, to one comparison."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from children import heeded
from pictures import draw_folders
from smoke import smoke_arguments

from gan_style import build
from gan_style.__main__ import run
from gan_style.commands.train import train_command
from gan_style.errors import UserError
from gan_style.training import TrainedRun


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"))


@pytest.fixture
def arguments(data: Path, tmp_path: Path) -> list[str]:
    """Of the smallest training, in tmp_path/runs, without a seed."""
    return smoke_arguments("pix2pix", data, tmp_path / "runs", "train.steps=2", "logging.samples=0", "logging.every=1")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the runs that are trained, as they begin."""
    names: list[str] = []
    train = build.train

    def noted(config: Any) -> int:
        names.append(Path(config.run_dir).name)
        return train(config)

    monkeypatch.setattr(build, "train", noted)
    return names


def test_each_run_has_its_folder_and_all_one_page(
    arguments: list[str], trained: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*arguments, "--sweep", "optim.lr=1e-4,2e-4", "--sweep", "train.seed=0..1"]
    assert train_command(command) == 0
    names = ["lr=1e-4_seed=0", "lr=1e-4_seed=1", "lr=2e-4_seed=0", "lr=2e-4_seed=1"]
    assert trained == names
    config = yaml.safe_load((tmp_path / "runs/lr=2e-4_seed=1/config.yaml").read_text())
    assert (config["optim"]["lr"], config["train"]["seed"]) == (2e-4, 1)
    assert "Comparison of 4 runs" in (tmp_path / "runs/comparison.html").read_text(encoding="utf-8")
    said = capsys.readouterr().out.splitlines()
    table = said[-6:-1]
    assert table[0].split()[:2] == ["run", "step"] and "l1" in table[0].split()
    last = TrainedRun(tmp_path / "runs/lr=1e-4_seed=1").last
    assert table[2].split()[0] == names[1] and f"{last['loss/l1']:.4g}" in table[2].split()
    assert said[-1] == f"comparison: {tmp_path / 'runs/comparison.html'}"

    assert train_command([*command[:-1], "train.seed=0..2"]) == 0
    assert trained[4:] == ["lr=1e-4_seed=2", "lr=2e-4_seed=2"], "finished runs are left alone"
    assert "run 1 of 6: lr=1e-4_seed=0, finished, step 2\n" in capsys.readouterr().out


def test_a_longer_sweep_goes_on_with_finished_runs(arguments: list[str], trained: list[str], tmp_path: Path) -> None:
    assert train_command([*arguments, "--sweep", "train.seed=0,1"]) == 0
    longer = ["train.steps=3" if argument == "train.steps=2" else argument for argument in arguments]
    assert train_command([*longer, "--sweep", "train.seed=0,1"]) == 0
    assert trained == ["seed=0", "seed=1"] * 2
    assert [line["step"] for line in TrainedRun(tmp_path / "runs/seed=0").metrics] == [1, 2, 3]


@pytest.mark.parametrize(("length", "less"), [("train.steps", "train.steps=1 "), ("train.epochs", "train.epochs=1.0 ")])
def test_a_shorter_sweep_says_of_each_run_that_it_is_longer(
    length: str, less: str, arguments: list[str], trained: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [argument for argument in arguments if not argument.startswith("train.steps=")]
    more = [] if length == "train.steps" else ["train.steps=null", "optim.schedule=constant"]

    def sweep(value: int, *options: str) -> str:
        assert train_command([*arguments, *more, f"{length}={value}", "--sweep", "train.seed=0..1", *options]) == 0
        return capsys.readouterr().out

    sweep(2)
    step = TrainedRun(tmp_path / "runs/seed=0").step
    for _ in range(2):
        said = sweep(1)
        for number, name in ((1, "seed=0"), (2, "seed=1")):
            assert f"run {number} of 2: {name}, finished, step {step}; {less}asks for less, and nothing is taken back\n" in said
    assert f"{tmp_path / 'runs/seed=1'}: finished, step {step}; {less}asks for less" in sweep(1, "--dry-run")
    assert f"run 2 of 2: seed=1, finished, step {step}\n" in sweep(2)
    assert trained == ["seed=0", "seed=1"]


def test_a_run_that_ended_beyond_its_steps_is_said_to(
    arguments: list[str], trained: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_command([*arguments, "--sweep", "train.seed=0"]) == 0
    shorter = ["train.steps=1" if argument == "train.steps=2" else argument for argument in arguments]
    assert train_command([*shorter, f"run_dir={tmp_path / 'runs/seed=0'}", "train.seed=0"]) == 0  # which config.yaml says from now on
    capsys.readouterr()
    trained.clear()
    assert train_command([*shorter, "--sweep", "train.seed=0"]) == 0
    assert "run 1 of 1: seed=0, finished, step 2; train.steps=1 asks for less" in capsys.readouterr().out
    assert trained == []


def test_a_failing_run_does_not_lose_the_others(
    arguments: list[str], trained: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [argument for argument in arguments if not argument.startswith(("data.crop_size", "data.load_size"))]
    command = ["train", *given, "data.load_size=20", "--sweep", "data.crop_size=4,16,5"]
    assert run(command) == 2
    assert trained == ["crop_size=4", "crop_size=16", "crop_size=5"]
    said = capsys.readouterr()
    assert [line for line in said.err.splitlines() if line.startswith("error: ")] == [
        line for line in said.err.splitlines() if line.startswith("error: --sweep: 2 of 3 runs failed, the first of them crop_size=4: ")
    ]
    assert said.err.count("failed: data.crop_size: 4 is too small") == 1
    assert TrainedRun(tmp_path / "runs/crop_size=16").finished
    assert any(line.split()[:2] == ["crop_size=4", "failed"] for line in said.out.splitlines())


def test_a_fault_of_ours_does_not_either(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = build.train

    def faulty(config: Any) -> int:
        if config.train.seed == 0:
            raise ZeroDivisionError("made for this test")
        return train(config)

    monkeypatch.setattr(build, "train", faulty)
    assert run(["train", *arguments, "--sweep", "train.seed=0..1"]) == 1
    assert "ZeroDivisionError: made for this test" in capsys.readouterr().err
    assert TrainedRun(tmp_path / "runs/seed=1").finished


def test_ctrl_c_ends_it_and_the_same_command_goes_on(
    arguments: list[str], trained: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = [*arguments, "train.checkpoint_every=100", "--sweep", "train.seed=0..2"]
    command = [argument for argument in command if argument != "train.steps=2"] + ["train.steps=6"]
    from gan_style.engine.trainer import Trainer

    step = Trainer.step

    def interrupting(self: Any, number: int, *rest: Any) -> Any:
        if len(trained) == 2 and number == 2:
            signal.raise_signal(signal.SIGINT)
        return step(self, number, *rest)

    with heeded(signal.SIGINT), monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", interrupting)
        assert train_command(command) == 130
    assert trained == ["seed=0", "seed=1"]
    assert not (tmp_path / "runs/comparison.html").exists()
    cut = TrainedRun(tmp_path / "runs/seed=1")
    assert not cut.finished and list(cut.folder.glob("checkpoints/step_0000003"))
    assert train_command(command) == 0
    assert trained[2:] == ["seed=1", "seed=2"]
    assert [line["step"] for line in cut.metrics] == [1, 2, 3, 4, 5, 6] and cut.finished


def test_dry_run_lists_the_runs_checks_them_and_leaves_nothing(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_command([*arguments, "--sweep", "train.seed=0..1", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{tmp_path / 'runs' / name}: new" for name in ("seed=0", "seed=1")]
    assert not (tmp_path / "runs").exists()
    assert train_command([*arguments, "--sweep", "train.seed=0"]) == 0
    capsys.readouterr()
    assert train_command([*arguments, "--sweep", "train.seed=0..1", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{tmp_path / 'runs/seed=0'}: finished, step 2"
    given = [argument for argument in arguments if not argument.startswith("data.crop_size")]
    with pytest.raises(UserError, match=r"run crop_size=4 failed: data\.crop_size: 4 is too small"):
        train_command([*given, "--sweep", "data.crop_size=16,4", "--dry-run"])


def test_more_runs_than_a_page_holds_have_several_pages(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gan_style.commands.train.sweep.MAX_RUNS", 2)
    assert train_command([*arguments, "--sweep", "train.seed=0..2"]) == 0
    pages = [tmp_path / "runs" / name for name in ("comparison.html", "comparison_2.html")]
    assert capsys.readouterr().out.splitlines()[-2:] == [f"comparison: {page}" for page in pages]
    assert all(page.exists() for page in pages)


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("optim.lrr=1,2", "--sweep optim.lrr=1: optim.lrr: unknown key, did you mean 'lr'?"),
        ("optim.lr=1e-4,0.0001", "--sweep: lr=1e-4 and lr=0.0001 would be the same run; give each value once"),
        ("optim.lr=1,-1", "--sweep optim.lr=-1: optim.lr: must be above 0"),
        ("optim={lr: 1},{lr: x}", "--sweep optim={lr: x}: optim.lr: must be a number, not 'x'"),
        ("train.batch_size.x=1", "--sweep train.batch_size.x=1: train.batch_size.x: batch_size is a value, not a section"),
        ("optim.step_every=0.5", "--sweep optim.step_every=0.5: optim.step_every: has no effect with optim.schedule"),
        ("train.steps=3,4", "--sweep train.steps: 'train.steps=2' would have no effect"),
    ],
)
def test_mistakes_are_found_before_the_first_run(sweep: str, said: str, arguments: list[str], trained: list[str]) -> None:
    with pytest.raises(UserError) as mistake:
        train_command([*arguments, "--sweep", sweep])
    assert said in str(mistake.value) and not trained


def test_several_processes_are_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="--sweep: runs follow each other in one process"):
        train_command([*arguments, "--sweep", "train.seed=0..1"])


def test_a_command_without_a_configuration_names_the_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^--config: give a YAML file or the name of a recipe: adain, cut, cyclegan, "):
        train_command([])
    with pytest.raises(UserError, match=r"^--config: give a YAML file or the name of a recipe: --config pix2pix$"):
        train_command(["pix2pix", "data.root=x"])
    chosen: Callable[[str], int] = lambda verb: run([verb])  # noqa: E731
    assert (chosen("--version"), chosen("--help"), chosen("")) == (0, 0, 0)
    assert (chosen("trian"), chosen("--verison")) == (2, 2)
