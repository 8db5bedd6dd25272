"""gan_style.train: in threads, in a running loop, twice in a process; and a run that is looked at afterwards."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from children import heeded
from pictures import draw_folders
from tiny import ROOT

import gan_style
from gan_style import build
from gan_style.engine.trainer import Trainer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(data: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A function that gives the smallest training's configuration, with a folder and keys of `train`."""

    def of(name: str = "run", **train: Any) -> dict[str, Any]:
        return {
            "run_dir": tmp_path / name,  # a path, as programs have them
            "method": {
                "name": "pix2pix",
                "generator": {"base_channels": 4, "num_downs": 2},
                "discriminator": {"base_channels": 4, "num_layers": 1},
            },
            "data": {"root": data, "load_size": 20, "crop_size": 16, "workers": 0},
            "train": {"steps": 2, "batch_size": 2, **train},
            "logging": {"every": 1, "samples": 0},
        }

    return of


def losses(run: gan_style.TrainedRun) -> list[dict[str, float]]:
    return [{name: value for name, value in line.items() if name.startswith("loss/")} for line in run.metrics]


def test_importing_the_package_loads_nothing_else() -> None:
    program = (
        "import sys, gan_style; dir(gan_style); print([m for m in sys.modules if m.partition('.')[0] in ('torch', 'pydantic', 'numpy')])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_names_of_the_package() -> None:
    assert set(gan_style.__all__) <= set(dir(gan_style))
    assert all(getattr(gan_style, name).__module__.startswith("gan_style.") for name in gan_style.__all__)
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        gan_style.trian  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]


