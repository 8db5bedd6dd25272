"""Memory that runs out, in each command and each of its parts: one line that says for what and what helps; what can be done is done.

Some allocators are real, under a limit of this process; others are made to refuse.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import warm
from pictures import draw_folders
from smoke import smoke_arguments
from tiny_bundles import UNET_BATCH, pixels, tiny_bundle

from gan_style import __main__
from gan_style.commands.evaluate import evaluate_command
from gan_style.commands.infer import infer_command
from gan_style.commands.running import run_command
from gan_style.commands.train import train_command
from gan_style.engine import checkpoint
from gan_style.engine.trainer import Trainer
from gan_style.errors import UserError
from gan_style.evaluation.suite import Suite
from gan_style.files import images
from gan_style.files.formats import pillow_format
from gan_style.translation.predictor import Predictor
from gan_style.translation.stylist import Stylist

MIB = 2**20
REFUSALS = {
    "NumPy": MemoryError("Unable to allocate 2.00 GiB for an array"),
    "torch on a GPU": torch.OutOfMemoryError("CUDA out of memory"),
    "torch on a CPU": RuntimeError("[enforce fail at alloc_cpu.cpp:1] . DefaultCPUAllocator: can't allocate memory: 1 bytes"),
    "OpenCV": cv2.error(
        "OpenCV(4.9) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 1 bytes in function 'OutOfMemoryError'"
    ),
}
refusals = pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())


def refusing(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, refusal: Exception, when: Callable[..., bool] = lambda *_: True
) -> None:
    """Let a function refuse, where `when` says so of its arguments."""
    original = getattr(owner, name)

    def refuse(*arguments: Any, **keywords: Any) -> Any:
        if when(*arguments):
            raise refusal
        return original(*arguments, **keywords)

    monkeypatch.setattr(owner, name, refuse)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"))


def run(data: Path, tmp_path: Path, *overrides: str, workers: int = 0) -> list[str]:
    return smoke_arguments("pix2pix", data, tmp_path / "run", "train.steps=6", "logging.every=1", f"data.workers={workers}", *overrides)


def ended(tmp_path: Path) -> str:
    return json.loads((tmp_path / "run/run.json").read_text())["starts"][-1]["ended"]


@refusals
def test_a_step(refusal: Exception, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, Trainer, "step", refusal, lambda trainer, step, *_: step == 3)
    said = (
        r"step 4: cpu has no memory for 2 images of 16 x 16 pixels at once; {}; "
        r".*take another run_dir and lower train\.batch_size, data\.load_size"
    )
    with pytest.raises(UserError, match=said.format("no checkpoint is saved yet")) as mistake:
        train_command(run(data, tmp_path))
    assert ended(tmp_path) == str(mistake.value)
    with pytest.raises(UserError, match=said.format(r"the newest checkpoint is of step 2")):
        train_command([*run(data, tmp_path), "train.checkpoint_every=2"])


@refusals
@pytest.mark.parametrize("workers", [0, 2])
def test_loading(refusal: Exception, workers: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps before it are saved."""
    refusing(monkeypatch, images, "resize", refusal, lambda *arguments: "003.png" in str(arguments[-1]))
    advice = "lower data.workers, or take another run_dir" if workers else "take another run_dir with a lower train.batch_size"
    with pytest.raises(UserError, match=f"^no memory to load 2 samples; {advice}"):
        train_command(run(data, tmp_path, workers=workers))
    (saved,) = (tmp_path / "run/checkpoints").iterdir()
    logged = [json.loads(line)["step"] for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert saved.name == f"step_{logged[-1]:07d}"


@refusals
def test_reading_a_picture_names_it(refusal: Exception, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, pillow_format, "upright", refusal)
    said = r"train[AB]/00\d\.png: no memory to decode it; take another run_dir with a lower train\.batch_size"
    with pytest.raises(UserError, match=said):
        train_command(run(data, tmp_path, "logging.samples=0"))


@pytest.mark.parametrize(("owner", "name"), [(Trainer, "step"), (images, "resize")], ids=["the first step", "the first batch"])
def test_where_no_step_is_done_a_smaller_batch_goes_on_in_the_same_folder(
    owner: Any, name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = run(data, tmp_path, "logging.samples=0")
    with monkeypatch.context() as during, pytest.raises(UserError, match=r"train\.batch_size"):
        refusing(during, owner, name, MemoryError("x"))
        train_command(command)
    assert "next: put right what the error names; in this run_dir the same command begins anew" in capsys.readouterr().out
    assert train_command([*command, "train.batch_size=1"]) == 0


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_once_steps_are_done_the_advice_for_this_folder_is_taken_there(
    norm: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch normalisation has other statistics in smaller micro-batches, so that there they make another run."""
    norms = [f"method.{network}.norm={norm}" for network in ("generator", "discriminator")]
    command = run(data, tmp_path, "logging.samples=0", "train.checkpoint_every=2", *norms)
    with monkeypatch.context() as during, pytest.raises(UserError) as mistake:
        refusing(during, Trainer, "step", MemoryError("x"), lambda trainer, step, *_: step == 3)
        train_command(command)
    within, another = str(mistake.value).split("take another run_dir")
    assert ("raise train.accumulate" in within) == (norm == "instance") and "lower train.batch_size" in another
    with pytest.raises(UserError, match=r"was made with another configuration: train\.batch_size"):
        train_command([*command, "train.batch_size=1"])
    if norm == "instance":
        assert train_command([*command, "train.accumulate=2"]) == 0


@refusals
def test_the_first_validation_image_is_measured_before_training(
    refusal: Exception, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = run(data, tmp_path, "train.validate_every=2", "logging.samples=0", "validation.metrics=[l1]")
    refusing(monkeypatch, Suite, "_row", refusal, lambda suite, case: case.truth is not None and case.translated.shape[-1] == 16)
    with pytest.raises(UserError, match=r"valA/000\.png: cpu has no memory to measure it; ask for fewer metrics"):
        train_command(command)


@refusals
def test_a_validation_without_memory_is_left_out_and_training_goes_on(
    refusal: Exception, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = run(data, tmp_path, "train.validate_every=2", "logging.samples=0", "validation.metrics=[l1]")
    measured = list[str]()
    refusing(monkeypatch, Suite, "_row", refusal, lambda suite, case: measured.append(case.name) or measured.count(case.name) == 3)
    assert train_command(command) == 0
    told = "validation left out, training goes on: valA/000.png: cpu has no memory to measure it; ask for fewer metrics"
    assert sum(line.startswith(told) for line in capsys.readouterr().err.splitlines()) == 1
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "val/l1" in line] == [2, 6]


@refusals
def test_a_checkpoint(refusal: Exception, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, checkpoint, "save_file", refusal)
    with pytest.raises(UserError, match=r"no memory to write the checkpoint of step 6; free some, then the same command goes on"):
        train_command(run(data, tmp_path))
    assert not list((tmp_path / "run/checkpoints").iterdir())


@refusals
def test_the_beginning(refusal: Exception, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, Trainer, "__init__", refusal)
    for further in ([], ["--dry-run"]):
        if further:
            refusing(monkeypatch, torch, "manual_seed", refusal)
        with pytest.raises(UserError, match=r"^no memory to begin; lower train\.batch_size"):
            train_command([*run(data, tmp_path), *further])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may allocate")
def test_a_step_under_a_real_limit(data: Path, tmp_path: Path) -> None:
    large = ["data.load_size=1024", "data.crop_size=1024", "train.batch_size=4", "method.generator.base_channels=16", "logging.samples=0"]
    done = limited("train", *run(data, tmp_path, *large), cwd=tmp_path)
    assert done.returncode == 2 and "error: step 1: cpu has no memory for 4 images of 1024 x 1024 pixels at once" in done.stderr


def limited(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command in a process that has 400 MiB more than it begins with."""
    return warm.run([Path(__file__).parents[1] / "limited.py", str(400 * MIB), *arguments], cwd)


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, height, width in (("a", 30, 50), ("b", 40, 20), ("c", 20, 20)):
        images.write(Path(f"in/{name}.png"), pixels(height, width))


def infer(*options: str, model: str = "a2b.safetensors") -> int:
    command = ["--model", model, "--input", "in", "--output", "out", "--device", "cpu", *options]
    return run_command(lambda: infer_command(command))


def results() -> list[str]:
    return sorted(path.name for path in Path("out").iterdir())


@refusals
@pytest.mark.parametrize(
    ("owner", "function", "when", "said"),
    [
        (
            images,
            "resize",
            lambda *given: any("b.png" in str(each) for each in given),
            "in/b.png: no memory to read and resize it; scale it down, or translate",
        ),
        (images, "to_integers", lambda given: given.shape == (40, 20, 3), "in/b.png: no memory to translate it; scale it down, or tr"),
        (images, "to_pixels", lambda *given: given[0].shape == (3, 40, 20), "in/b.png: no memory to write its translation; scale it down"),
    ],
    ids=["reading", "translating", "writing"],
)
def test_the_other_pictures_are_still_translated(
    owner: Any,
    function: str,
    when: Callable[..., bool],
    said: str,
    refusal: Exception,
    pictures: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny_bundle(Path("a2b.safetensors"))
    refusing(monkeypatch, owner, function, refusal, when)
    assert infer() == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {said}") and captured.err.count("\n") == 1
    assert captured.out.splitlines()[-1] == "2 translated, 0 skipped (exist), 1 failed -> out"
    assert results() == ["a.png", "c.png"]


@refusals
def test_a_stylist(
    refusal: Exception, data: Path, pictures: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_command(smoke_arguments("adain", data, Path("run"), "train.steps=1", "logging.samples=0")) == 0
    refusing(monkeypatch, Stylist, "_masks", refusal, lambda stylist, source, photos: source.job.source.name == "a.png")
    capsys.readouterr()
    assert infer("--style", str(data / "valB/000.png"), model="run") == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: in/a.png: no memory to translate it; scale it down")
    assert results() == ["b.png", "c.png"]


@refusals
def test_a_draw_from_noise_goes_on_with_fewer_at_once(
    refusal: Exception, data: Path, pictures: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_command(smoke_arguments("gan", data, Path("run"), "train.steps=1", "logging.samples=0")) == 0
    command = ["--model", "run", "--output", "out", "--device", "cpu", "--samples", "5"]
    load = Predictor.load.__func__  # pyright: ignore[reportFunctionMemberAccess]
    room = 2

    def load_small(cls: type[Predictor], *arguments: Any) -> Predictor:
        predictor = load(cls, *arguments)
        refusing(monkeypatch, predictor.network, "forward", refusal, lambda latents: len(latents) > room)
        return predictor

    monkeypatch.setattr(Predictor, "load", classmethod(load_small))
    assert run_command(lambda: infer_command(command)) == 0
    captured = capsys.readouterr()
    assert "no memory for 5 images at once: going on with batches of 2" in captured.err
    assert results() == [f"sample_000{number}.png" for number in range(5)]
    room = 0
    assert run_command(lambda: infer_command([*command, "--overwrite"])) == 2
    assert "error: cpu has no memory to draw 1 image at once; take a smaller --batch-size, --precision bf16" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may allocate")
def test_a_translation_under_a_real_limit(pictures: None, tmp_path: Path) -> None:
    tiny_bundle(Path("a2b.safetensors"), {**UNET_BATCH, "base_channels": 32})
    images.write(Path("in/b.png"), pixels(2500, 2500))
    command = ["infer", "--model", "a2b.safetensors", "--input", "in", "--output", "out", "--device", "cpu"]
    done = limited(*command, "--tile=none", cwd=tmp_path)
    assert "error: in/b.png: cpu has no memory for 1 image of 2500 x 2500 pixels; take --precision bf16" in done.stderr
    assert (done.returncode, results()) == (2, ["a.png", "c.png"])
    done = limited(*command, cwd=tmp_path)
    assert "in/b.png: 2500 x 2500 pixels by regions" in done.stdout, done.stderr
    assert results() == ["a.png", "b.png", "c.png"]


@refusals
def test_measuring(
    refusal: Exception, data: Path, pictures: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = ["--results", str(data / "valA"), "--truth", str(data / "valB"), "--metrics", "l1", "--device", "cpu"]
    refusing(monkeypatch, images, "to_tensor", refusal)
    assert run_command(lambda: evaluate_command(sides)) == 2
    assert capsys.readouterr().err.startswith("error: no memory to measure this; take smaller pictures, ask for fewer --metrics")


@refusals
def test_preparing(
    refusal: Exception, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refusing(monkeypatch, np, "concatenate", refusal)
    assert __main__.run(["prepare", "combine", str(data), "--output", str(tmp_path / "combined")]) == 2
    assert capsys.readouterr().err.startswith("error: no memory for this; work on fewer or smaller pictures at once")
