"""Every layout is found, and every way to get one wrong is named."""

import json
from pathlib import Path

import pytest

from gan_style.datasets.sources import find
from gan_style.errors import UserError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_folders_pair_by_stem_and_not_by_suffix_or_order(tmp_path: Path) -> None:
    touch(tmp_path, "trainA/b.png", "trainA/x/a.png", "trainB/x/a.jpg", "trainB/b.tif", "trainB/notes.txt")
    source = find(tmp_path, "auto", "train", paired=True)
    assert source is not None and source.layout == "folders" and source.paired
    assert list(zip(source.a, source.b, strict=True)) == [("trainA/b.png", "trainB/b.tif"), ("trainA/x/a.png", "trainB/x/a.jpg")]
    assert source.path(source.a[0]) == tmp_path / "trainA" / "b.png"
    assert find(tmp_path, "auto", "val", paired=True) is None


def test_the_same_folders_feed_an_unpaired_method(tmp_path: Path) -> None:
    touch(tmp_path, "trainA/1.png", "trainA/2.png", "trainB/9.png")
    source = find(tmp_path, "auto", "train", paired=False)
    assert source is not None and source.layout == "unpaired" and not source.paired
    assert source.a == ("trainA/1.png", "trainA/2.png") and source.b == ("trainB/9.png",)


def test_aligned(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png", "train/sub/2.png", "val/3.png")
    for paired in (True, False):
        source = find(tmp_path, "auto", "train", paired)
        assert source is not None and source.layout == "aligned" and source.paired is paired
        assert source.a == source.b == ("train/1.png", "train/sub/2.png")
    val = find(tmp_path, "aligned", "val", paired=True)
    assert val is not None and val.a == ("val/3.png",)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_manifest(tmp_path: Path, suffix: str) -> None:
    touch(tmp_path, "in/1.png", "in/2.png", "out/1.png")
    rows = [("in/1.png", "out/1.png", ""), ("in/2.png", "out/1.png", "val"), ("gone.png", "gone.png", "test")]
    manifest = tmp_path / f"set{suffix}"
    if suffix == ".csv":
        manifest.write_text("\ufeffa,b,split\n" + "\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    else:
        keys = ("a", "b", "split")
        lines = [json.dumps({key: value for key, value in zip(keys, row, strict=True) if value}) for row in rows]
        manifest.write_text("\n".join(lines) + "\n\n")
    train = find(manifest, "auto", "train", paired=True)
    assert train is not None and (train.layout, train.a, train.b) == ("manifest", ("in/1.png",), ("out/1.png",))
    assert train.path(train.a[0]) == tmp_path / "in" / "1.png"
    val = find(manifest, "manifest", "val", paired=True)
    assert val is not None and (val.a, val.b) == (("in/2.png",), ("out/1.png",)), "a file may serve twice"


def test_unpaired_manifest_rows_may_have_one_domain(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "2.png")
    (tmp_path / "m.jsonl").write_text('{"a": "1.png"}\n{"b": "2.png"}\n')
    source = find(tmp_path / "m.jsonl", "auto", "train", paired=False)
    assert source is not None and (source.a, source.b) == (("1.png",), ("2.png",))
    with pytest.raises(UserError, match=r"m\.jsonl, line 1: has no b"):
        find(tmp_path / "m.jsonl", "auto", "train", paired=True)
    assert find(tmp_path / "m.jsonl", "auto", "val", paired=False) is None


MISTAKES = {
    "orphan": (["trainA/1.png", "trainA/2.png", "trainB/1.png"], True, r"trainA/2\.png: no file of this stem in .*trainB"),
    "orphan in B": (["trainA/1.png", "trainB/2.png", "trainB/1.png"], True, r"trainB/2\.png: no file of this stem in .*trainA"),
    "same stem twice": (["trainA/1.png", "trainA/1.jpg", "trainB/1.png"], True, r"trainA/1\.png: same stem as 1\.jpg"),
    "one folder missing": (["trainA/1.png"], True, r"trainB: no such folder"),
    "one folder missing, unpaired": (["trainB/1.png"], False, r"trainA: no such folder"),
    "empty folder": (["trainA/1.png", "trainB/readme.txt"], False, r"trainB: holds no image"),
    "empty aligned": (["train/readme.txt"], True, r"train: holds no image"),
    "no known folder": (["images/1.png"], True, r"holds neither trainA/ and trainB/ nor train/"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named(tmp_path: Path, name: str) -> None:
    files, paired, message = MISTAKES[name]
    touch(tmp_path, *files)
    with pytest.raises(UserError, match=message):
        find(tmp_path, "auto", "train", paired)


def test_many_orphans_are_counted(tmp_path: Path) -> None:
    touch(tmp_path, "trainB/0.png", *(f"trainA/{index}.png" for index in range(8)))
    with pytest.raises(UserError, match=r"trainA/1\.png.*trainA/2\.png.*trainA/3\.png.*and 4 more"):
        find(tmp_path, "folders", "train", paired=True)


def test_validation_with_one_domain_only_is_a_mistake(tmp_path: Path) -> None:
    touch(tmp_path, "trainA/1.png", "trainB/1.png", "valA/1.png")
    with pytest.raises(UserError, match="valB: no such folder"):
        find(tmp_path, "auto", "val", paired=True)


def test_layouts_that_do_not_fit(tmp_path: Path) -> None:
    touch(tmp_path, "trainA/1.png", "trainB/1.png", "list.txt", "bad.csv")
    with pytest.raises(UserError, match="needs pairs"):
        find(tmp_path, "unpaired", "train", paired=True)
    with pytest.raises(UserError, match="is a folder"):
        find(tmp_path, "manifest", "train", paired=True)
    with pytest.raises(UserError, match="is a file"):
        find(tmp_path / "bad.csv", "folders", "train", paired=True)
    with pytest.raises(UserError, match=r"list\.txt: a manifest must be"):
        find(tmp_path / "list.txt", "auto", "train", paired=True)
    with pytest.raises(UserError, match="is empty; begin it with a,b"):
        find(tmp_path / "bad.csv", "auto", "train", paired=True)
    with pytest.raises(UserError, match="no such folder or manifest"):
        find(tmp_path / "nowhere", "auto", "train", paired=True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": "../1.png", "b": "1.png"}', "leads out of the manifest's folder"),
        ('{"a": "/etc/1.png", "b": "1.png"}', "leads out of the manifest's folder"),
        ('{"a": "2.png", "b": "1.png"}', r"line 1: a = 2\.png: no such file"),
        ('{"a": 3, "b": "1.png"}', "not a path"),
        ('{"a": "1.png", "b": "1.png", "split": "trian"}', "split is 'trian'"),
        ('{"a": "1.png", ', "line 1: not JSON"),
        ('["1.png"]', "not an object"),
        ('{"a": "1.png", "b": "1.png", "split": "val"}', "no row of split train"),
    ],
)
def test_manifest_mistakes(tmp_path: Path, line: str, message: str) -> None:
    touch(tmp_path, "set/1.png", "1.png")
    manifest = tmp_path / "set" / "m.jsonl"
    manifest.write_text(line)
    with pytest.raises(UserError, match=message) as caught:
        find(manifest, "auto", "train", paired=True)
    assert str(manifest) in str(caught.value)
