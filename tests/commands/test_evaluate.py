"""python -m gan_style evaluate: the numbers of training, of files, and of a segmenter; what it says to mistakes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import warm
from pictures import draw_folders
from PIL import Image, ImageDraw
from smoke import ROOT, smoke_arguments

import infer
from gan_style.__main__ import run
from gan_style.commands.evaluate import task
from gan_style.commands.train import train_command
from gan_style.demo.sets import draw_paired
from gan_style.evaluation.task.segmenter import load_segmenter
from gan_style.files import atomic, images

RANDOM = {"features": "random", "structure": "random", "lpips": "random"}
NETWORKS = [argument for name, value in RANDOM.items() for argument in (f"--{name}", value)]
SETTINGS = [f"validation.{name}={value}" for name, value in RANDOM.items()]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"), val=4)


def train(name: str, data: Path, run_dir: Path, metrics: str, *overrides: str) -> dict[str, float]:
    """Train two steps; returns what validation measured after the second."""
    changes = ["train.steps=2", "train.validate_every=2", f"validation.metrics=[{metrics}]", "logging.samples=0", *SETTINGS, *overrides]
    assert train_command(smoke_arguments(name, data, run_dir, *changes)) == 0
    last = json.loads((run_dir / "metrics.jsonl").read_text().splitlines()[-1])
    return {key.removeprefix("val/"): value for key, value in last.items() if key.startswith("val/")}


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    run_dir = tmp_path_factory.mktemp("trained") / "run"
    return run_dir, train("pix2pix", data, run_dir, "l1,psnr,ssim,lpips,fid,kid,structure", "validation.best=l1")


def evaluate(*arguments: object) -> dict[str, Any]:
    path = Path("scores.json")
    path.unlink(missing_ok=True)
    assert run(["evaluate", *map(str, arguments), "--json", str(path)]) == 0
    return json.loads(path.read_text())


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_bundle_has_the_numbers_of_training(trained: tuple[Path, dict[str, float]], data: Path) -> None:
    run_dir, expected = trained
    for model in (run_dir, run_dir / "bundles/a2b.safetensors", run_dir / "bundles/best_a2b.safetensors"):
        result = evaluate("--model", model, "--data", data, "--metrics", ",".join(expected), *NETWORKS)
        assert result["metrics"] == expected
        assert result["images"] == 4
    assert set(result["networks"]) == {"fid", "kid", "lpips", "structure"}


def test_both_ways_and_noise_have_the_numbers_of_training(data: Path, tmp_path: Path) -> None:
    expected = train("cyclegan", data, tmp_path / "cyclegan", "kid,structure,l1", "train.ema_decay=0.5", "data.domain_a.channels=1")
    for direction, prefix in (("a2b", ""), ("b2a", "b2a_")):
        got = evaluate(
            "--model", tmp_path / "cyclegan", "--data", data, "--direction", direction, "--metrics", "kid,structure,l1", *NETWORKS
        )
        assert got["metrics"] == {name: expected[f"{prefix}{name}"] for name in ("kid", "structure", "l1")}
    expected = train("gan", data, tmp_path / "gan", "kid,fid", "train.seed=3")
    got = evaluate("--model", tmp_path / "gan", "--data", data, "--metrics", "kid,fid", "--seed", 3, *NETWORKS)
    assert got["metrics"] == expected


def test_files_have_the_numbers_of_their_bundle(trained: tuple[Path, dict[str, float]], data: Path, tmp_path: Path) -> None:
    """What infer.py writes at training's size, against the truth at that size."""
    run_dir, expected = trained
    for path in (*(data / "valA").iterdir(), *(data / "valB").iterdir()):
        images.write(tmp_path / path.parent.name / path.name, images.resize(images.read(path, 3).pixels, 16, 16))
    command = [
        "--model",
        str(run_dir),
        "--input",
        str(data / "valA"),
        "--output",
        str(tmp_path / "out"),
        "--resize",
        "train",
        "--keep-resized",
    ]
    assert infer.main(command) == 0
    folders = ["--results", tmp_path / "out", "--truth", tmp_path / "valB", "--inputs", tmp_path / "valA"]
    assert evaluate(*folders, "--metrics", ",".join(expected), *NETWORKS)["metrics"] == expected
    (tmp_path / "out" / "002.png").rename(tmp_path / "out" / "two.png")
    unpaired = evaluate(*folders[:4], "--metrics", "fid,kid", *NETWORKS)["metrics"]
    assert unpaired["fid"] == pytest.approx(expected["fid"], rel=1e-6), "sets need no pairs"


