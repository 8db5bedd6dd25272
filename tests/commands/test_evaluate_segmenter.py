"""`gan-style evaluate --segmenter`: the task score of a bundle, of files and of masks."""

import shutil
from pathlib import Path

import pytest
import torch
from evaluating import evaluate, train
from pictures import draw_folders
from PIL import Image, ImageDraw

import infer
from gan_style.__main__ import run
from gan_style.commands.evaluate import task
from gan_style.demo.sets import draw_paired
from gan_style.evaluation.task.segmenter import load_segmenter
from gan_style.files import images

pytestmark = pytest.mark.usefixtures("elsewhere")


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
