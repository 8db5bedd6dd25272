"""`gan-style evaluate` of files of values: the numbers of their bundle, and those of arithmetic."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from evaluating import evaluate
from measured_files import write_nifti
from tiny_bundles import tiny_bundle

from gan_style.__main__ import run
from gan_style.bundles.file import Resize

pytestmark = pytest.mark.usefixtures("elsewhere")
WHOLE = Resize(preprocess="none", load_size=32, crop_size=32)
VALUES = {"in_channels": 1, "out_channels": 1, "values_in": {"low": 0, "high": 500}, "resize": WHOLE}
RANGE = ("--range", -1000, 2000)


def mr(seed: int, *shape: int) -> np.ndarray:
    """Smooth float32 values from 0 to 500."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[: shape[0], : shape[1]]
    smooth = 250 + 150 * np.sin(down / 5) * np.cos(across / 7 + seed)
    return (smooth.reshape(*shape[:2], *[1] * len(shape[2:])) + rng.normal(0, 10, shape)).clip(0, 500).astype(np.float32)


@pytest.fixture
def scans() -> Path:
    """Pairs of float32 NIfTI and int16 TIFF with masks of two labels; an eighth of the TIFF values lies beyond the range."""
    for number in range(2):
        for part in ("train", "val"):
            for folder in ("A", "B", "Mask"):
                Path(f"scans/{part}{folder}").mkdir(parents=True, exist_ok=True)
            values = mr(number, 32, 40)
            truth = (values * 6 - 900).astype(np.int16)
            truth[:4] = 2500
            mask = np.zeros((32, 40), np.uint8)
            mask[2:20, 5:30], mask[8:14, 8:20] = 1, 2
            write_nifti(Path(f"scans/{part}A/{number}.nii.gz"), values.T)
            tifffile.imwrite(f"scans/{part}B/{number}.tif", truth, metadata=None)
            tifffile.imwrite(f"scans/{part}Mask/{number}.tif", mask, metadata=None)
    return Path("scans")


@pytest.mark.parametrize(("type", "format", "within"), [("float32", "tiff", 1e-5), ("int16", "nifti", 5e-3)])
def test_files_of_values_have_the_numbers_of_their_bundle(
    scans: Path, main: Callable[..., int], type: str, format: str, within: float
) -> None:
    """Whole numbers are rounded in files."""
    tiny_bundle(Path("ct.safetensors"), **VALUES, values_out={"low": -1000, "high": 2000, "type": type})
    given = ["--input", str(scans / "valA"), "--output", "out", "--format", format]
    assert main(["--model", "ct.safetensors", *given]) == 0
    bundle, files = ("--model", "ct.safetensors", "--data", scans), ("--results", "out", "--truth", scans / "valB", *RANGE)
    inside, found = evaluate(*bundle)["metrics"], evaluate(*files, "--masks", scans / "valMask")
    assert {"mae", "l1", "psnr", "ssim", "mae_label2"} <= set(inside)
    assert found["metrics"] == pytest.approx(inside, rel=within)
    assert found["what"]["range"] == "-1000..2000"
    off, whole = evaluate(*bundle, "--mask", "off")["metrics"], evaluate(*files)["metrics"]
    assert set(whole) == {"mae", "l1", "psnr", "ssim"} and whole == pytest.approx(off, rel=within)
    assert abs(whole["mae"] - inside["mae"]) > 1


def test_volumes_are_compared_slice_by_slice_as_their_bundle_is(main: Callable[..., int]) -> None:
    for part in ("train", "val"):
        for domain, change in (("A", 1.0), ("B", 5.0)):
            Path(f"scans/{part}{domain}").mkdir(parents=True)
            write_nifti(Path(f"scans/{part}{domain}/p.nii.gz"), (mr(3, 24, 20, 4) * change - 100 * (domain == "B")))
    tiny_bundle(Path("ct.safetensors"), **VALUES, values_out={"low": -1000, "high": 2000, "type": "float32"}, slices=1)
    assert main(["--model", "ct.safetensors", "--input", "scans/valA", "--output", "out"]) == 0
    bundle = ("--model", "ct.safetensors", "--data", "scans", "--metrics", "mae,l1,ssim")
    files = ("--results", "out", "--truth", "scans/valB", *RANGE, "--metrics", "mae,l1,ssim")
    expected, found = evaluate(*bundle), evaluate(*files)
    assert found["images"] == expected["images"] == 4
    assert found["metrics"] == pytest.approx(expected["metrics"], rel=1e-5)
    for part in ("train", "val"):
        Path(f"scans/{part}Mask").mkdir()
        write_nifti(Path(f"scans/{part}Mask/p.nii.gz"), (mr(5, 24, 20, 4) > 250).astype(np.uint8))
    inside = evaluate(*bundle)["metrics"]
    assert evaluate(*files, "--masks", "scans/valMask")["metrics"] == pytest.approx(inside, rel=1e-5)
    assert abs(inside["mae"] - found["metrics"]["mae"]) > 1


