"""Volumes as a user meets them: trained on slice by slice with neighbours, resumed, translated whole and from three sides."""

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import runs
from evaluating import evaluate
from measured_files import write_volume
from tiny_bundles import tiny_bundle

import gan_style
from gan_style.bundles.file import load_bundle
from gan_style.commands.train import train_command

KEYS = [
    "data.domain_b.channels=1",
    "data.domain_b.range=auto",
    *(f"data.domain_a.{key}" for key in ("slices=3", "channels=3", "range=auto")),
]
THREE = {
    "in_channels": 3,
    "out_channels": 1,
    "slices": 3,
    "values_in": {"low": 0, "high": 100},
    "values_out": {"low": -1000, "high": 1000},
}


def volume(number: int, shape: tuple[int, int, int] = (20, 24, 6)) -> np.ndarray:
    """[H, W, slices], smooth, from 0 to 100."""
    axes = np.meshgrid(*(np.arange(side) / 4 for side in shape), indexing="ij")
    return (50 + 50 * np.sin(axes[0] + number) * np.cos(axes[1]) * np.cos(axes[2])).astype(np.float32)


def read(path: str) -> np.ndarray:
    """[H, W, slices]"""
    return np.asarray(nibabel.load(path).dataobj).transpose(1, 0, 2)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_bundle(Path("three.safetensors"), **THREE)


@pytest.fixture
def scans() -> Path:
    for split, count in (("train", 2), ("val", 1)):
        for number in range(count):
            write_volume(Path(f"scans/{split}A/{number}.nii.gz"), volume(number, (32, 32, 5)), apart=1.0)
            write_volume(Path(f"scans/{split}B/{number}.nii.gz"), 10 * volume(number, (32, 32, 5)) - 500, apart=1.0)
    return Path("scans")


def infer(main: Callable[..., int], *options: str, model: str = "three.safetensors", input: str = "in", output: str = "out") -> int:
    return main(["--model", model, "--input", input, "--output", output, "--device", "cpu", *options])


def slice_by_slice(array: np.ndarray) -> np.ndarray:
    """What the bundle makes of each slice of the last axis with its neighbours."""
    translator, last = gan_style.load("three.safetensors", device="cpu"), array.shape[2] - 1
    given = [array[:, :, [max(depth - 1, 0), depth, min(depth + 1, last)]] for depth in range(last + 1)]
    return np.stack([translator(np.ascontiguousarray(each))[..., 0] for each in given], axis=2)


def test_a_training_on_volumes_resumes_with_the_same_bits_and_translates_them(scans: Path, main: Callable[..., int]) -> None:
    measured = ["train.validate_every=7", "data.load_size=32", "data.crop_size=32"]
    assert train_command(runs.arguments("pix2pix", scans, Path("whole"), *KEYS, *measured)) == 0
    info, _ = load_bundle(Path("whole/bundles/a2b.safetensors"))
    assert info.slices == 3 and info.in_channels == 3
    assert train_command(runs.arguments("pix2pix", scans, Path("parts"), *KEYS, *measured, "train.steps=3")) == 0
    assert train_command(runs.arguments("pix2pix", scans, Path("parts"), *KEYS, *measured, "data.workers=1")) == 0
    assert runs.networks(Path("parts")) == runs.networks(Path("whole"))

    scores = evaluate("--model", "whole", "--data", scans, "--metrics", "mae", "--device", "cpu")["metrics"]
    assert scores["mae"] == pytest.approx(runs.metrics(Path("whole"))[-1]["val/mae"])
    assert infer(main, model="whole", input="scans/valA") == 0
    error = np.abs(read("out/0.nii.gz").astype(float) - read("scans/valB/0.nii.gz")).mean()
    assert error == pytest.approx(scores["mae"], rel=0.02)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_infer_gives_each_slice_its_neighbours(main: Callable[..., int], name: str) -> None:
    write_volume(Path("in", name), volume(0), apart=1.0)
    assert infer(main) == 0
    np.testing.assert_allclose(read(f"out/{name}"), slice_by_slice(volume(0)), atol=0.05)


def test_views_from_three_sides_are_averaged(main: Callable[..., int]) -> None:
    array = volume(0, (20, 16, 12))
    write_volume(Path("in/x.nii.gz"), array, apart=1.2)
    assert infer(main, "--views", "3") == 0
    sides = [
        slice_by_slice(array),
        slice_by_slice(array.transpose(2, 1, 0)).transpose(2, 1, 0),
        slice_by_slice(array.transpose(2, 0, 1)).transpose(1, 2, 0),
    ]
    assert np.abs(sides[0] - sides[1]).mean() > 1
    np.testing.assert_allclose(read("out/x.nii.gz"), np.mean(sides, axis=0), atol=0.05)
    np.testing.assert_allclose(nibabel.load("out/x.nii.gz").affine, np.diag([1, 1, 1.2, 1]))


def test_views_without_sense_are_one_line(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    write_volume(Path("flat/x.nii.gz"), volume(0), apart=5.0)
    write_volume(Path("one/x.nii.gz"), volume(0)[:, :, :1], apart=1.0)
    Path("array").mkdir()
    np.save("array/x.npy", volume(0)[:, :, :3])
    for folder, told in (
        ("flat", "flat/x.nii.gz: its voxels of 1 x 1 x 5 mm look other from the side; leave --views out, or resample it"),
        ("one", "one/x.nii.gz: has one slice; --views 3 is for volumes"),
        ("array", "array/x.npy: is a volume, whose result is a NIfTI file; take --format nifti"),
    ):
        assert infer(main, "--views", "3", input=folder) == 2
        assert told in capsys.readouterr().err
    tiny_bundle(Path("plain.safetensors"))
    assert infer(main, "--views", "3", model="plain.safetensors", input="flat") == 2
    assert "--views 3: plain.safetensors translates pictures, and volumes are measurements" in capsys.readouterr().err
