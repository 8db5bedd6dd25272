"""`gan-style train FOLDER` where the files are measurements, not pictures."""

import itertools
import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image

from gan_style.__main__ import run
from gan_style.commands.train import train_command
from gan_style.errors import UserError

SIZE = 40
TINY = ["train.steps=1", "data.workers=0", "data.crop_size=32", "method.generator.base_channels=4", "method.discriminator.base_channels=4"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs lie in a folder of the test."""
    monkeypatch.chdir(tmp_path)


def scans(root: Path, channels: int = 1, gone: int = 0, unpaired: bool = False) -> Path:
    """Pairs of float32 [H, W, channels] and int16 [H, W]. gone: values of each input that are not there"""
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            a = rng.normal(50, 20, (SIZE, SIZE, channels)).astype(np.float32)
            a.reshape(-1)[:gone] = np.nan
            for domain, values in (("A", a), ("B", rng.integers(-1000, 2000, (SIZE, SIZE)).astype(np.int16))):
                path = root / f"{split}{domain}" / f"{domain if unpaired else ''}{number}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, values)
    return root


def domains(run_dir: str = "runs/scans") -> tuple[dict, dict]:
    data = yaml.safe_load(Path(run_dir, "config.yaml").read_text())["data"]
    return data["domain_a"], data["domain_b"]


@pytest.mark.parametrize("unpaired", [False, True], ids=["pairs", "domains"])
def test_files_of_values_are_trained_on_as_values(unpaired: bool, capsys: pytest.CaptureFixture[str]) -> None:
    scans(Path("scans"), channels=2, unpaired=unpaired)
    assert train_command(["scans", *TINY]) == 0
    said = capsys.readouterr().out
    assert "A: 4 files of float32 values in 2 channels, 40 x 40; B: 4 files of int16 values in 1 channel, 40 x 40" in said
    a, b = domains()
    assert (a["channels"], a["type"], b["channels"], b["type"]) == (2, "float32", 1, "int16")
    assert -20 < a["range"][0] < 20 and 80 < a["range"][1] < 130 and -1000 < b["range"][0] < -900
    assert run(["infer", "--model", "runs/scans", "--input", "scans/valA", "--output", "out", "--device", "cpu"]) == 0
    assert {np.load(path).dtype.name for path in Path("out").iterdir()} == {"int16"}


def test_the_users_range_counts_for_any_files(capsys: pytest.CaptureFixture[str]) -> None:
    scans(Path("scans"))
    for path in Path("scans").rglob("*B/*.npy"):
        np.save(path, (np.load(path) + 1000).astype(np.uint16))  # a picture, if the user says nothing
    assert train_command(["scans", *TINY, "data.domain_a.range=[0, 100]", "data.domain_b.range=auto"]) == 0
    a, b = domains()
    assert (a["range"], a["channels"], b["channels"], b["type"]) == ([0, 100], 1, 1, "uint16")
    assert "B: 4 files of uint16 values in 1 channel" in capsys.readouterr().out


def test_values_that_are_not_there_are_told_before_anything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    scans(Path("scans"), gone=7)
    with pytest.raises(UserError, match=r"7 of its 1600 values are not there .*; set the domain's missing to the value"):
        train_command(["scans", *TINY])
    assert "step" not in capsys.readouterr().out and not Path("runs").exists()
    assert train_command(["scans", *TINY, "data.domain_a.missing=0"]) == 0
    assert domains()[0]["missing"] == 0


@pytest.mark.parametrize("slices", [1, 3])
def test_volumes_of_several_files_are_trained_on_slice_by_slice(slices: int, capsys: pytest.CaptureFixture[str]) -> None:
    nibabel = pytest.importorskip("nibabel")
    rng = np.random.default_rng(0)
    for split, domain, number in itertools.product(("train", "val"), ("A1", "A2", "B"), range(2)):
        path = Path("scans", f"{split}{domain}", f"{number}.nii.gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(rng.normal(50, 20, (SIZE, SIZE, 4)).astype(np.float32), np.eye(4)), path)
    assert train_command(["scans", *TINY, *["data.domain_a.slices=3"] * (slices == 3)]) == 0
    said = capsys.readouterr().out
    assert f"A: 8 slices of 2 volumes of float32 values in {2 * slices} channels, 40 x 40; B: 8 slices of 2 volumes" in said
    assert "8 pairs of slices" in said and "8 of 8 images in val" in said
    a, b = domains()
    assert (a["slices"], a["channels"], b["slices"], b["channels"]) == (slices, 2 * slices, 1, 1)
    command = shlex.split(said.splitlines()[-1].removeprefix("try: gan-style "))
    assert command[command.index("--input") + 1 :][:2] == ["scans/valA1", "scans/valA2"]
    assert run([*command, "--device", "cpu"]) == 0
    assert {nibabel.load(path).shape for path in Path("runs/scans/translated").iterdir()} == {(SIZE, SIZE, 4)}


def test_volumes_are_held_out_whole(capsys: pytest.CaptureFixture[str]) -> None:
    nibabel = pytest.importorskip("nibabel")
    rng = np.random.default_rng(0)
    for domain, number in itertools.product("AB", range(20)):
        path = Path("scans", f"train{domain}", f"{number}.nii.gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(rng.normal(50, 20, (SIZE, SIZE, 3)).astype(np.float32), np.eye(4)), path)
    assert train_command(["scans", *TINY]) == 0
    assert "54 pairs of slices" in (said := capsys.readouterr().out) and "6 pairs of slices (folders), held out" in said


def test_volumes_in_folders_of_other_names_say_how_to_call_them() -> None:
    nibabel = pytest.importorskip("nibabel")
    for domain in ("mr", "ct"):
        Path("scans", domain).mkdir(parents=True)
        nibabel.save(nibabel.Nifti1Image(np.ones((SIZE, SIZE, 3), np.float32), np.eye(4)), f"scans/{domain}/{domain}.nii.gz")
    with pytest.raises(UserError, match=r"holds no volumes; put volumes into trainA/ and trainB/"):
        train_command(["scans", *TINY])


def test_four_bands_that_are_no_colours_are_values(capsys: pytest.CaptureFixture[str]) -> None:
    scans(Path("scans"))
    rng = np.random.default_rng(0)
    for path in Path("scans").rglob("*B/*.npy"):
        bands = rng.integers(200, 2300, (SIZE, SIZE, 4)).astype(np.uint16)
        tifffile.imwrite(path.with_suffix(".tif"), bands, photometric="minisblack", planarconfig="contig", metadata=None)
        path.unlink()
    assert train_command(["scans", *TINY]) == 0
    assert "B: 4 files of uint16 values in 4 channels" in capsys.readouterr().out
    assert domains()[1]["channels"] == 4 and domains()[1]["type"] == "uint16"


def test_an_alpha_is_no_band(capsys: pytest.CaptureFixture[str]) -> None:
    for split, domain in itertools.product(("train", "val"), "AB"):
        for number in range(2):
            path = Path("cut", f"{split}{domain}", f"{number}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 4)).astype(np.uint8)).save(path)
    assert train_command(["cut", *TINY, "--dry-run"]) == 0
    assert "A: 2 images, 40 x 40; B: 2 images, 40 x 40" in capsys.readouterr().out


def test_side_by_side_values_name_no_command_that_cannot_split_them(capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/train").mkdir(parents=True)
    for number in range(3):
        np.save(f"data/train/{number}.npy", np.random.default_rng(number).normal(0, 9, (SIZE, 2 * SIZE)).astype(np.float32))
    assert train_command(["data", *TINY]) == 0
    said = capsys.readouterr().out
    assert "side by side" in said and "picture: " in said and "try: " not in said
