"""Masks as a user meets them: a training weighed by them, numbers inside them, and one line where they cannot be used."""

import json
from pathlib import Path

import numpy as np
import pytest
from evaluating import evaluate, train
from pictures import draw_folders, draw_masks
from PIL import Image
from smoke import smoke_arguments

import infer
from gan_style.__main__ import run
from gan_style.bundles.file import load_bundle
from gan_style.files import images

pytestmark = pytest.mark.usefixtures("elsewhere")
LABELS = {"l1", "psnr", "l1_label1", "l1_label2", "psnr_label1", "psnr_label2"}


@pytest.fixture
def masked(tmp_path: Path) -> Path:
    return draw_masks(draw_folders(tmp_path / "masked"))


def test_validation_evaluate_and_files_give_the_same_numbers(masked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = ["data.load_size=24", "data.crop_size=24"]
    expected = train("pix2pix", masked, tmp_path / "run", "l1,psnr", *whole)
    assert set(expected) == LABELS and "6 pairs (folders, with masks)" in capsys.readouterr().out
    assert evaluate("--model", tmp_path / "run", "--data", masked, "--metrics", "l1,psnr")["metrics"] == expected
    assert "2 pairs (folders, with masks)" in capsys.readouterr().out
    assert infer.main(["--model", str(tmp_path / "run"), "--input", str(masked / "valA"), "--output", "out"]) == 0
    files = ["--results", "out", "--truth", masked / "valB", "--metrics", "l1,psnr"]
    result = evaluate(*files, "--masks", masked / "valMask")
    assert result["metrics"] == expected and result["what"]["masks"] == str(masked / "valMask")
    off = evaluate("--model", tmp_path / "run", "--data", masked, "--mask", "off", "--metrics", "l1,psnr")["metrics"]
    assert off == evaluate(*files)["metrics"] and set(off) == {"l1", "psnr"} and off["l1"] != expected["l1"]

    errors = []
    for number in range(2):
        result, truth = (images.read(Path(folder, f"{number:03d}.png"), 3).pixels.astype(float) for folder in ("out", masked / "valB"))
        mask = np.asarray(Image.open(masked / f"valMask/{number:03d}.png"))
        errors.append(np.abs(result - truth)[mask == 2].mean() / 255)
    assert expected["l1_label2"] == pytest.approx(np.mean(errors), rel=1e-6)


@pytest.mark.parametrize(
    ("best", "words"),
    [
        ("l1_label3", "l1_label3: the masks of the validation images have the labels 1, 2; take one of them, or l1"),
        ("ssim_label1", "best is ssim_label1, which is not among metrics (l1, psnr): add ssim, or choose one of them"),
        ("kid_label1", "'kid_label1' is no metric"),
        ("l1_label0", "'l1_label0' is no metric"),
    ],
)
def test_a_label_that_is_not_measured_chooses_nothing(
    best: str, words: str, masked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ["validation.metrics=[l1,psnr]", "train.validate_every=2", f"validation.best={best}"]
    assert words in said(capsys, "train", *smoke_arguments("pix2pix", masked, tmp_path / "run"), *keys, "--dry-run")


def test_a_label_needs_masks_of_several(masked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", *smoke_arguments("pix2pix", masked, tmp_path / "run"), "train.validate_every=2", "validation.best=l1_label1"]
    assert "is measured inside masks, and the validation images have none; take l1" in said(capsys, *command, "data.mask=off", "--dry-run")
    for path in (masked / "valMask").iterdir():
        Image.fromarray((np.asarray(Image.open(path)) > 0).astype(np.uint8)).save(path)
    assert "needs masks of several labels, and those of the validation images have one; take l1" in said(capsys, *command, "--dry-run")


def test_the_best_translator_inside_a_label_is_kept_and_the_run_goes_on(masked: Path, tmp_path: Path) -> None:
    keys = ["data.load_size=24", "data.crop_size=24", "data.workers=0", "train.validate_every=1", "validation.best=psnr_label2"]
    command = [*smoke_arguments("pix2pix", masked, tmp_path / "run"), *keys, "validation.metrics=[l1,psnr]"]
    assert run(["train", *command, "train.steps=2"]) == 0 == run(["train", *command, "train.steps=4"])
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    info, _ = load_bundle(tmp_path / "run/bundles/best_a2b.safetensors")
    assert info.scores["psnr_label2"] == max(line["val/psnr_label2"] for line in lines)


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command that ends with a mistake says."""
    assert run(list(map(str, arguments))) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if line.startswith("error: ")]) == 1
    return lines[-1]


@pytest.mark.parametrize("name", ["cut", "gan", "adain"])
def test_a_method_that_weighs_no_loss_says_so(name: str, masked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", *smoke_arguments(name, masked, tmp_path / "run")]
    assert "set data.mask=off" in said(capsys, *command, "--dry-run")
    assert run([*command, "--dry-run", "data.mask=off"]) == 0


def test_a_loss_that_is_added_can_be_weighed(masked: Path, tmp_path: Path) -> None:
    command = smoke_arguments("cut", masked, tmp_path / "run", "method.perceptual_weight=1", "method.vgg.weights=random")
    assert run(["train", *command, "--dry-run"]) == 0


def test_options_without_effect_are_refused(masked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["evaluate", "--results", masked / "valA", "--truth", masked / "valB"]
    assert "--masks: none of the metrics fid looks at pixels" in said(capsys, *files, "--masks", masked / "valMask", "--metrics", "fid")
    assert "--mask: has no effect without --model" in said(capsys, *files, "--mask", "off")
    (masked / "valMask/001.png").unlink()
    assert f"--masks {masked}/valMask: has no picture for {masked}/valA/001.png" in said(capsys, *files, "--masks", masked / "valMask")
