"""Folders are walked in a fixed order, whatever their names and links."""

import os
import random
from pathlib import Path

import pytest

from gan_style.datasets import survey
from gan_style.datasets.sources import find, survey_split
from gan_style.errors import UserError
from gan_style.files import images


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_is_that_of_the_whole_paths(tmp_path: Path, seed: int) -> None:
    """Folders are read one by one, yet the order is the one of all paths sorted at once; a run that goes on depends on it."""
    draw = random.Random(seed)
    for _ in range(60):
        parts = [draw.choice("aB") + "".join(draw.choices("a.-~+ é雪", k=draw.randint(0, 2))) for _ in range(draw.randint(1, 4))]
        touch(
            tmp_path, f"train/{'/'.join(parts)}.png", *(f"train{domain}/{'/'.join(parts)}.{draw.choice(('png', 'JPG'))}" for domain in "AB")
        )
    source = find(tmp_path, "aligned", "train", paired=True)
    assert source is not None and list(source.a) == sorted(source.a) and source.b is source.a
    assert list(source.a) == [f"train/{path.as_posix()}" for path in images.find_images(tmp_path / "train")]
    unpaired = find(tmp_path, "unpaired", "train", paired=False)
    assert unpaired is not None and list(unpaired.a) == sorted(unpaired.a) and list(unpaired.b) == sorted(unpaired.b)
    survey = survey_split(tmp_path, "folders", "train", paired=True)
    assert survey.source is not None and all("same stem" in line for line in survey.problems.lines)
    for keys in (survey.source.a, survey.source.b):
        stems = [key.rpartition(".")[0] for key in keys]
        assert stems == sorted(stems) and len(stems) > 30
    assert [key[6:].rpartition(".")[0] for key in survey.source.a] == [key[6:].rpartition(".")[0] for key in survey.source.b]


def test_every_name_a_file_can_have(tmp_path: Path) -> None:
    names = [b"a b.png", b"two\nlines.png", b"\xff\xfe.png", "née.png".encode(), b"quote'\".png", b"back\\slash.png", b"x..png"]
    for domain in ("trainA", "trainB"):
        (tmp_path / domain).mkdir()
        for name in names:
            (tmp_path / domain / os.fsdecode(name)).write_bytes(name)
    touch(tmp_path, "trainA/.hidden.png", "trainA/.hidden/1.png", "trainA/png", "trainA/note.txt")
    source = find(tmp_path, "folders", "train", paired=True)
    assert source is not None and len(source.a) == len(names)
    assert {source.path(key).read_bytes() for key in source.a} == {source.path(key).read_bytes() for key in source.b} == set(names)


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png", "train/sub/2.png", "elsewhere/3.png", "elsewhere/deep/4.png", "other.png")
    (tmp_path / "train" / "up").symlink_to(tmp_path / "train")
    (tmp_path / "train" / "sub" / "up").symlink_to("..")
    (tmp_path / "train" / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "train" / "out2").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "train" / "itself").symlink_to("itself")
    (tmp_path / "train" / "nowhere").symlink_to("gone")
    (tmp_path / "train" / "5.png").symlink_to(tmp_path / "other.png")
    source = find(tmp_path, "aligned", "train", paired=True)
    assert source is not None
    assert source.a == ("train/1.png", "train/5.png", "train/out/3.png", "train/out/deep/4.png", "train/sub/2.png")


@pytest.mark.parametrize("target", ["gone", "1.png"])
def test_a_broken_link_with_the_name_of_an_image_is_named(tmp_path: Path, target: str) -> None:
    touch(tmp_path, "train/2.png")
    (tmp_path / "train" / "1.png").symlink_to(target)
    with pytest.raises(UserError, match=r"train/1\.png: is no file"):
        find(tmp_path, "aligned", "train", paired=True)


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    touch(tmp_path, "train/2.png")
    os.mkfifo(tmp_path / "train" / "1.png")
    with pytest.raises(UserError, match=r"train/1\.png: is no file"):
        find(tmp_path, "aligned", "train", paired=True)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "train/1.png", "train/secret/2.png")
    scandir = os.scandir

    def refuse(folder: Path) -> object:
        if Path(folder).name == "secret":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match=r"train/secret: cannot be listed \(Permission denied\)"):
        find(tmp_path, "aligned", "train", paired=True)


