import os
import shutil
import sys
from pathlib import Path

import pytest

from gan_style.datasets.sources import find
from gan_style.errors import UserError
from gan_style.files.images import find_images
from gan_style.files.walking import MAX_DEPTH, walk


def below(root: Path, **options: bool) -> dict[str, list[str]]:
    return {Path(folder).relative_to(root).as_posix(): names for folder, _, names in walk(root, **options)}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """b, a/z, a/y and, behind a dot, what nobody asks for."""
    for name in ("b", "a/z", "a/y", ".cache/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_each_folder_is_entered_once(tree: Path) -> None:
    (tree / "a" / "back").symlink_to(tree)
    (tree / "c").symlink_to(tree / "a")
    assert below(tree) == {".": ["b"], "a": ["y", "z"]}
    assert [real for _, real, _ in walk(tree / "c")] == [tree / "a", tree]
    assert list(walk(tree, {tree / "a"})) == [(str(tree), tree, ["b"])]


def test_a_folder_that_cannot_be_read_is_named_or_passed_over(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def scandir(folder: str) -> object:
        if Path(folder).name == "a":
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    for search in (below, find_images):
        with pytest.raises(UserError, match=r"/a: cannot be read \(Permission denied\); check its permissions"):
            search(tree)
    assert below(tree, patient=True) == {".": ["b"]}
    assert below(tree / "b", patient=True) == {}


def nest(root: Path, names: list[str]) -> Path:
    """Make folders in one another, deeper than a path may be long; the first of them."""
    place = os.open(root, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=place)
        deeper = os.open(name, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = deeper
    os.close(place)
    return root / names[0]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems bound paths elsewhere")
def test_a_path_longer_than_the_system_allows_is_one_line(tmp_path: Path) -> None:
    folder = nest(tmp_path, ["train", *["d" * 250] * 20])
    try:
        (folder / "1.png").touch()
        with pytest.raises(UserError, match=r"cannot be read \(File name too long\)"):
            find_images(tmp_path)
        with pytest.raises(UserError, match=r"cannot be listed \(File name too long\)") as told:
            find(tmp_path, "aligned", "train", paired=True)
        assert "\n" not in str(told.value) and len(str(told.value)) < 1000
    finally:
        shutil.rmtree(folder)


def test_a_well_is_not_followed_to_its_ground(tree: Path) -> None:
    deep = tree.joinpath(*["d"] * MAX_DEPTH)
    deep.mkdir(parents=True)
    assert len(below(tree)) == 2 + MAX_DEPTH
    (deep / "d").mkdir()
    with pytest.raises(UserError, match=f"nested more than {MAX_DEPTH} deep"):
        below(tree)