def test_a_run_says_how_it_went(config: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    run = gan_style.train(config(steps=3))
    assert (run.folder, run.finished, run.step, run.steps) == (tmp_path / "run", True, 3, 3)
    assert [line["step"] for line in run.metrics] == [1, 2, 3]
    assert run.last["loss/l1"] == run.metrics[-1]["loss/l1"] and {"lr/generator", "images_per_second"} <= run.last.keys()
    assert run.load().info.step == 3
    with pytest.raises(gan_style.UserError, match="direction b2a"):
        run.load("b2a")


def test_a_log_with_a_torn_line_is_read(config: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    run = gan_style.train(config())
    with (run.folder / "metrics.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 3, "lo')
    assert [line["step"] for line in run.metrics] == [1, 2]
    nothing = gan_style.TrainedRun(tmp_path / "nowhere")
    assert (nothing.metrics, nothing.last, nothing.step, nothing.steps, nothing.finished) == ([], {}, 0, None, False)


def test_the_log_is_read_once_and_again_when_it_has_changed(config: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    run = gan_style.train(config())
    reads, read_text = [], Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda self, **how: (reads.append(self.name), read_text(self, **how))[1])
    run.metrics[0]["step"] = 9
    assert (run.step, run.last["step"], run.metrics[0]["step"], "step 2 of 2" in repr(run)) == (2, 2, 1, True)
    assert reads.count("metrics.jsonl") == 1
    with (run.folder / "metrics.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 3}\n')
    assert (run.step, len(run.metrics), reads.count("metrics.jsonl")) == (3, 3, 2)


def test_in_a_thread_in_a_running_loop_and_again_it_is_the_same_training(config: Callable[..., dict[str, Any]]) -> None:
    runs = [gan_style.train(config("plain"))]

    async def notebook() -> None:  # as Jupyter runs a cell
        runs.append(gan_style.train(config("loop")))

    asyncio.run(notebook())
    with pytest.warns(UserWarning, match="not in the main thread"):
        thread = threading.Thread(target=lambda: runs.append(gan_style.train(config("thread"))))
        thread.start()
        thread.join()
    assert len(runs) == 3 and all(run.finished for run in runs)
    assert losses(runs[0]) == losses(runs[1]) == losses(runs[2])


def test_a_run_stopped_by_its_time_is_not_finished_and_the_same_call_goes_on(
    config: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = gan_style.train(config(steps=50), {"train.max_minutes": 1e-9})
    assert not run.finished and run.step < 50
    assert gan_style.train(config(steps=50), ["train.steps=4"]).finished


@pytest.mark.parametrize(("code", "raised"), [(128 + signal.SIGINT, KeyboardInterrupt), (128 + signal.SIGTERM, SystemExit)])
def test_a_signal_is_raised_once_the_checkpoint_is_saved(
    code: int, raised: type[BaseException], config: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "train", lambda _: code)
    with pytest.raises(raised):
        gan_style.train(config())


def test_ctrl_c_in_the_main_thread_stops_after_the_step_with_a_checkpoint(
    config: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_step = Trainer.step

    def interrupted(self: Trainer, step: int, *rest: Any) -> Any:
        if step == 2:
            signal.raise_signal(signal.SIGINT)
        return train_step(self, step, *rest)

    monkeypatch.setattr(Trainer, "step", interrupted)
    with heeded(signal.SIGINT), pytest.raises(KeyboardInterrupt):
        gan_style.train(config(steps=9))
    run = gan_style.TrainedRun(tmp_path / "run")
    assert not run.finished and [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["step_0000003"]


@pytest.mark.parametrize(
    ("change", "overrides", "said"),
    [
        ({"trian": {}}, (), "config: trian: unknown key, did you mean 'train'?"),
        ({}, {"optim.lrr": 1}, "overrides: optim.lrr: unknown key, did you mean 'lr'?"),
        ({}, ["optim.lr=[1"], "is not valid YAML"),
        ({}, {"optim.lr": float("nan")}, "optim.lr: nan is not a finite number"),
        ({}, {"data.root": object()}, "overrides: data.root: a configuration holds no object; give a number, a text"),
        ({"data": {1: 2}}, (), "config: data: the key 1 is read as a number"),
        ({"data": {"domain_a": {"colours": ["#000000", {1}]}}}, (), "config: data.domain_a.colours.1: a configuration holds no set"),
        ({"optim": {"lr": np.zeros(2)}}, (), "config: optim.lr: a configuration holds no ndarray; give a number, a text"),
        ({}, {"method": {"l1_weight": torch.zeros(1)}}, "overrides: method.l1_weight: a configuration holds no Tensor"),
        ({"optim": {"lr": np.complex64(1)}}, (), "config: optim.lr: a configuration holds no complex"),
        ({"optim": {"lr": np.float32("inf")}}, (), "config: optim.lr: inf is not a finite number"),
        ({}, ["train.steps.x=1"], "overrides: train.steps.x: steps is a value, not a section"),
        ({"base": "cyclegan"}, (), "write base: OTHER.yaml at the top of a file"),
        ({"run_dir": None}, (), "config: run_dir: must be text, not null"),
    ],
)
def test_mistakes_are_one_line(change: dict[str, Any], overrides: Any, said: str, config: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(gan_style.UserError) as mistake:
        gan_style.train({**config(), **change}, overrides)
    assert said in str(mistake.value) and "\n" not in str(mistake.value)


def test_scalars_of_numpy_and_torch_are_numbers(config: Callable[..., dict[str, Any]]) -> None:
    tree = {**config(steps=np.int64(3), batch_size=torch.tensor(2)), "optim": {"lr": np.float32(0.25)}}
    tree["data"] |= {"flip": np.bool_(False), "transforms": [{"name": "Transpose", "p": np.array(0.5)}]}
    run = gan_style.train(tree, {"method.l1_weight": np.float64(7), "train.seed": np.array(4)})
    kept = yaml.safe_load((run.folder / "config.yaml").read_text())
    assert (kept["train"]["steps"], kept["train"]["batch_size"], kept["train"]["seed"], kept["optim"]["lr"]) == (3, 2, 4, 0.25)
    assert (kept["data"]["flip"], kept["data"]["transforms"][0]["p"], kept["method"]["l1_weight"]) == (False, 0.5, 7)


def test_a_text_of_overrides_is_no_list(config: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(TypeError, match="not one text"):
        gan_style.train(config(), "train.steps=3")