def test_equal_folders_are_perfect_and_the_table_says_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluate("--results", data / "valA", "--truth", data / "valA")
    assert result["metrics"] == {"l1": 0.0, "psnr": 100.0, "ssim": pytest.approx(1.0)}
    said = capsys.readouterr().out
    assert "images     4" in said
    assert "psnr       100          higher is better: peak signal-to-noise ratio, dB" in said


def test_the_task_score_of_a_bundle_and_of_its_files(tmp_path: Path) -> None:
    data = tmp_path / "streets"
    draw_paired(data, train=8, val=3, size=32)
    train("pix2pix", data, tmp_path / "run", "l1")
    segmenter = ["--segmenter", "kept/segmenter.safetensors", "--segmenter-steps", 5, "--data", data]
    first = evaluate("--model", tmp_path / "run", "--metrics", "l1", *segmenter)["segmentation"]
    assert set(first["real"]) == set(first["translated"]) == {"pixel_accuracy", "class_accuracy", "mean_iou"}
    assert 8 <= first["classes"] <= 18
    kept = Path("kept/segmenter.safetensors").read_bytes()
    command = ["--model", str(tmp_path / "run"), "--input", str(data / "valA"), "--output", "out", "--resize", "train", "--keep-resized"]
    assert infer.main(command) == 0
    again = evaluate("--results", "out", *segmenter)
    assert again["segmentation"] == first
    assert again["metrics"] == {}
    assert Path("kept/segmenter.safetensors").read_bytes() == kept
    shutil.copytree(data / "valB", "photos")
    perfect = evaluate("--results", "photos", "--truth", "photos", "--metrics", "l1", *segmenter)["segmentation"]
    assert perfect["translated"] == perfect["real"], "the photos of 32 pixels are read at the 16 of the segmenter"


def draw_masks(root: Path, labels: str, photos: str) -> Path:
    """Masks of two values in JPEG files, thirteen values and more, and photos that follow them."""
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            mask = Image.new("RGB", (48, 48))
            ImageDraw.Draw(mask).ellipse((6 + 3 * number, 8, 30 + 3 * number, 34), fill="white")
            for folder, suffix in ((labels, "jpg"), (photos, "png")):
                (root / f"{split}{folder}").mkdir(parents=True, exist_ok=True)
                mask.save(root / f"{split}{folder}" / f"{number}.{suffix}", quality=90)
    return root


def test_the_segmenter_sees_masks_in_jpeg_files_by_their_nearest_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told by the option, or by the bundle, whose training read them so."""
    data = draw_masks(tmp_path / "masks", "A", "B")
    files = ["--results", data / "valB", "--data", data, "--segmenter-steps", 2]
    assert evaluate(*files, "--segmenter", "many.safetensors")["segmentation"]["classes"] > 2
    assert evaluate(*files, "--segmenter", "two.safetensors", "--labels", "nearest")["segmentation"]["classes"] == 2
    assert load_segmenter(Path("two.safetensors"), torch.device("cpu")).classes.colours == ((0, 0, 0), (255, 255, 255))
    ignored = [*files, "--segmenter", "one.safetensors", "--labels", "nearest", "--ignore-color", "3,3,3"]
    assert run(["evaluate", *map(str, ignored)]) == 2
    assert "make 1 classes" in capsys.readouterr().err, "nearly black is black"
    train("pix2pix", data, tmp_path / "run", "l1", "data.domain_a.labels=nearest")
    model = ["--model", tmp_path / "run", "--metrics", "l1", "--data", data, "--segmenter-steps", 2]
    assert evaluate(*model, "--segmenter", "of_bundle.safetensors")["segmentation"]["classes"] == 2
    assert run(["evaluate", *map(str, files), "--segmenter", "many.safetensors", "--labels", "nearest"]) == 2
    assert "--labels: many.safetensors was trained with yes; leave it out, or train another" in capsys.readouterr().err


def test_true_outputs_in_jpeg_files_are_measured_by_their_nearest_class(tmp_path: Path) -> None:
    data = draw_masks(tmp_path / "masks", "B", "A")
    expected = train("pix2pix", data, tmp_path / "run", "l1", "data.domain_b.labels=nearest")
    model = ["--model", tmp_path / "run", "--metrics", "l1", "--data", data]
    assert evaluate(*model, "--output-labels", "nearest")["metrics"] == expected
    assert evaluate(*model, "--output-labels", "yes")["metrics"] != expected


def test_pictures_of_many_sizes_have_a_task_score(tmp_path: Path) -> None:
    data = tmp_path / "streets"
    draw_paired(data, train=8, val=3, size=32)
    for folder in ("trainA", "trainB", "valA", "valB"):
        path = sorted((data / folder).iterdir())[-1]
        images.write(path, images.read(path, 3).pixels[:20, :28])
    segmenter = ["--segmenter", "segmenter.safetensors", "--segmenter-steps", 2, "--data", data]
    result = evaluate("--results", data / "valB", *segmenter)["segmentation"]
    assert result["translated"] == result["real"]


def test_structure_needs_no_truth(data: Path) -> None:
    """As a stylizer's results are measured, which have none."""
    folders = ["--results", data / "valB", "--inputs", data / "valA"]
    expected = evaluate(*folders, "--metrics", "structure", *NETWORKS)["metrics"]
    assert set(expected) == {"structure"}
    assert evaluate(*folders, *NETWORKS)["metrics"] == expected
    result = evaluate(*folders, "--truth", data / "valB", *NETWORKS)
    assert set(result["metrics"]) == {"l1", "psnr", "ssim", "structure"}
    assert result["what"] == {"results": str(data / "valB"), "truth": str(data / "valB"), "inputs": str(data / "valA")}