def test_a_tree_deeper_than_the_stack(tmp_path: Path) -> None:
    folders = [tmp_path / "train"]
    folders[0].mkdir()
    while len(folders) < 1200:
        folders.append(folders[-1] / "d")
        folders[-1].mkdir()
    (folders[-1] / "1.png").touch()
    try:
        source = find(tmp_path, "aligned", "train", paired=True)
        assert source is not None and source.a == (f"train/{'d/' * 1199}1.png",)
    finally:  # pytest's own cleaning would recurse
        (folders[-1] / "1.png").unlink()
        for folder in reversed(folders):
            folder.rmdir()


def test_all_problems_are_counted_and_some_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey.Problems, "KEPT", 4)
    touch(tmp_path, "trainB/x.png", "trainB/same.png", "trainA/same.png", *(f"trainA/{number}.png" for number in range(9)))
    problems = survey_split(tmp_path, "folders", "train", paired=True).problems
    assert len(problems) == 10 and len(problems.lines) == 4
    with pytest.raises(UserError, match="and 7 more"):
        find(tmp_path, "folders", "train", paired=True)


@pytest.mark.parametrize(("same", "others"), [(0, 1), (0, 9), (1, 10), (2, 30)])
def test_domains_in_which_hardly_any_stem_agrees_are_no_pairs(tmp_path: Path, same: int, others: int) -> None:
    touch(tmp_path, *(f"train{domain}/{number}.png" for domain in "AB" for number in range(same)))
    touch(tmp_path, *(f"train{domain}/{domain}{number}.png" for domain in "AB" for number in range(others)))
    touch(tmp_path, *(f"trainA/more{number}.png" for number in range(50)))
    found = survey_split(tmp_path, "folders", "train", paired=True)
    assert found.problems.lines == []
    assert f"has {same} pair" in found.no_pairs and f"in trainA/ and {same + others} in trainB/" in found.no_pairs
    assert f"trainA/A0.png: no file of this stem in {tmp_path}/trainB" in found.no_pairs
    with pytest.raises(UserError, match=rf"^{tmp_path}: has {same} pairs? .*cyclegan or cut \(configs/cyclegan.yaml\)"):
        find(tmp_path, "auto", "train", paired=True)
    assert find(tmp_path, "auto", "train", paired=False) is not None


def test_one_in_ten_that_agrees_makes_each_other_a_problem(tmp_path: Path) -> None:
    touch(
        tmp_path, "trainA/same.png", "trainB/same.png", *(f"train{domain}/{domain}{number}.png" for domain in "AB" for number in range(9))
    )
    found = survey_split(tmp_path, "folders", "train", paired=True)
    assert len(found.problems) == 18 and not found.no_pairs


def test_a_folder_that_is_a_problem_is_told_before_the_pairs_that_it_lacks(tmp_path: Path) -> None:
    touch(tmp_path, "trainA/1.png", "trainB/2.png")
    (tmp_path / "trainB" / "1.png").symlink_to("gone")
    with pytest.raises(UserError, match=r"trainB/1\.png: is no file"):
        find(tmp_path, "folders", "train", paired=True)


def test_a_missing_folder_explains_why_nothing_has_a_partner(tmp_path: Path) -> None:
    touch(tmp_path, *(f"trainA/{number}.png" for number in range(9)))
    assert survey_split(tmp_path, "folders", "train", paired=True).problems.lines == [f"{tmp_path}/trainB: no such folder"]


def test_a_long_or_odd_name_makes_one_short_line(tmp_path: Path) -> None:
    touch(tmp_path, f"trainA/{'x' * 200}/{'y' * 200}\n.png", "trainB/1.png", "trainA/1.png")
    (line,) = survey_split(tmp_path, "folders", "train", paired=True).problems.lines
    assert line.isprintable() and len(line) < 300 + len(str(tmp_path)) + 100
