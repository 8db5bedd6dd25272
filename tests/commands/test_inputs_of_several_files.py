"""Inputs of several files as a user meets them: trained on, resumed, measured, translated, checked."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import runs
import tifffile
from evaluating import evaluate
from measured_files import AFFINE, write_nifti
from tiny_bundles import tiny_bundle

import gan_style
from gan_style.__main__ import run
from gan_style.bundles.file import load_bundle
from gan_style.commands.train import train_command
from gan_style.config.yaml_file import read_yaml

KEYS = ["data.domain_a.channels=2", "data.domain_a.range=auto", "data.domain_b.channels=1", "data.domain_b.range=[-1000, 2000]"]
TWO = {
    "in_channels": 2,
    "out_channels": 1,
    "inputs": 2,
    "values_in": {"low": [0, -50], "high": [500, 50]},
    "values_out": {"low": -1000, "high": 2000, "type": "int16"},
}


def contrast(number: int, height: int = 32, width: int = 32) -> np.ndarray:
    """A float32 picture from 0 to 500; odd numbers from -50 to 50."""
    rng = np.random.default_rng(number)
    down, across = np.mgrid[:height, :width]
    values = 250 + 200 * np.sin(down / 5) * np.cos(across / (5 + number)) + rng.normal(0, 10, (height, width))
    return ((values.clip(0, 500) - 250) / 5 if number % 2 else values.clip(0, 500)).astype(np.float32)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_bundle(Path("two.safetensors"), **TWO)


@pytest.fixture
def scans() -> Path:
    """Two contrasts in NIfTI, and int16 TIFF."""
    for split, count in (("train", 5), ("val", 2)):
        for domain in ("A1", "A2", "B"):
            Path(f"scans/{split}{domain}").mkdir(parents=True)
        for number in range(count):
            first, second = contrast(2 * number), contrast(2 * number + 1)
            write_nifti(Path(f"scans/{split}A1/{number}.nii.gz"), first.T)
            write_nifti(Path(f"scans/{split}A2/{number}.nii.gz"), second.T)
            tifffile.imwrite(f"scans/{split}B/{number}.tif", (first * 2 + second * 10 - 500).astype(np.int16), metadata=None)
    return Path("scans")


def infer(main: Callable[..., int], *options: str, model: str = "two.safetensors", output: str = "out") -> int:
    return main(["--model", model, "--output", output, "--device", "cpu", *options])


def wanted(*parts: np.ndarray, model: str = "two.safetensors") -> np.ndarray:
    """What the bundle makes of arrays [H, W], in its unit."""
    return gan_style.load(model, device="cpu")(np.stack(parts, axis=2))[..., 0]


def test_a_training_resumes_with_the_same_bits_and_its_bundle_knows_its_inputs(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command(runs.arguments("pix2pix", scans, Path("whole"), *KEYS)) == 0
    said = capsys.readouterr().out
    found = read_yaml(Path("whole/config.yaml"))["data"]["domain_a"]["range"]
    every = [np.stack([contrast(2 * number + odd) for number in range(5)]) for odd in range(2)]
    assert found == [[each.min(), each.max()] for each in every]
    low, high = found[1]
    assert "domain A: channel 1: " in said and f"; channel 2: {low:g} becomes -1, {high:g} becomes 1; results are float32" in said
    info, _ = load_bundle(Path("whole/bundles/a2b.safetensors"))
    assert info.inputs == 2 and info.in_channels == 2 and info.values_in
    assert [list(each) for each in zip(*info.values_in.ends, strict=True)] == found

    assert train_command(runs.arguments("pix2pix", scans, Path("parts"), *KEYS, "train.steps=3")) == 0
    assert train_command(runs.arguments("pix2pix", scans, Path("parts"), *KEYS, "data.workers=1")) == 0
    assert runs.networks(Path("parts")) == runs.networks(Path("whole"))
    assert runs.bundles(Path("parts")) == runs.bundles(Path("whole"))


def test_validation_evaluate_and_infer_agree(scans: Path, main: Callable[..., int]) -> None:
    measured = ["train.validate_every=7", "data.load_size=32", "data.crop_size=32"]
    assert train_command(runs.arguments("pix2pix", scans, Path("run"), *KEYS, *measured)) == 0
    last = json.loads(Path("run/metrics.jsonl").read_text().splitlines()[-1])
    scores = evaluate("--model", "run", "--data", scans, "--metrics", "mae", "--device", "cpu")
    assert last["val/mae"] == pytest.approx(scores["metrics"]["mae"])
    assert infer(main, "--input", "scans/valA1", "scans/valA2", "--format", "tiff", model="run") == 0
    errors = []
    for number in range(2):
        result = tifffile.imread(f"out/{number}.tiff")
        assert result.dtype == np.float32 or result.dtype == np.int16
        errors.append(np.abs(result - tifffile.imread(f"scans/valB/{number}.tif").astype(float)).mean())
    assert np.mean(errors) == pytest.approx(last["val/mae"], abs=0.6)


def test_both_directions_of_cyclegan(scans: Path, main: Callable[..., int]) -> None:
    assert train_command(runs.arguments("cyclegan", scans, Path("run"), *KEYS)) == 0
    infos = {direction: load_bundle(Path(f"run/bundles/{direction}.safetensors"))[0] for direction in ("a2b", "b2a")}
    assert (infos["a2b"].inputs, infos["b2a"].inputs) == (2, 1)
    assert infer(main, "--input", "scans/valB", "--direction", "b2a", model="run") == 0
    found = tifffile.imread("out/1.tif")
    assert found.shape == (32, 32, 2) and found[..., 0].min() >= 0 and found[..., 1].min() >= -50 and found[..., 1].max() <= 50


def test_folders_go_together_by_stem_and_keep_the_place_of_the_first(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("t1/p", "t2/p"):
        Path(folder).mkdir(parents=True)
    write_nifti(Path("t1/p/x.nii.gz"), contrast(0, 20, 30).T[:, :, None])
    np.save("t2/p/x.npy", contrast(1, 20, 30))
    assert infer(main, "--input", "t1", "t2") == 0
    assert "1 translated, 0 skipped (exist), 0 failed" in capsys.readouterr().out
    found = nibabel.load("out/p/x.nii.gz")
    np.testing.assert_allclose(found.affine, AFFINE, rtol=1e-5)
    result = np.asarray(found.dataobj)[:, :, 0].T
    assert np.abs(result - wanted(contrast(0, 20, 30), contrast(1, 20, 30))).max() <= 0.501
    np.save("t2/p/y.npy", contrast(1))
    assert infer(main, "--input", "t1", "t2") == 2
    assert "--input t1: has no file p/y, which would go with t2/p/y.npy; add it" in capsys.readouterr().err


def test_two_files_of_any_names_are_one_picture(main: Callable[..., int]) -> None:
    np.save("first.npy", contrast(0))
    np.save("second.npy", contrast(1))
    assert infer(main, "--input", "first.npy", "second.npy") == 0
    np.testing.assert_allclose(np.load("out/first.npy"), wanted(contrast(0), contrast(1)), atol=0.501)
    assert infer(main, "--input", "second.npy", "first.npy", output="turned") == 0
    assert np.abs(np.load("turned/second.npy") - np.load("out/first.npy").astype(float)).max() > 10


def test_one_file_may_hold_all_channels(main: Callable[..., int]) -> None:
    np.save("both.npy", np.stack([contrast(0), contrast(1)], axis=2))
    assert infer(main, "--input", "both.npy") == 0
    np.testing.assert_allclose(np.load("out/both.npy"), wanted(contrast(0), contrast(1)), atol=0.501)


def test_by_regions(main: Callable[..., int]) -> None:
    for folder, number in (("t1", 0), ("t2", 1)):
        Path(folder).mkdir()
        tifffile.imwrite(f"{folder}/x.tif", contrast(number, 90, 100), tile=(32, 32), metadata=None)
    assert infer(main, "--input", "t1", "t2", "--tile", "32") == 0
    assert np.abs(tifffile.imread("out/x.tif") - wanted(contrast(0, 90, 100), contrast(1, 90, 100))).max() <= 1


def test_volumes_of_two_contrasts(main: Callable[..., int]) -> None:
    parts = {folder: [contrast(2 * depth + odd, 20, 30) for depth in range(5)] for odd, folder in enumerate(("t1", "t2"))}
    for folder, slices in parts.items():
        Path(folder).mkdir()
        write_nifti(Path(f"{folder}/x.nii.gz"), np.stack(slices, axis=2).transpose(1, 0, 2))
    assert infer(main, "--input", "t1", "t2") == 0
    found = np.asarray(nibabel.load("out/x.nii.gz").dataobj)
    for depth in range(5):
        assert np.abs(found[:, :, depth].T - wanted(parts["t1"][depth], parts["t2"][depth])).max() <= 0.501


def test_mistakes_of_infer_are_one_line(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    for name, array in (("a.npy", contrast(0)), ("b.npy", contrast(1)[:16]), ("c.npy", contrast(1).astype(np.int16))):
        np.save(name, array)
    for inputs, told in (
        (["a.npy", "b.npy", "c.npy"], "--input: each picture is 2 files; give 2 folders"),
        (["a.npy", "b.npy"], "b.npy: has 32 x 16 pixels, but a.npy, another file of the same image, has 32 x 32 pixels"),
        (["a.npy", "c.npy"], "c.npy: has int16 values, but a.npy"),
        (["a.npy"], "a.npy: has 1 channel of values, but 2 are read; give 2, in one file or in several"),
    ):
        assert infer(main, "--input", *inputs, "--overwrite") == 2
        error = capsys.readouterr().err.splitlines()
        assert error[-1].startswith("error: ") and told in error[-1], error


def test_a_bundle_of_one_file_still_refuses_two_results_of_one_name(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    tiny_bundle(Path("plain.safetensors"))
    for folder in ("t1", "t2"):
        Path(folder).mkdir()
        tifffile.imwrite(f"{folder}/x.tif", np.zeros((9, 9, 3), np.uint8))
    assert infer(main, "--input", "t1", "t2", model="plain.safetensors") == 2
    assert "t1/x.tif and t2/x.tif would both become out/x.png" in capsys.readouterr().err


def test_a_dry_run_and_a_check_tell_a_missing_partner(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("scans/trainA2/3.nii.gz").unlink()
    assert run(["prepare", "check", "scans", "--workers", "1"]) == 2
    assert "problem: scans/trainA1/3.nii.gz: no file of this stem in scans/trainA2" in capsys.readouterr().err
    assert run(["train", *runs.arguments("pix2pix", scans, Path("run"), *KEYS), "--dry-run"]) == 2
    assert "scans/trainA1/3.nii.gz: no file of this stem in scans/trainA2" in capsys.readouterr().err
