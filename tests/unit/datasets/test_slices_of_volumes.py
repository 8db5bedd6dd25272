"""Slices of volumes as training images, with their neighbours as channels."""

import gzip
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from measured_files import write_volume
from pydantic import ValidationError

from gan_style.config.data import DataConfig
from gan_style.datasets.check import check
from gan_style.datasets.dataset import TrainingSet, ValidationSet, open_dataset
from gan_style.datasets.fingerprint import changes, fingerprint
from gan_style.datasets.value_range import describe_values, find_values
from gan_style.errors import UserError
from gan_style.files import volumes

COUNTS = {"train": (3, 4), "val": (2,)}  # slices of each volume


def volume(domain: str, split: str, number: int, count: int) -> np.ndarray:
    """[H, W, slices], from 0 to 100; of domain B from -1000 to 1000."""
    low, high = (-1000, 1000) if domain == "B" else (0, 100)
    return np.random.default_rng([number, ord(domain[-1]), len(split)]).uniform(low, high, (12, 10, count)).astype(np.float32)


@pytest.fixture(params=[".nii.gz", ".nii"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    for split, counts in COUNTS.items():
        for domain in ("A", "B"):
            for number, count in enumerate(counts):
                write_volume(tmp_path / f"{split}{domain}/p{number}{request.param}", volume(domain, split, number, count))
    return tmp_path


def config(root: Path, **more: Any) -> DataConfig:
    domain_a = {"channels": 3, "range": [0, 100], "slices": 3, **more.pop("domain_a", {})}
    domain_b = {"channels": 1, "range": [-1000, 1000], **more.pop("domain_b", {})}
    return DataConfig.model_validate(
        {"root": str(root), "domain_a": domain_a, "domain_b": domain_b, "preprocess": "none", "flip": False, **more}
    )


def training(data: DataConfig) -> TrainingSet:
    return open_dataset(data, "train", "pairs", 0)


@pytest.mark.parametrize("cache", ["off", "memory", "disk"])
def test_each_slice_is_a_sample_with_its_neighbours(root: Path, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", str(root / "cache"))
    monkeypatch.setattr("gan_style.datasets.resized._SETTLED", -1)
    data = training(config(root, cache=cache))
    assert len(data) == 7 and data.describe() == "7 pairs of slices (folders)"
    seen = set()
    for position in (*range(7), *range(7)):
        sample = data[position, 0]
        name, _, depth = sample.keys["a"].partition(", slice ")
        number, at = int(Path(name).name[1]), int(depth)
        seen.add((number, at))
        a, b = (volume(domain, "train", number, COUNTS["train"][number]) for domain in "AB")
        for channel, place in enumerate((max(at - 1, 0), at, min(at + 1, a.shape[2] - 1))):
            np.testing.assert_allclose((sample.images["a"][channel] + 1) * 50, a[:, :, place], atol=1e-4)
        assert sample.images["b"].shape[0] == 1
        np.testing.assert_allclose(sample.images["b"][0] * 1000, b[:, :, at], atol=1e-3)
    assert len(seen) == 7


def test_large_gzipped_volumes_are_read_without_being_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = training(config(root))[3, 0].images
    monkeypatch.setattr("gan_style.files.volumes._KEPT_BYTES", 0)
    volumes._kept.clear()
    assert (training(config(root))[3, 0].images["a"] == kept["a"]).all() and not volumes._kept


def test_kept_volumes_are_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes._kept.clear()
    monkeypatch.setattr(volumes, "_KEPT_BYTES", 2 * 12 * 10 * 4 * 4)
    data = training(config(root))
    for position in range(7):
        data[position, 0]
        assert sum(each.nbytes for each in volumes._kept.values()) <= volumes._KEPT_BYTES


def test_two_contrasts_with_neighbours(root: Path) -> None:
    (root / "trainA").rename(root / "trainA1")
    for number, count in enumerate(COUNTS["train"]):
        suffix = next((root / "trainB").iterdir()).name[2:]
        write_volume(root / f"trainA2/p{number}{suffix}", volume("B", "other", number, count))
    data = config(root, domain_a={"channels": 6, "range": "auto"})
    found = find_values(training(data).source, data, "a").range
    assert isinstance(found, list) and len(found) == 6 and found[0] == found[2] == found[4] != found[1] == found[3] == found[5]
    data = config(root, domain_a={"channels": 6, "range": found})
    sample = training(data)[0, 0]
    assert sample.images["a"].shape[0] == 6 and sample.images["a"].abs().max() <= 1
    assert next(describe_values(training(data).source, data)).count("becomes 1") == 6


def test_validation_and_held_out_volumes(root: Path) -> None:
    validation = open_dataset(config(root), "val", "pairs", 0)
    assert isinstance(validation, ValidationSet) and validation.len_a == 2
    image, key = validation.read_a(1)
    assert image.shape[0] == 3 and key.endswith(", slice 1")
    assert (image[1] == image[2]).all() and not (image[0] == image[1]).all()
    for path in [*(root / "valA").iterdir(), *(root / "valB").iterdir()]:
        path.unlink()
    for folder in ("valA", "valB"):
        (root / folder).rmdir()
    data = config(root, hold_out=1)
    held = open_dataset(data, "val", "pairs", 0)
    assert held is not None and held.len_a in (3, 4) and held.len_a + len(training(data)) == 7  # a whole volume


def test_a_changed_volume_is_another_data_set(root: Path) -> None:
    source = training(config(root)).source
    before, path = fingerprint(source), source.files("b", 0)[0]
    write_volume(Path(str(path)), -volume("B", "train", 0, 3))
    assert "domain B has another content in 3 of 7 images, the first is trainB/p0" in changes(
        before, fingerprint(source), {domain: np.ones(7, bool) for domain in "ab"}
    )


def test_volumes_that_do_not_fit_are_one_line(root: Path) -> None:
    suffix = next((root / "trainB").iterdir()).name[2:]
    write_volume(root / f"trainB/p1{suffix}", volume("B", "train", 1, 5))
    with pytest.raises(UserError, match=rf"trainA/p1{suffix}: has 4 slices, its partner .*trainB/p1{suffix} 5; resample"):
        training(config(root))
    write_volume(root / f"trainB/p1{suffix}", volume("B", "train", 1, 4), apart=3.0)
    with pytest.raises(UserError, match=rf"trainA/p1{suffix}: its voxels lie elsewhere than those of its partner"):
        training(config(root))
    write_volume(root / f"trainA/p1{suffix}", volume("A", "train", 1, 4), apart=3.0)
    with pytest.raises(
        UserError, match=rf"trainA/p1{suffix}: its slices are 3 mm apart, those of .*p0{suffix} 2 mm, .* data.domain_a.slices=1"
    ):
        training(config(root))
    assert len(training(config(root, domain_a={"channels": 1, "slices": 1}))) == 7


def test_keys_that_do_not_fit(root: Path) -> None:
    with pytest.raises(UserError, match=r"gives 3 slices of 1 channel, but 6 are read; train with the domain's channels=3"):
        training(config(root, domain_a={"channels": 6}))[0, 0]
    with pytest.raises(UserError, match=r"is a volume of \d slices, and pictures have one; train with the domain's slices=1"):
        training(config(root, domain_a={"channels": 1, "slices": None}))[0, 0]
    for wrong in ({"slices": 2, "channels": 2}, {"slices": 3, "channels": 4}):
        with pytest.raises(ValidationError, match="must be odd, and divide channels"):
            config(root, domain_a=wrong)
    (root / "trainMask").mkdir()
    (root / "trainMask/p0.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"has no mask"):
        training(config(root))


def test_a_check_tells_volumes_and_what_does_not_fit(root: Path) -> None:
    found = check(root, workers=1)
    assert not found.problems and "train: 4 volumes of 3 to 4 slices; train with data.domain_a.slices=1, or 3" in "\n".join(found.notes)
    assert any(note.startswith("train B: float32 values -99") for note in found.notes)
    suffix = next((root / "trainB").iterdir()).name[2:]
    for domain in "AB":
        write_volume(root / f"train{domain}/p1{suffix}", volume(domain, "train", 1, 4), apart=3.0)
    found = check(root, workers=1)
    assert not found.problems and any(f"trainA/p1{suffix}: its slices are 3 mm apart" in note for note in found.notes)
    broken = volume("B", "train", 1, 5)
    broken[2, 3, 4] = np.nan
    write_volume(root / f"trainB/p1{suffix}", broken, apart=3.0)
    found = check(root, workers=1)
    assert len(found.problems) == 1 and "has 4 slices, its partner" in found.problems[0]
    assert any(f"1 values of {root}/trainB/p1{suffix} are not there" in note for note in found.notes)


def test_a_header_that_claims_many_slices_is_refused_before_they_are_listed(root: Path, tmp_path: Path) -> None:
    path = root / "trainA" / next((root / "trainA").iterdir()).name
    header = nibabel.Nifti2Header()
    header.set_data_shape((12, 10, 2**40))
    header.set_data_dtype(np.float32)
    header["vox_offset"] = 544
    data = header.binaryblock + bytes(64)
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    with pytest.raises(UserError, match=r"claims 1099511627776 slices, more than 65536"):
        training(config(root))


def test_a_check_names_the_damage_of_a_volume_once(root: Path) -> None:
    path = root / "trainA" / next((root / "trainA").iterdir()).name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    problems = check(root, workers=1).problems
    assert [problem for problem in problems if problem.startswith(f"{path}: damaged or cut short")] and len(problems) == 1
    if path.name.endswith(".gz"):
        path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 255]) + whole[-4:])  # of the checksum
        assert "CRC check failed" in check(root, workers=1).problems[0]
        with pytest.raises(UserError, match=r"damaged or cut short \(CRC check failed"):
            training(config(root))[0, 0]


def test_a_check_tells_validation_volumes_of_fewer_files(root: Path) -> None:
    for split in ("train", "val"):
        (root / f"{split}A").rename(root / f"{split}A1")
    shutil.copytree(root / "trainA1", root / "trainA2")
    told = f"{root}: split val has 1 file for each image of domain A, split train has 2; add what is missing, or remove the others"
    assert check(root, workers=1).problems == (told,)
    shutil.copytree(root / "valA1", root / "valA2")
    assert check(root, workers=1).problems == ()


def test_the_torn_one_of_two_volumes_is_named(root: Path) -> None:
    for split in ("train", "val"):
        (root / f"{split}A").rename(root / f"{split}A1")
        shutil.copytree(root / f"{split}A1", root / f"{split}A2")
    path = min((root / "trainA2").iterdir())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=rf"^{path}: damaged or cut short"):
        training(config(root, domain_a={"channels": 6}))[0, 0]
