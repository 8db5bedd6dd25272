"""Images of several files in a data set: found in folders and manifests, read in training, known to the caches."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_style.config.data import DataConfig
from gan_style.datasets.check import check
from gan_style.datasets.dataset import TrainingSet, ValidationSet, open_dataset
from gan_style.datasets.fingerprint import changes, fingerprint
from gan_style.datasets.sources import find
from gan_style.datasets.survey import told
from gan_style.datasets.value_range import find_values
from gan_style.errors import UserError

SIDE = 20
FOLDERS = ("A1", "A2", "B")


def values(domain: str, number: int) -> np.ndarray:
    """t1 from 0 to 1, t2 from -1000 to 1000, the output from 0 to 50."""
    low, high = {"A1": (0, 1), "A2": (-1000, 1000), "B": (0, 50)}[domain]
    return np.random.default_rng([number, ord(domain[-1])]).uniform(low, high, (SIDE, SIDE, 1)).astype(np.float32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split, count in (("train", 4), ("val", 2)):
        for domain in FOLDERS:
            (tmp_path / f"{split}{domain}/p").mkdir(parents=True)
            for number in range(count):
                np.save(tmp_path / f"{split}{domain}/p/{number}.npy", values(domain, number))
    return tmp_path


def manifest(root: Path) -> Path:
    rows = [
        {"a": [f"{split}A1/p/{number}.npy", f"{split}A2/p/{number}.npy"], "b": f"{split}B/p/{number}.npy", "split": split}
        for split, count in (("train", 4), ("val", 2))
        for number in range(count)
    ]
    path = root / "set.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def table(root: Path) -> Path:
    lines = [f"trainA1/p/{number}.npy;trainA2/p/{number}.npy;trainB/p/{number}.npy" for number in range(4)]
    path = root / "set.csv"
    path.write_text("\n".join(["a1;a2;b", *lines]))
    return path


def config(root: Path, **more: Any) -> DataConfig:
    domain_a = {"channels": 2, "range": [[0, 1], [-1000, 1000]], **more.pop("domain_a", {})}
    keys = {"domain_a": domain_a, "domain_b": {"channels": 1, "range": [0, 50]}, "preprocess": "none", "flip": False}
    return DataConfig.model_validate({"root": str(root), **keys, **more})


def training(data: DataConfig) -> TrainingSet:
    return open_dataset(data, "train", "pairs", 0)


@pytest.mark.parametrize("layout", [Path, manifest, table])
@pytest.mark.parametrize("cache", ["off", "memory", "disk"])
def test_each_file_is_mapped_by_its_range_and_becomes_channels(
    root: Path, layout: Any, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", str(root / "cache"))
    monkeypatch.setattr("gan_style.datasets.resized._SETTLED", -1)
    data = training(config(layout(root), cache=cache))
    for position in (0, 1, 2, 3, 0, 1, 2, 3):
        sample = data[position, 0]
        number = int(Path(sample.keys["b"]).stem)
        assert sample.keys["a"] == f"trainA1/p/{number}.npy + trainA2/p/{number}.npy"
        found = sample.images["a"].numpy()
        np.testing.assert_allclose((found[0] + 1) / 2, values("A1", number)[..., 0], atol=1e-6)
        np.testing.assert_allclose(found[1] * 1000, values("A2", number)[..., 0], atol=1e-3)
        np.testing.assert_allclose((sample.images["b"].numpy()[0] + 1) * 25, values("B", number)[..., 0], atol=1e-4)


def test_a_cached_image_is_read_anew_when_its_second_file_changes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", str(root / "cache"))
    monkeypatch.setattr("gan_style.datasets.resized._SETTLED", -1)
    data = training(config(root, cache="memory"))
    before = data[0, 0].images["a"]
    number = int(Path(data[0, 0].keys["b"]).stem)
    np.save(root / f"trainA2/p/{number}.npy", -values("A2", number))
    after = data[0, 0].images["a"]
    assert (after[0] == before[0]).all() and not (after[1] == before[1]).any()


def test_transforms_move_all_files_of_an_image_alike(root: Path) -> None:
    for split in ("trainA1", "trainA2", "trainB"):
        for number in range(4):
            np.save(root / f"{split}/p/{number}.npy", values("A1", number))
    domain_a = {"range": [0, 1]}
    moves = [{"name": "Rotate", "limit": 30, "p": 1.0}]
    for more in ({"transforms": moves}, {"preprocess": "resize_and_crop", "load_size": 30, "crop_size": 16, "flip": True}):
        for position in range(4):
            sample = training(config(root, domain_a=domain_a, domain_b={"channels": 1, "range": [0, 1]}, **more))[position, 0].images
            np.testing.assert_allclose(sample["a"][0], sample["a"][1], atol=1e-6)
            np.testing.assert_allclose(sample["a"][0], sample["b"][0], atol=0.1)  # OpenCV rounds by the number of channels


def test_validation_reads_them_too(root: Path) -> None:
    validation = open_dataset(config(root), "val", "pairs", 0)
    assert isinstance(validation, ValidationSet) and validation.source.inputs("a") == 2 and validation.source.inputs("b") == 1
    image, key = validation.read_a(1)
    np.testing.assert_allclose(image[1] * 1000, values("A2", 1)[..., 0], atol=1e-3)
    assert key == "valA1/p/1.npy + valA2/p/1.npy"


def test_the_range_of_each_file_is_found_by_itself(root: Path) -> None:
    data = config(root, domain_a={"range": "auto"})
    found = find_values(training(data).source, data, "a").range
    every = [np.stack([values(domain, number) for number in range(4)]) for domain in ("A1", "A2")]
    assert found == [(each.min(), each.max()) for each in every]


def test_unpaired_domains_of_several_files(root: Path) -> None:
    for number in range(3):
        (root / f"trainB/p/{number}.npy").unlink()
    source = find(root, "unpaired", "train", paired=False)
    assert source and len(source.a) == 4 and len(source.b) == 1
    assert told(source.a[2]) == "trainA1/p/2.npy + trainA2/p/2.npy"
    assert source.below("a", 2) == "p/2.npy" and source.places() == "trainA1/ and trainA2/ and trainB/"


def test_images_that_are_held_out_keep_their_files(root: Path) -> None:
    for split in FOLDERS:
        for number in range(2):
            (root / f"val{split}/p/{number}.npy").unlink()
        (root / f"val{split}/p").rmdir()
        (root / f"val{split}").rmdir()
    data = config(root, hold_out=1)
    validation = open_dataset(data, "val", "pairs", 0)
    assert validation and validation.source.inputs("a") == 2 and len(training(data).source.a) == 3


@pytest.mark.parametrize(
    ("remove", "told_of"),
    [
        ("trainA2/p/1.npy", r"trainA1/p/1\.npy: no file of this stem in .*trainA2"),
        ("trainA1/p/1.npy", r"trainA2/p/1\.npy: no file of this stem in .*trainA1"),
        ("trainB/p/1.npy", r"trainA1/p/1\.npy: no file of this stem in .*trainB"),
    ],
)
def test_a_file_without_its_partners_is_one_line(root: Path, remove: str, told_of: str) -> None:
    (root / remove).unlink()
    with pytest.raises(UserError, match=told_of) as mistake:
        training(config(root))
    assert str(mistake.value).count("no file of this stem") == 1


def test_folders_are_numbered_from_one(root: Path) -> None:
    (root / "trainA2").rename(root / "trainA3")
    with pytest.raises(UserError, match=r"holds trainA1/ and 2 such folders, but no trainA2/; number them from 1 on"):
        training(config(root))


def test_a_folder_without_a_number_counts_and_the_others_are_told(root: Path) -> None:
    (root / "trainA1").rename(root / "trainA")
    source = find(root, "folders", "train", paired=True)
    assert source and source.inputs("a") == 1
    assert any("trainA2/ beside trainA/ and trainB/" in note for note in check(root, workers=1).notes)


def test_without_a_range_the_key_is_told(root: Path) -> None:
    with pytest.raises(UserError, match=r"are 2 files of one image, .*; set data\.domain_a\.range \(auto"):
        training(config(root, domain_a={"range": None}))


def test_methods_of_one_domain_do_not_read_them(root: Path) -> None:
    with pytest.raises(UserError, match="holds trainA1/, trainA2/, images of several files, and this method reads one folder of images"):
        open_dataset(config(root), "train", "images", 0)


@pytest.mark.parametrize(
    ("rows", "told_of"),
    [
        ([["x.npy", "x.npy"], ["x.npy"]], r"line 2: a = 1 files, but the first row has 2; list as many"),
        ([["x.npy", "x.npy"], ["x.npy", ""]], r"line 2: a = 1 files, but the first row has 2"),
        ([["x.npy", "../x.npy"]], r"line 1: a = \.\./x\.npy: leads out of the manifest's folder"),
        ([["x.npy", ["x.npy"]]], r"line 1: a = list: not a path"),
        ([["x.npy", "x.npy\0x.npy"]], r"line 1: a = .*: no such file"),
        ([["x.npy"] * 65], r"line 1: a = 65 files of one image, more than 64"),
    ],
)
def test_mistakes_in_a_manifest(tmp_path: Path, rows: Any, told_of: str) -> None:
    np.save(tmp_path / "x.npy", values("A1", 0))
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps({"a": row, "b": "x.npy"}) for row in rows))
    with pytest.raises(UserError, match=told_of):
        find(path, "manifest", "train", paired=True)


@pytest.mark.parametrize("columns", ["a1,a3,b", "a,a1,b", "a2,b"])
def test_columns_are_numbered_from_one(tmp_path: Path, columns: str) -> None:
    np.save(tmp_path / "x.npy", values("A1", 0))
    (tmp_path / "set.csv").write_text(f"{columns}\n{','.join(['x.npy'] * len(columns.split(',')))}\n")
    with pytest.raises(UserError, match=r"set\.csv, line 1: has columns a.*; number the files of an image from a1 on"):
        find(tmp_path / "set.csv", "manifest", "train", paired=True)


def test_the_kept_list_of_a_large_set_knows_all_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", str(root / "cache"))
    monkeypatch.setattr("gan_style.datasets.index.SMALLEST", 1)
    monkeypatch.setattr("gan_style.datasets.listing.SETTLED", 0)
    first = find(root, "folders", "train", paired=True)
    assert any((root / "cache").iterdir())
    again = find(root, "folders", "train", paired=True)
    assert first and again and list(again.a) == list(first.a) and again.inputs("a") == 2 and again.image("a", 0) == first.image("a", 0)


def test_a_changed_second_file_is_another_data_set(root: Path) -> None:
    source = training(config(root)).source
    before = fingerprint(source)
    np.save(root / "trainA2/p/3.npy", -values("A2", 3))
    seen = {domain: np.ones(4, bool) for domain in "ab"}
    assert changes(before, fingerprint(source), seen) == (
        "domain A has another content in 1 of 4 images, the first is trainA1/p/3.npy + trainA2/p/3.npy"
    )


def test_a_check_tells_each_folder_and_what_does_not_fit(root: Path) -> None:
    good = check(root, workers=1)
    assert not good.problems and [line.split()[1] for line in good.table.splitlines()[1:4]] == ["A1", "A2", "B"]
    assert any(note.startswith("train A2: float32 values -9") for note in good.notes)
    np.save(root / "trainA2/p/1.npy", np.concatenate([values("A2", 1)] * 2, axis=2))
    np.save(root / "trainA1/p/2.npy", values("A1", 2)[:10])
    np.save(root / "trainA2/p/3.npy", values("A2", 3).astype(np.int16))
    np.save(root / "trainB/p/3.npy", values("B", 3) * 1000)
    found = check(root, workers=1)
    assert len(found.problems) == 4  # the last one: a pair of two sizes
    told_of = "\n".join(found.problems)
    assert "trainA2/p/1.npy: has 2 channels, and most files beside it 1; add what it lacks, or remove it" in told_of
    assert "trainA2/p/2.npy: has 20 x 20 pixels, but" in told_of and "trainA2/p/3.npy: has int16 values, but" in told_of
    assert any("trainB/p/3.npy: values" in note and "has it another unit?" in note for note in found.notes)
