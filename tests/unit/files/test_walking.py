import os
from pathlib import Path

import pytest

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


def test_a_well_is_not_followed_to_its_ground(tree: Path) -> None:
    deep = tree.joinpath(*["d"] * MAX_DEPTH)
    deep.mkdir(parents=True)
    assert len(below(tree)) == 2 + MAX_DEPTH
    (deep / "d").mkdir()
    with pytest.raises(UserError, match=f"nested more than {MAX_DEPTH} deep"):
        below(tree)
