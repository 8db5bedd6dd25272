"""A kept list is used while nothing has changed, and never where anything has or is wrong with it."""

import hashlib
import os
import pickle
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gan_style.datasets import index, listing, sources
from gan_style.datasets.index import Index, index_folder
from gan_style.datasets.keys import Keys
from gan_style.datasets.layouts import split_folders
from gan_style.datasets.sources import find, survey_split
from gan_style.datasets.survey import Layout, Source
from gan_style.errors import UserError

FILES = ("trainA/a.png", "trainA/sub/b c.png", "trainA/sub/deep/d.png", "trainB/a.jpg", "trainB/sub/b c.png", "trainB/sub/deep/d.tif")


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    time.sleep(0.02)  # some ticks of the file system's clock


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lists are kept here, however short and young their folders are."""
    monkeypatch.setenv("GAN_STYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "SMALLEST", 1)
    monkeypatch.setattr(listing, "SETTLED", 0)
    return tmp_path / "cache"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    touch(root, *FILES, *(name.replace("trainA", "train") for name in FILES[:3]))
    rows = "\n".join(f"{a},{b}" for a, b in zip(FILES[:3], FILES[3:], strict=True))
    (root / "list.csv").write_text(f"a,b\n{rows}\n")
    time.sleep(0.02)
    return root


def kept(root: Path, layout: Layout, paired: bool) -> Source | None:
    folders = None if layout == "manifest" else split_folders(root, layout, "train")
    return Index(root, layout, "train", paired, folders).load()


KINDS: list[tuple[Layout, str, bool]] = [
    ("aligned", "", True),
    ("aligned", "", False),
    ("folders", "", True),
    ("unpaired", "", False),
    ("manifest", "list.csv", True),
    ("manifest", "list.csv", False),
]


@pytest.mark.parametrize(("layout", "name", "paired"), KINDS)
def test_what_is_kept_is_what_was_found(
    cache: Path, data: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout, name: str, paired: bool
) -> None:
    root = data / name
    assert kept(root, layout, paired) is None
    found = find(root, layout, "train", paired)
    assert found is not None and len(found.a) == 3 and found == survey_split(root, layout, "train", paired).source
    monkeypatch.setattr(sources, "_survey", lambda *_: pytest.fail("the folders were walked again"))
    assert find(root, layout, "train", paired) == found == kept(root, layout, paired)
    assert [path.suffix for path in cache.iterdir()] == [".index"], "no temporary file is left"


def test_a_relative_root_shares_the_list(cache: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    assert find(Path(data.name), "folders", "train", True) is not None
    monkeypatch.chdir("/")
    assert kept(data, "folders", True) is not None


def test_each_split_and_use_has_its_own(cache: Path, data: Path) -> None:
    touch(data, "valA/v.png", "valB/v.png")
    (data.parent / "link").symlink_to(data)
    for root in (data, data.parent / "link"):
        found = [find(root, "auto", "train", True), find(root, "auto", "train", False), find(root, "auto", "val", True)]
        assert [len(source.a) if source else 0 for source in found] == [3, 3, 1]
        assert all(source and source.path(source.a[0]).is_relative_to(root) for source in found)
        assert len(list(cache.iterdir())) == 3, "two names of one folder share a list"


def rename(root: Path) -> None:
    (root / "trainA/sub/deep/d.png").rename(root / "trainA/sub/deep/e.png")
    (root / "trainB/sub/deep/d.tif").rename(root / "trainB/sub/deep/e.tif")


def set_mtime_back(root: Path) -> None:
    for folder in ("trainA", "trainB"):
        before = (root / folder).stat()
        (root / folder / "new.png").touch()
        os.utime(root / folder, ns=(before.st_atime_ns, before.st_mtime_ns))


def other_folder(root: Path) -> None:
    for domain in "AB":
        (root / f"train{domain}/sub").rename(root / f"old{domain}")
        touch(root, f"train{domain}/sub/z.png")


CHANGES: dict[str, Callable[[Path], None]] = {
    "added": lambda root: touch(root, "trainA/sub/deep/new.png", "trainB/sub/deep/new.png"),
    "added in a new folder": lambda root: touch(root, "trainA/new/1.png", "trainB/new/1.png"),
    "added, mtime set back": set_mtime_back,
    "removed": lambda root: [(root / name).unlink() for name in ("trainA/a.png", "trainB/a.jpg")] and None,
    "renamed": rename,
    "folder replaced": other_folder,
    "folder removed": lambda root: [shutil.rmtree(root / name) for name in ("trainA/sub", "trainB/sub")] and None,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_a_new_list(cache: Path, data: Path, change: str) -> None:
    before = find(data, "folders", "train", True)
    assert kept(data, "folders", True) is not None
    CHANGES[change](data)
    assert kept(data, "folders", True) is None
    after = find(data, "folders", "train", True)
    assert after is not None and before is not None and after.a != before.a
    assert len(after.a) == len(list((data / "trainA").rglob("*.png")))


def test_a_kept_list_of_what_is_gone_is_no_help(cache: Path, data: Path) -> None:
    assert find(data, "folders", "train", True) is not None
    for domain in "AB":
        shutil.rmtree(data / f"train{domain}")
    with pytest.raises(UserError, match="trainA: no such folder"):
        find(data, "folders", "train", True)


def test_a_changed_manifest_or_folder_of_it_makes_a_new_list(cache: Path, data: Path) -> None:
    manifest = data / "list.csv"
    assert find(manifest, "auto", "train", True) is not None and kept(manifest, "manifest", True) is not None
    manifest.write_text(manifest.read_text().replace("a,b", "b,a"))
    found = find(manifest, "auto", "train", True)
    assert found is not None and found.a == FILES[3:]
    assert kept(manifest, "manifest", True) is not None
    (data / "trainA/sub/b c.png").unlink()
    with pytest.raises(UserError, match=r"line 3: b = trainA/sub/b c\.png: no such file"):
        find(manifest, "auto", "train", True)
    manifest.write_text("a,b\ntrainA/a.png,trainB/a.jpg\n")
    found = find(manifest, "auto", "train", True)
    assert found is not None and found.a == ("trainA/a.png",)


def test_folders_that_changed_just_now_are_not_vouched_for(cache: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second change in the same tick of the clock would leave the same stamp."""
    monkeypatch.setattr(listing, "SETTLED", 60 * 10**9)
    assert find(data, "folders", "train", True) is not None and not cache.exists()


