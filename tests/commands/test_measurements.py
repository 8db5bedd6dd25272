"""Measurements as a user meets them: trained on, translated, measured, and read back by programs that are not ours."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import rasterio
import runs
import tifffile
import zarr
from evaluating import evaluate
from measured_files import AFFINE, dicom, write_nifti
from PIL import Image
from tiny_bundles import tiny_bundle

import gan_style
from gan_style.__main__ import run
from gan_style.bundles.file import load_bundle
from gan_style.commands.train import train_command

CT = {
    "in_channels": 1,
    "out_channels": 1,
    "values_in": {"low": 0, "high": 500},
    "values_out": {"low": -1000, "high": 2000, "type": "int16"},
}


def mr(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A float32 picture [H, W] of values from 0 to 500."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[:height, :width]
    return (250 + 200 * np.sin(down / 5) * np.cos(across / 7) + rng.normal(0, 10, (height, width))).clip(0, 500).astype(np.float32)


def command(*options: str, model: str = "ct.safetensors", input: str = "in", output: str = "out") -> list[str]:
    return ["--model", model, "--input", input, "--output", output, "--device", "cpu", *options]


def wanted(values: np.ndarray, model: str = "ct.safetensors") -> np.ndarray:
    """What the bundle makes of values [H, W], in its unit."""
    return gan_style.load(model, device="cpu")(values)


def nearest(whole: np.ndarray, values: np.ndarray) -> bool:
    """Are these the nearest whole numbers to float32 values?"""
    return bool(np.abs(whole - values.astype(np.float64)).max() <= 0.501)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    tiny_bundle(Path("ct.safetensors"), **CT)


def test_nifti_to_nifti_in_the_unit_and_the_place(main: Callable[..., int]) -> None:
    write_nifti(Path("in/x.nii.gz"), mr(30, 40).T[:, :, None])
    assert main(command()) == 0
    found = nibabel.load("out/x.nii.gz")
    assert found.get_data_dtype() == np.int16 and found.shape == (40, 30, 1)
    np.testing.assert_allclose(found.affine, AFFINE, rtol=1e-5)
    result = np.asarray(found.dataobj)[:, :, 0].T
    assert nearest(result, wanted(mr(30, 40)))
    assert result.min() < -50 and result.max() > 600  # not what 8 bits of a picture would be


@pytest.mark.parametrize("options", [(), ("--tile", "32"), ("--tile", "32", "--pyramid", "--format", "tiff")])
def test_a_float_scene_keeps_its_place_by_regions_and_at_once(main: Callable[..., int], options: tuple[str, ...]) -> None:
    tiny_bundle(Path("dem.safetensors"), **{**CT, "values_out": {"low": -10.5, "high": 99.25, "type": "float32"}})
    values = mr(90, 100)
    place = rasterio.transform.from_origin(500_000, 5_400_000, 10, 10)
    about = {"driver": "GTiff", "height": 90, "width": 100, "count": 1, "dtype": "float32", "crs": "EPSG:32632", "transform": place}
    with rasterio.open("in/x.tif", "w", **about) as file:
        file.write(values, 1)
    assert main(command(*options, model="dem.safetensors")) == 0
    (path,) = Path("out").iterdir()
    with rasterio.open(path) as file:
        assert file.crs == rasterio.crs.CRS.from_epsg(32632) and file.transform == place and file.dtypes == ("float32",)
        np.testing.assert_allclose(file.read(1), wanted(values, "dem.safetensors"), atol=2e-3)


def test_a_zarr_store_by_regions(main: Callable[..., int]) -> None:
    values = mr(90, 100)
    zarr.create_array("in/x.zarr", shape=values.shape, chunks=(32, 32), dtype="float32")[...] = values
    assert main(command("--tile", "32")) == 0
    found = tifffile.imread("out/x.tiff")
    assert found.dtype == np.int16 and np.abs(found - wanted(values)).max() <= 1


def test_dicom_in_nifti_out(main: Callable[..., int]) -> None:
    stored = mr(20, 30).astype(np.uint16)
    place = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [-10, 20, 5], "PixelSpacing": [0.8, 0.7]}
    Path("in/x.dcm").write_bytes(dicom(stored, 12, **place))
    assert main(command("--format", "nifti")) == 0
    found = nibabel.load("out/x.nii.gz")
    assert nearest(np.asarray(found.dataobj)[:, :, 0].T, wanted(stored))
    np.testing.assert_allclose(found.affine @ [2, 3, 0, 1], [10 - 1.4, -20 - 2.4, 5, 1], rtol=1e-6)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_a_volume_becomes_a_volume_of_its_slices(main: Callable[..., int], capsys: pytest.CaptureFixture[str], name: str) -> None:
    parts = [mr(30, 40, seed) for seed in range(10)]
    write_nifti(Path("in", name), np.stack(parts, axis=2).transpose(1, 0, 2))
    assert main(command()) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 translated, 0 skipped (exist), 0 failed -> out"
    found = nibabel.load(Path("out", name))
    assert found.shape == (40, 30, 10) and found.get_data_dtype() == np.int16
    np.testing.assert_allclose(found.affine, AFFINE, rtol=1e-5)
    for depth, part in enumerate(parts):
        assert nearest(np.asarray(found.dataobj)[:, :, depth].T, wanted(part))
    assert main(command("--format", "tiff", output="other")) == 2
    assert f"in/{name}: is a volume, whose result is a NIfTI file; take --format nifti" in capsys.readouterr().err


def test_volumes_are_cut_for_training(capsys: pytest.CaptureFixture[str]) -> None:
    for domain in "AB":
        Path(f"in/train{domain}").mkdir()
        write_nifti(Path(f"in/train{domain}/p1.nii.gz"), np.stack([mr(9, 8, seed).T for seed in range(3)], axis=2))
    assert run(["prepare", "slices", "in", "--output", "cut"]) == 0
    assert capsys.readouterr().out == "cut: 6 slices of 2 volumes\n"
    assert run(["prepare", "check", "cut", "--workers", "1"]) == 0
    assert "train A: float32 values" in capsys.readouterr().out
    for depth in range(3):
        found = nibabel.load(f"cut/trainB/p1/{depth:04}.nii.gz")
        np.testing.assert_array_equal(np.asarray(found.dataobj)[:, :, 0], mr(9, 8, depth).T)
        np.testing.assert_allclose(found.affine @ [1, 2, 0, 1], AFFINE @ [1, 2, depth, 1], rtol=1e-5)
    assert run(["prepare", "slices", "in", "--output", "cut"]) == 2
    assert "exists; take --overwrite" in capsys.readouterr().err


def test_formats_that_do_not_hold_the_results_are_refused(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    np.save("in/x.npy", mr(9, 8))
    for format in ("png", "jpg", "webp"):
        assert main(command("--format", format)) == 2
        assert f"--format {format}: the results are int16 values in 1 channel, which it does not hold" in capsys.readouterr().err
    assert not Path("out").exists()
    assert main(command()) == 0
    assert np.load("out/x.npy").dtype == np.int16


def test_whole_numbers_without_a_sign_go_to_png(main: Callable[..., int]) -> None:
    tiny_bundle(Path("u.safetensors"), **{**CT, "values_out": {"low": 0, "high": 4095, "type": "uint16"}})
    Path("in/x.dcm").write_bytes(dicom(mr(20, 30).astype(np.uint16)))
    assert main(command(model="u.safetensors")) == 0
    from gan_style.files import images

    found = images.read(Path("out/x.png"), 1, raw=True).pixels[..., 0]
    assert nearest(found, wanted(mr(20, 30).astype(np.uint16), "u.safetensors"))
    assert found.max() < 4096


def test_a_picture_bundle_does_not_take_values(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    tiny_bundle(Path("plain.safetensors"))
    np.save("in/x.npy", mr(9, 8))
    assert main(command(model="plain.safetensors")) == 2
    assert "in/x.npy: holds float32 values, of which none is black or white; read them as measurements" in capsys.readouterr().err


def test_values_that_are_not_there_are_told_by_infer(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    broken = mr(9, 8)
    broken[0, 0] = np.nan
    np.save("in/x.npy", broken)
    assert main(command()) == 2
    assert "in/x.npy: 1 of its 72 values are not there" in capsys.readouterr().err


@pytest.fixture
def scans() -> Path:
    """Pairs of float32 NIfTI and int16 TIFF."""
    for split, count in (("train", 4), ("val", 2)):
        for domain in "AB":
            Path(f"scans/{split}{domain}").mkdir(parents=True)
        for number in range(count):
            values = mr(32, 32, number)
            write_nifti(Path(f"scans/{split}A/{number}.nii.gz"), values.T)
            tifffile.imwrite(f"scans/{split}B/{number}.tif", (values * 3 - 700).astype(np.int16), metadata=None)
    return Path("scans")


KEYS = ["data.domain_a.channels=1", "data.domain_a.range=percentiles", "data.domain_b.channels=1", "data.domain_b.range=auto"]


def test_a_training_finds_the_ranges_keeps_them_and_goes_on_with_the_same_bits(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gan_style.config.yaml_file import read_yaml

    assert train_command(runs.arguments("pix2pix", scans, Path("whole"), *KEYS)) == 0
    assert "values      domain B: " in (said := capsys.readouterr().out) and "results are int16" in said
    domains = read_yaml(Path("whole/config.yaml"))["data"]
    every = np.concatenate([tifffile.imread(path).ravel() for path in sorted(scans.glob("trainB/*.tif"))])
    assert domains["domain_b"]["range"] == [every.min(), every.max()] and domains["domain_b"]["type"] == "int16"
    assert 0 < domains["domain_a"]["range"][0] < domains["domain_a"]["range"][1] < 500 and domains["domain_a"]["type"] == "float32"
    info, _ = load_bundle(Path("whole/bundles/a2b.safetensors"))
    assert info.values_out and [info.values_out.low, info.values_out.high] == domains["domain_b"]["range"]

    assert train_command(runs.arguments("pix2pix", scans, Path("parts"), *KEYS, "train.steps=3")) == 0
    assert train_command(runs.arguments("pix2pix", scans, Path("parts"), *KEYS)) == 0
    assert runs.networks(Path("parts")) == runs.networks(Path("whole"))
    assert runs.bundles(Path("parts")) == runs.bundles(Path("whole"))


def test_the_mean_absolute_error_is_that_of_the_files_in_their_unit(scans: Path, main: Callable[..., int]) -> None:
    measured = ["train.validate_every=7", "data.load_size=32", "data.crop_size=32"]
    assert train_command(runs.arguments("pix2pix", scans, Path("run"), *KEYS, *measured)) == 0
    assert main(command("--resize", "train", "--keep-resized", "--format", "tiff", model="run", input="scans/valA")) == 0
    truths = [tifffile.imread(f"scans/valB/{number}.tif").astype(float) for number in range(2)]
    results = [tifffile.imread(f"out/{number}.tiff").astype(float) for number in range(2)]
    values = load_bundle(Path("run/bundles/a2b.safetensors"))[0].values_out
    assert values is not None
    cut = [truth.clip(values.low, values.high) for truth in truths]
    mae = np.mean([np.abs(result - truth).mean() for result, truth in zip(results, cut, strict=True)])
    last = json.loads(Path("run/metrics.jsonl").read_text().splitlines()[-1])
    assert last["val/mae"] == pytest.approx(mae, abs=0.6) and mae > 10  # results in files are whole numbers
    assert last["val/mae"] == pytest.approx(last["val/l1"] * (values.high - values.low))
    scores = evaluate("--model", "run", "--data", scans, "--metrics", "mae,l1", "--device", "cpu")
    assert last["val/mae"] == pytest.approx(scores["metrics"]["mae"])


def test_five_bands_to_two(scans: Path, main: Callable[..., int]) -> None:
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            Path(f"scans/{split}A/{number}.nii.gz").unlink()
            Path(f"scans/{split}B/{number}.tif").unlink()
            values = np.stack([mr(32, 32, 10 * number + band) for band in range(5)], axis=2)
            np.save(f"scans/{split}A/{number}.npy", values)
            np.save(f"scans/{split}B/{number}.npy", values[..., 1:3].astype(np.uint16))
    keys = ["data.domain_a.channels=5", "data.domain_a.range=[0, 500]", "data.domain_b.channels=2", "data.domain_b.range=auto"]
    assert train_command(runs.arguments("pix2pix", scans, Path("run"), *keys, "logging.samples=1")) == 0
    assert Path("run/samples").is_dir() and any(Path("run/samples").iterdir())
    assert main(command(model="run", input="scans/valA")) == 0
    assert np.load("out/0.npy").shape == (32, 32, 2) and np.load("out/0.npy").dtype == np.uint16
    assert main(command("--format", "tiff", model="run", input="scans/valA", output="tiffs")) == 0
    np.testing.assert_array_equal(tifffile.imread("tiffs/0.tiff"), np.load("out/0.npy"))


def test_the_metric_of_units_needs_a_unit(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", *runs.arguments("pix2pix", data, Path("run"), "train.validate_every=2", "validation.metrics=[mae]")]) == 2
    assert "validation.metrics: mae is in the unit of the output's domain" in capsys.readouterr().err


def test_a_network_of_measurements_is_exported_with_floats(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    assert run(["export", "--model", "ct.safetensors", "--output", "ct.onnx"]) == 0
    assert ", float, fp32, " in capsys.readouterr().out
    np.save("in/x.npy", mr(30, 40))
    assert main(command(model="ct.onnx")) == 0
    assert nearest(np.load("out/x.npy"), wanted(mr(30, 40)))
    for options, why in (
        (["--output", "other.onnx", "--input", "uint8"], "--input uint8: ct.safetensors is of measurements, which 8 bits do not hold"),
        (["--web", "page"], "--web: the network translates measurements, and the page pictures; take --output FILE.onnx"),
    ):
        assert run(["export", "--model", "ct.safetensors", *options]) == 2
        assert why in capsys.readouterr().err and not Path(options[1]).exists()


def test_a_pil_image_has_no_unit() -> None:
    with pytest.raises(ValueError, match=r"takes their values, not a PIL image: give an array"):
        gan_style.load("ct.safetensors", device="cpu")(Image.new("L", (8, 8)))


def test_weights_of_other_projects_leave_the_ranges_out_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", "--from", "ct.safetensors", "--to", "ct.pth"]) == 0
    said = capsys.readouterr().out
    assert "left out        the range of its inputs, 0 becomes -1, 500 becomes 1\n" in said
    assert "left out        the range of its results, -1000 becomes -1, 2000 becomes 1\n" in said


def test_dicom_of_several_frames_is_a_volume(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    frames = np.stack([mr(30, 40, seed) for seed in range(5)]).astype(np.uint16)
    place = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [-10, 20, 5], "PixelSpacing": [0.8, 0.7]}
    data = dicom(frames[0], data=frames.tobytes(), NumberOfFrames=5, SliceThickness=3, **place)
    Path("in/x.dcm").write_bytes(data)
    assert main(command("--format", "nifti")) == 0
    found = nibabel.load("out/x.nii.gz")
    assert found.shape == (40, 30, 5)
    np.testing.assert_allclose(found.affine @ [2, 3, 4, 1], [10 - 1.4, -20 - 2.4, 5 + 12, 1], rtol=1e-6)
    for depth, frame in enumerate(frames):
        assert nearest(np.asarray(found.dataobj)[:, :, depth].T, wanted(frame))
    assert main(command(output="other")) == 2
    assert "in/x.dcm: is a volume, whose result is a NIfTI file; take --format nifti" in capsys.readouterr().err
    assert run(["prepare", "slices", "in", "--output", "cut"]) == 0
    assert capsys.readouterr().out.endswith("cut: 5 slices of 1 volume\n")
    np.testing.assert_array_equal(np.asarray(nibabel.load("cut/x/0003.nii.gz").dataobj)[:, :, 0].T, frames[3])


def test_training_takes_the_frames_of_dicom(capsys: pytest.CaptureFixture[str]) -> None:
    for domain in "AB":
        Path(f"scans/train{domain}").mkdir(parents=True)
        for number in range(2):
            frames = np.stack([mr(32, 32, 4 * number + seed) for seed in range(4)]).astype(np.uint16)
            Path(f"scans/train{domain}/p{number}.dcm").write_bytes(dicom(frames[0], data=frames.tobytes(), NumberOfFrames=4))
    keys = ["data.domain_a.slices=3", "data.domain_a.channels=3", "data.domain_a.range=auto", *KEYS[2:]]
    assert train_command(runs.arguments("pix2pix", Path("scans"), Path("run"), *keys)) == 0
    assert load_bundle(Path("run/bundles/a2b.safetensors"))[0].slices == 3
