"""A training set is known again wherever it lies, and every change that training would notice is named."""

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pictures import draw, draw_folders
from PIL import Image

from gan_style.config.schema import DataConfig
from gan_style.datasets import fingerprint as module
from gan_style.datasets.dataset import TrainingSet, open_dataset
from gan_style.datasets.fingerprint import Fingerprint, changes, fingerprint
from gan_style.datasets.keys import Keys
from gan_style.engine.tree import load_tree, save_tree

COUNT = 5
LAYOUTS = ("folders", "aligned", "manifest", "parquet", "unpaired", "images", "two folders")


def write(path: Path, number: int) -> None:
    """A picture without compression, so that all of a size have files of one size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw(number)).save(path, "BMP")


def draw_set(root: Path, layout: str) -> Path:
    """A training set of COUNT images in each domain; returns what data.root is set to."""
    if layout in ("folders", "unpaired", "manifest", "parquet", "two folders"):
        for number in range(COUNT):
            for domain, other in (("A", 0), ("B", 50)):
                write(root / f"train{domain}" / f"{number}.bmp", number + other)
    if layout in ("manifest", "parquet"):
        rows = [f"trainA/{number}.bmp,trainB/{number}.bmp" for number in range(COUNT)]
        (root / "list.csv").write_text("a,b\n" + "\n".join(rows) + "\n")
        if layout == "parquet":
            return parquet(root)
        return root / "list.csv"
    if layout in ("aligned", "images"):
        for number in range(COUNT):
            write(root / "train" / f"{number}.bmp", number)
    return root


def parquet(root: Path) -> Path:
    from gan_style.datasets.parquet import write_file

    keys = [f"{number}.bmp" for number in range(COUNT)]
    rows = [[(f"train{domain}/{key}", (root / f"train{domain}" / key).read_bytes()) for domain in "AB"] for key in keys]
    (root / "tables").mkdir(exist_ok=True)
    write_file(root / "tables" / "train-00000-of-00001.parquet", ["a", "b"], rows)
    return root / "tables"


def opened(root: Path, layout: str) -> TrainingSet:
    if layout == "two folders":
        return open_dataset(DataConfig(root=str(root / "trainA"), root_b=str(root / "trainB")), "train", "domains", 0)
    source = "aligned" if layout == "aligned" else "auto"
    needs = {"unpaired": "domains", "images": "images"}.get(layout, "pairs")
    return open_dataset(DataConfig(root=str(root), source=source), "train", needs, 0)  # type: ignore[call-overload]


def compared(old: Fingerprint, new: TrainingSet, samples: int = COUNT) -> str:
    return changes(old, fingerprint(new.source), new.seen(samples))


def stored(known: Fingerprint, folder: Path) -> Fingerprint:
    """As a checkpoint gives it back."""
    save_tree(folder / "tree.safetensors", known)
    return load_tree(folder / "tree.safetensors")


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> str:
    if request.param == "parquet":
        pytest.importorskip("datasets")
    return request.param


def test_a_set_that_moved_or_is_spelt_otherwise_is_the_same(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = draw_set(tmp_path / "here", layout)
    known = stored(fingerprint(opened(root, layout).source), tmp_path)
    shutil.copytree(tmp_path / "here", tmp_path / "there")  # with times of its own
    assert compared(known, opened(tmp_path / "there" / root.relative_to(tmp_path / "here"), layout)) == ""
    monkeypatch.chdir(tmp_path)
    assert compared(known, opened(Path("here", "..") / root.relative_to(tmp_path), layout)) == ""


def rewritten(root: Path, layout: str, change: Callable[[Path], None]) -> TrainingSet:
    """The set after a change, its lists written again."""
    change(root)
    if layout in ("manifest", "parquet"):
        names = sorted(path.name for path in (root / "trainA").iterdir())
        (root / "list.csv").write_text("a,b\n" + "\n".join(f"trainA/{name},trainB/{name}" for name in names) + "\n")
        if layout == "parquet":
            from gan_style.datasets.parquet import write_file

            rows = [[(f"train{domain}/{name}", (root / f"train{domain}" / name).read_bytes()) for domain in "AB"] for name in names]
            write_file(root / "tables" / "train-00000-of-00001.parquet", ["a", "b"], rows)
    return opened({"manifest": root / "list.csv", "parquet": root / "tables"}.get(layout, root), layout)


def folders(root: Path) -> list[Path]:
    return [path for path in sorted(root.iterdir()) if path.is_dir() and path.name.startswith("train")]


def added(root: Path) -> None:
    for folder in folders(root):
        write(folder / "7.bmp", 7)


def removed(root: Path) -> None:
    for folder in folders(root):
        (folder / "3.bmp").unlink()


def renamed(root: Path) -> None:
    for folder in folders(root):
        (folder / "3.bmp").rename(folder / "6.bmp")


def replaced(root: Path) -> None:
    write(folders(root)[0] / "2.bmp", 77)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (added, ["6 images instead of 5", "new: ", "7.bmp"]),
        (removed, ["4 images instead of 5", "gone: ", "3.bmp"]),
        (renamed, ["5 images as before, but others", "new: ", "6.bmp", "gone: ", "3.bmp"]),
        (replaced, ["another content in 1 of 5 images", "2.bmp"]),
    ],
)
def test_what_was_added_removed_or_replaced_is_named(change: Callable[[Path], None], words: list[str], layout: str, tmp_path: Path) -> None:
    known = stored(fingerprint(opened(draw_set(tmp_path / "set", layout), layout).source), tmp_path)
    told = compared(known, rewritten(tmp_path / "set", layout, change))
    for word in words:
        assert word in told
    assert "\n" not in told


@pytest.mark.parametrize("layout", ["folders", "unpaired", "aligned", "images", "two folders"])
@pytest.mark.parametrize("earlier", [False, True], ids=["this version", "a version that kept names as they are on the disk"])
def test_names_in_the_other_form_of_unicode_are_the_same(layout: str, earlier: bool, tmp_path: Path) -> None:
    """A set that comes from macOS may have é as two characters."""
    forms = [[unicodedata.normalize(form, name) for name in ("école", "z", "été/1", "eu")] for form in ("NFD", "NFC")]
    roots = tmp_path / "mac", tmp_path / "copy"
    for root, names in zip(roots, forms, strict=True):
        for number, name in enumerate(names):
            for folder in ("train",) if layout in ("aligned", "images") else ("trainA", "trainB"):
                write(root / folder / f"{name}.bmp", number)
    source = opened(roots[0], layout).source
    known = fingerprint(source)
    if earlier:
        for domain, each in known["domains"].items():
            keys = Keys.of(list(source.keys(domain)))
            each |= {"names": module._digest(keys), "list": module._listed(keys)}
    assert compared(stored(known, tmp_path), opened(roots[1], layout)) == ""
    assert list(opened(roots[1], layout).source.a) != list(source.a)


@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_a_look_sees_the_middle_and_the_end_of_a_file_and_its_size(place: float, tmp_path: Path) -> None:
    root = draw_folders(tmp_path / "set", train=1, size=200)
    path = root / "trainA/000.png"
    known = fingerprint(opened(root, "folders").source)
    content = bytearray(path.read_bytes())
    if place:
        content[round(place * (len(content) - 1))] ^= 1
    else:
        content += b"x"
    path.write_bytes(content)
    assert "000.png" in compared(known, opened(root, "folders"))


def test_a_manifest_in_another_order_is_another_set(tmp_path: Path) -> None:
    manifest = draw_set(tmp_path / "set", "manifest")
    known = fingerprint(opened(manifest, "manifest").source)
    head, *rows = manifest.read_text().splitlines()
    manifest.write_text("\n".join([head, *reversed(rows)]) + "\n")
    assert "its images in another order" in compared(known, opened(manifest, "manifest"))


def test_another_reading_of_the_same_files_is_another_set(tmp_path: Path) -> None:
    root = draw_set(tmp_path / "set", "folders")
    known = fingerprint(opened(root, "folders").source)
    assert "read as" in compared(known, opened(root, "unpaired"))
    assert "read as" in compared(known, opened(root, "images"))


def test_images_that_were_not_trained_on_yet_may_have_another_content(layout: str, tmp_path: Path) -> None:
    """One that could not be decoded when its turn came is mended, and the run goes on."""
    root = draw_set(tmp_path / "set", layout)
    known = fingerprint(opened(root, layout).source)
    after = rewritten(tmp_path / "set", layout, replaced)
    turn = next(samples for samples in range(1, COUNT + 1) if after.seen(samples)["a"][2])
    assert compared(known, after, turn - 1) == ""
    assert "2.bmp" in compared(known, after, turn)


@pytest.mark.parametrize("layout", ["folders", "unpaired", "aligned", "images"])
def test_seen_are_the_images_of_the_first_samples(layout: str, tmp_path: Path) -> None:
    """An unpaired method sees a side-by-side file in either domain's order."""
    training = opened(draw_set(tmp_path / "set", layout), layout)
    if layout == "aligned":
        training = open_dataset(DataConfig(root=str(tmp_path / "set"), source="aligned"), "train", "domains", 0)
    for samples in range(2 * COUNT):
        places = [training.place(number, 0) for number in range(samples)]
        expected: dict[str, set[int]] = {"a": set(), "b": set()}
        for read in (read for place in places for read in place.reads):
            expected[read.domain].add(read.image)
        if training.source.b is training.source.a:
            expected["a"] |= expected["b"]
        got = {domain: set(np.flatnonzero(mask).tolist()) for domain, mask in training.seen(samples).items()}
        assert got["a"] == expected["a"]
        assert layout == "images" or got["b"] == expected["b"]


def test_a_file_that_cannot_be_read_is_left_to_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = draw_set(tmp_path / "set", "folders")
    known = fingerprint(opened(root, "folders").source)
    training = opened(root, "folders")
    (root / "trainA/2.bmp").unlink()
    os.mkfifo(root / "trainA/2.bmp")  # nobody may wait for its writer
    assert changes(known, fingerprint(training.source), training.seen(COUNT)) == ""


def test_of_a_large_set_the_names_are_counted_and_some_files_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKS", 2)
    monkeypatch.setattr(module, "LISTED", 4)
    root = draw_set(tmp_path / "set", "folders")
    known = stored(fingerprint(opened(root, "folders").source), tmp_path)
    assert known["domains"]["a"]["list"] is None
    replaced(root)  # place 2 of 5 is looked into, as place 0 is
    assert "another content in 1 of 5 images, the first is number 3" in compared(known, opened(root, "folders"))
    added(root)
    assert "domain A has 6 images instead of 5, domain B has 6" in compared(known, opened(root, "folders"))