def test_links_that_may_be_turned_are_not_vouched_for(cache: Path, data: Path) -> None:
    (data / "trainA" / "later").symlink_to("not there yet")
    assert find(data, "folders", "train", True) is not None and not cache.exists()
    (data / "trainB" / "sub" / "inside.png").symlink_to(data / "trainA" / "a.png")
    (data / "list.csv").write_text("a,b\ntrainA/a.png,trainB/sub/inside.png\n")
    assert find(data / "list.csv", "auto", "train", True) is not None and not cache.exists()


def test_a_short_list_is_not_kept(cache: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SMALLEST", 4)
    assert find(data, "folders", "train", True) is not None and not cache.exists()
    monkeypatch.setattr(index, "SMALLEST", 3)
    assert find(data, "folders", "train", True) is not None and cache.exists()


def test_no_place_for_files_is_no_mistake(cache: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.touch()  # where a folder should be
    with pytest.warns(UserWarning, match="the list of files cannot be kept"):
        found = find(data, "folders", "train", True)
    assert found is not None and found.a == FILES[:3]
    monkeypatch.setattr(index, "index_folder", lambda: None)
    assert find(data, "folders", "train", True) == found


def test_where_lists_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", "/one")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    monkeypatch.setenv("HOME", "/three")
    assert index_folder() == Path("/one")
    monkeypatch.delenv("GAN_STYLE_CACHE")
    assert index_folder() == Path("/two/gan_style/index")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert index_folder() == Path("/three/.cache/gan_style/index")

    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    assert index_folder() is None


def test_a_damaged_file_is_made_anew(cache: Path, data: Path) -> None:
    found = find(data, "folders", "train", True)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    draw = random.Random(0)
    damaged = [whole[:length] for length in (0, 1, 15, 16, 47, 48, 79, 80, 127, 128, len(whole) - 1)]
    damaged += [whole + b"x", b"x" * len(whole), os.urandom(500)]
    for _ in range(50):
        place = draw.randrange(len(whole))
        damaged.append(whole[:place] + bytes([whole[place] ^ (1 << draw.randrange(8))]) + whole[place + 1 :])
    for content in damaged:
        path.unlink()  # written over in place, it would change in the memory of those who have it mapped
        path.write_bytes(content)
        assert kept(data, "folders", True) is None
    assert find(data, "folders", "train", True) == found and path.read_bytes() == whole


def keys(text: bytes, *ends: int) -> Keys:
    return Keys(np.frombuffer(text, np.uint8), np.array(ends, np.int64))


@pytest.mark.parametrize(
    "wrong",
    [
        keys(b"abcd", 1, 2, 3),
        keys(b"abcd", 1, 2, 5),
        keys(b"abcd", 3, 1, 4),
        keys(b"abcd", -1, 2, 4),
        keys(b"abcd", 2**62, -(2**62), 4),
        keys(b"x"),
    ],
)
def test_a_file_with_places_outside_its_text_is_not_believed(cache: Path, data: Path, wrong: Keys) -> None:
    """Whoever wrote it could make a checksum as well."""
    entry = Index(data, "folders", "train", True, ("trainA", "trainB"))
    assert entry.path is not None
    right, none = keys(b"abcd", 1, 2, 4), Keys.of(())
    index._write(entry.path, entry.subject, np.zeros(0, np.int64), (none, right, right, none))
    assert entry.load() is not None
    for lists in ((none, wrong, right, none), (none, right, wrong, none), (none, right, right, wrong)):
        index._write(entry.path, entry.subject, np.zeros(0, np.int64), lists)
        assert entry.load() is None
    index._write(entry.path, entry.subject, np.zeros(2, np.int64), (none, right, right, none))
    assert entry.load() is None, "stamps without folders"
    sizes = np.array([-2, 0, 0, 67, 0, 0, 0, 0])  # eight bytes each for -2 folders and their -6 numbers, and 67 of text: three bytes
    body = entry.subject + sizes.tobytes() + bytes(3)
    entry.path.write_bytes(index._MAGIC + hashlib.sha256(body).digest() + body)
    assert entry.load() is None, "fewer than none"
    index._write(entry.path, entry.subject, np.zeros(3, np.int64), (keys(b"\0", 1), right, right, none))
    assert entry.load() is None, "a folder of a name that no folder can have"


@pytest.mark.parametrize("line", [b"", b"12", b"x .txt\0a.txt", b"9 .txt", b"-1 .txt\0a", b"1" * 30 + b" .txt\0a"])
def test_counts_that_are_none_are_passed_over(cache: Path, data: Path, line: bytes) -> None:
    entry = Index(data, "folders", "train", True, ("trainA", "trainB"))
    assert entry.path is not None
    right, none = keys(b"abcd", 1, 2, 4), Keys.of(())
    lines = keys(line + b"7 .csv\0x.csv", len(line), len(line) + 12)
    index._write(entry.path, entry.subject, np.zeros(0, np.int64), (none, right, right, lines))
    source = entry.load()
    assert source is not None and source.left_out.words() == "7 .csv"


def test_a_list_for_something_else_is_not_believed(cache: Path, data: Path) -> None:
    find(data, "folders", "train", True)
    find(data, "unpaired", "train", False)
    one, other = cache.iterdir()
    one.write_bytes(other.read_bytes())
    assert (kept(data, "folders", True) is None) != (kept(data, "unpaired", False) is None)


def test_what_is_sent_to_another_process_maps_the_same_file(cache: Path, data: Path) -> None:
    touch(data, *(f"train{domain}/{number:0100d}.png" for number in range(50) for domain in "AB"))
    source = find(data, "folders", "train", True)
    assert source is not None and len(pickle.dumps(source.a)) < 500 < len(source.a) * 100
    sent = pickle.dumps(source)
    received = pickle.loads(sent)
    assert received.a is not source.a and (list(received.a), list(received.b)) == (list(source.a), list(source.b))
    touch(data, "trainA/more.png", "trainB/more.png")
    find(data, "folders", "train", True)
    with pytest.raises(UserError, match=r"\.index: the list of files was replaced"):
        pickle.loads(sent)
    assert source.a[-1] == "trainA/sub/deep/d.png", "who has it mapped keeps it"