def write(results: np.ndarray, truth: np.ndarray) -> tuple[str, ...]:
    for folder, values in (("results", results), ("truth", truth)):
        Path(folder).mkdir(exist_ok=True)
        np.save(Path(folder, "x.npy"), values)
    return "--results", "results", "--truth", "truth"


def test_values_beyond_the_range_are_cut_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    truth = np.full((20, 20), 100, np.int16)
    results = truth + 3
    results[:2], truth[:10] = -7, 600
    metrics = evaluate(*write(results, truth), "--range", 0, 500, "--metrics", "mae,l1")["metrics"]
    assert metrics["mae"] == pytest.approx((40 * 500 + 160 * 397 + 200 * 3) / 400, rel=1e-6)
    assert metrics["l1"] == pytest.approx(metrics["mae"] / 500)
    said = capsys.readouterr()
    assert "warning: --range 0 500: 10 % of the values of --results and 50 % of the values of --truth are beyond and are cut" in said.err
    assert "range      0..500" in said.out and "mae " in said.out


@pytest.mark.parametrize("low", ["-1e3", "-1.E+3", "-1000.", "-1000"])
def test_a_range_may_have_exponents(low: str) -> None:
    truth = np.zeros((20, 20), np.int16)
    assert evaluate(*write(truth + 50, truth), "--range", low, "1e3")["metrics"]["mae"] == pytest.approx(50)


def test_pixels_that_are_not_there_do_not_count_and_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    truth = np.full((20, 20, 2), 100.0, np.float32)
    results = truth + 5
    results[15:] += 10
    truth[:10, :, 1], results[:, :2] = np.nan, np.inf
    files = write(results, truth)
    metrics = evaluate(*files, "--range", 0, 500)["metrics"]
    assert metrics["mae"] == pytest.approx(10, rel=1e-5)
    told = "warning: 220 of 400 pixels are not there in a result or its truth (not a number, infinite, no data) and do not count"
    assert told in capsys.readouterr().err
    Path("masks").mkdir()
    np.save("masks/x.npy", (np.arange(20)[:, None].repeat(20, 1) >= 15).astype(np.uint8))
    assert evaluate(*files, "--range", 0, 500, "--masks", "masks")["metrics"]["mae"] == pytest.approx(15, rel=1e-5)
    np.save("masks/x.npy", (np.arange(20)[:, None].repeat(20, 1) < 10).astype(np.uint8))  # where nothing is there
    assert evaluate(*files, "--range", 0, 500, "--masks", "masks", "--metrics", "mae")["metrics"] == {"mae": None}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "/x.npy: holds float32 values; give the two that are black and white as --range LOW HIGH, such as data.domain_b.range"),
        (
            "--metrics mae",
            "--metrics: mae is in the unit of files of values, whose range is not given; give it as --range LOW HIGH, or take l1",
        ),
        ("--range 0 1 --masks empty", "--masks empty: all masks are empty; give the pixels that count a value above 0, or leave it out"),
        ("--range 5 5", "--range 5 5: must be two numbers, the smaller one first"),
        ("--range 0 nan", "'nan' is no number"),
        ("--range 0", "--range: expected 2 arguments"),
        ("--range 0 1 --inputs truth", "--inputs: are pictures to the metric structure, and --range is of values; leave one of them out"),
        ("--range 0 1 --segmenter s.safetensors --data d", "--segmenter: takes pictures, and --range is of values; leave one of them out"),
        ("--range 0 1 --masks wide", "wide/x.npy: has 2 channels; a mask has one (gray)"),
    ],
)
def test_mistakes_are_one_line(options: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    files = write(np.ones((20, 20), np.float32), np.ones((20, 20), np.float32))
    Path("wide").mkdir()
    np.save("wide/x.npy", np.ones((20, 20, 2), np.uint8))
    Path("empty").mkdir()
    np.save("empty/x.npy", np.zeros((20, 20), np.uint8))
    assert run(["evaluate", *files, *options.split()]) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(error) == 1 and said in error[0]


def test_a_range_without_files_has_no_effect(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "--model", "x", "--data", "d", "--range", "0", "1"]) == 2
    assert "--range: has no effect without --results; leave it out" in capsys.readouterr().err