def test_the_domains_may_lie_apart(data: Path, tmp_path: Path) -> None:
    for domain in "AB":
        for split in ("train", "val"):
            shutil.copytree(data / f"{split}{domain}", tmp_path / domain / split)
    expected = train("cyclegan", tmp_path / "A", tmp_path / "run", "kid", f"data.root_b={tmp_path / 'B'}")
    got = evaluate("--model", tmp_path / "run", "--data", tmp_path / "A", "--data-b", tmp_path / "B", "--metrics", "kid", *NETWORKS)
    assert got["metrics"] == {"kid": expected["kid"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--results {a} --data {data} --segmenter /proc/s.safetensors", "--segmenter /proc/s.safetensors: cannot be written"),
        ("--results {a} --data {data} --segmenter {data}/valA/000.png/s.safetensors", "s.safetensors: cannot be written"),
        ("--results {a} --data {none} --segmenter s.safetensors", "{none} has no validation pairs"),
        ("--results {more} --data {data} --segmenter s.safetensors", "has no validation pair 'other'"),
        ("--model {run} --data {none} --segmenter s.safetensors", "{none}: has no validation images"),
    ],
)
def test_mistakes_are_found_before_a_segmenter_is_trained(
    arguments: str,
    said: str,
    trained: tuple[Path, dict[str, float]],
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("it was trained")

    monkeypatch.setattr(task, "train_segmenter", never)
    draw_folders(tmp_path / "none", train=2, val=0)
    shutil.copytree(data / "valA", tmp_path / "more")
    shutil.copy(data / "valA/000.png", tmp_path / "more/other.png")
    places = {"run": trained[0], "data": data, "a": data / "valA", "none": tmp_path / "none", "more": tmp_path / "more"}
    assert run(["evaluate", *arguments.format(**places).split()]) == 2
    assert said.format(**places) in capsys.readouterr().err


def test_the_numbers_are_kept_where_the_terminal_cannot_show_them(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "valA", tmp_path / "u_\u00e9")
    command = ["-m", "gan_style", "evaluate", "--results", "u_\u00e9", "--truth", "u_\u00e9", "--json", "scores.json"]
    done = warm.run(command, tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and "\\xe9" in done.stdout
    assert json.loads((tmp_path / "scores.json").read_text())["what"]["results"] == "u_\u00e9"


def test_a_disk_that_fills_meanwhile_leaves_the_table(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write_text", full)
    assert run(["evaluate", "--results", str(data / "valA"), "--truth", str(data / "valA"), "--json", "scores.json"]) == 2
    said = capsys.readouterr()
    assert "psnr       100" in said.out and "--json scores.json: cannot be written (No space left on device)" in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "give --model and --data, or --results and --truth"),
        ("--model {run} --results {a} --data {data}", "give --model and --data, or --results and --truth"),
        ("--model {run}", "--model: needs --data"),
        ("--results {a}", "--results: needs --truth or --inputs"),
        ("--results {a} --truth {b} --images 1", "--images: goes with --model; leave it out"),
        ("--results {a} --truth {b} --seed 0", "--seed: goes with --model"),
        ("--results {a} --truth {b} --labels nearest", "--labels: goes with --segmenter"),
        ("--results {a} --truth {b} --output-labels auto", "--output-labels: goes with --model"),
        ("--results {a} --truth {b} --data nowhere", "--data: goes with --model or --segmenter"),
        ("--results {a} --truth {b} --source auto", "--source: goes with --model or --segmenter"),
        ("--results {a} --truth {b} --direction a2b", "--direction: goes with --model or --segmenter"),
        ("--results {a} --truth {b} --segmenter-steps 1000", "--segmenter-steps: goes with --segmenter"),
        ("--model {run} --data {data} --ignore-color 1,2,3", "--ignore-color: goes with --segmenter"),
        ("--results {a} --data-b {b} --segmenter s.safetensors --data {data}", "--data-b: goes with --model"),
        ("--results {a} --inputs {b} --metrics l1", "--metrics: l1 compares with what results should be like; give them as --truth"),
        ("--results {a} --inputs {b} --metrics fid", "give them as --truth"),
        ("--results {a} --inputs {b} --truth {b} --metrics l1,kid", "--inputs: is compared with by none of l1, kid"),
        ("--model {run} --data {data} --seed 1", "--seed: pix2pix takes no noise; leave it out"),
        ("--model {run} --data {data} --metrics kid --features random --images 1", "fid and kid compare; raise --images"),
        ("--model {run} --data {data} --metrics ms_ssim", "valA/000.png: 16 x 16 pixels are too small for ms_ssim"),
        ("--results {a} --truth {b} --segmenter s.safetensors", "--segmenter: needs --data"),
        ("--model {run} --data {data} --truth {b}", "--truth: goes with --results"),
        ("--model nowhere --data {data}", "--model nowhere: no such file or folder"),
        ("--model {run} --data nowhere", "nowhere: no such folder"),
        ("--model {run} --data {data} --direction b2a", "has only a bundle for a2b"),
        ("--model {run} --data {data} --metrics l1,sim", "'sim' is no metric, did you mean 'ssim'?"),
        ("--model {run} --data {data} --metrics fid --features nowhere.pth", "nowhere.pth: no such file of feature network weights"),
        ("--model {run} --data {data} --images 0", "'0' is no whole number from 1"),
        ("--model {run} --data {data} --ignore-color 1,2", "'1,2' is no colour"),
        ("--results nowhere --truth {b}", "nowhere: no such folder"),
        ("--results {a} --truth {empty}", "--truth {empty}: holds no images"),
        ("--results {a} --truth {few}", "has no picture for {a}/001.png and 2 more"),
        ("--results {few} --truth {b}", "{b}/001.png: has no result and 2 more"),
        ("--results {a} --truth {small}", "the translation has 24 x 24 pixels in 3 channel(s), its true output 9 x 9"),
        ("--results {a} --truth {b} --metrics structure", "give them as --inputs"),
        ("--results {twice} --truth {b}", "have one stem"),
        ("--results {few} --truth {b} --metrics fid --features random", "two results and two real pictures are the least"),
        ("--results {a} --truth {b} --json {data}", "--json {data}: cannot be written"),
        ("--results nowhere --truth {b} --json /proc/x.json", "--json /proc/x.json: cannot be written"),
        ("--results {a} --data {data} --segmenter {run}/bundles/a2b.safetensors", "a safetensors file, but no segmenter"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments: str, said: str, trained: tuple[Path, dict[str, float]], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"run": trained[0], "data": data, "a": data / "valA", "b": data / "valB"}
    for name in ("empty", "few", "small", "twice"):
        places[name] = tmp_path / name
        places[name].mkdir()
    shutil.copy(data / "valA/000.png", places["few"])
    shutil.copy(data / "valA/000.png", places["twice"] / "x.png")
    shutil.copy(data / "valA/000.png", places["twice"] / "x.jpg")
    for path in (data / "valB").iterdir():
        images.write(places["small"] / path.name, images.read(path, 3).pixels[:9, :9])
    capsys.readouterr()
    assert run(["evaluate", *arguments.format(**places).split()]) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(error) == 1
    assert said.format(**places) in error[0]


def test_a_stylizer_is_sent_to_its_files(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command(smoke_arguments("adain", data, tmp_path / "run", "train.steps=1", "logging.samples=0")) == 0
    assert run(["evaluate", "--model", str(tmp_path / "run"), "--data", str(data)]) == 2
    assert "adain needs styles; stylise with infer.py" in capsys.readouterr().err


def test_the_command_is_there_and_quick_to_refuse(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "gan_style", "evaluate", "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and "--segmenter" in done.stdout
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gan_style", "evaluate", "--metrics", "x"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert not any(line.endswith(" torch") for line in done.stderr.splitlines()), "a mistake should be reported at once"
