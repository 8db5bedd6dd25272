"""Layouts into one another and back."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gan_style.datasets.convert import combine, split_files, split_pairs
from gan_style.errors import UserError
from gan_style.files import images

Writer = Callable[..., None]


def names(root: Path) -> list[str]:
    return [path.as_posix() for path in images.find_images(root)]


def test_combine_then_split_gives_the_pairs_back(tmp_path: Path, write_pairs: Writer) -> None:
    write_pairs(tmp_path / "two", "train", 3)
    write_pairs(tmp_path / "two", "val", 1)
    deep = np.full((24, 32, 1), 4321, np.uint16)
    images.write(tmp_path / "two" / "trainA" / "sub" / "deep.tif", deep)
    images.write(tmp_path / "two" / "trainB" / "sub" / "deep.png", np.full((24, 32, 3), 200, np.uint8))
    assert combine(tmp_path / "two", tmp_path / "one") == 5
    assert names(tmp_path / "one") == ["train/s0.png", "train/s1.png", "train/s2.png", "train/sub/deep.png", "val/s0.png"]
    assert split_pairs(tmp_path / "one", tmp_path / "back") == 5
    for name in names(tmp_path / "two"):
        if "deep" not in name:
            np.testing.assert_array_equal(images.read(tmp_path / "back" / name, 3).pixels, images.read(tmp_path / "two" / name, 3).pixels)
    assert (images.read(tmp_path / "back" / "trainA" / "sub" / "deep.png", 1).pixels == 4321).all()
    assert (images.read(tmp_path / "back" / "trainB" / "sub" / "deep.png", 3).pixels == 200 * 257).all()


def test_combine_refuses_orphans_sizes_and_existing_outputs_before_writing(tmp_path: Path, write_pairs: Writer) -> None:
    root, output = tmp_path / "two", tmp_path / "one"
    write_pairs(root, "train", 2)
    images.write(output / "train" / "s1.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(UserError, match=r"train/s1\.png: exists already .*--overwrite"):
        combine(root, output)
    assert names(output) == ["train/s1.png"], "nothing was written"
    assert combine(root, output, overwrite=True) == 2
    assert images.probe(output / "train" / "s1.png").width == 64
    images.write(root / "trainB" / "s1.png", np.zeros((24, 20, 3), np.uint8))
    with pytest.raises(UserError, match=r"32 x 24, its partner .* is 20 x 24"):
        combine(root, tmp_path / "other")
    (root / "trainB" / "s1.png").unlink()
    with pytest.raises(UserError, match="no file of this stem"):
        combine(root, tmp_path / "third")


def test_split_pairs_refuses_two_files_for_one_target(tmp_path: Path) -> None:
    for suffix in ("png", "bmp"):
        images.write(tmp_path / "train" / f"x.{suffix}", np.zeros((2, 4, 3), np.uint8))
    with pytest.raises(UserError, match="same stem"):
        split_pairs(tmp_path, tmp_path / "out")


def test_split_files_is_deterministic_and_alike_for_two_domains(tmp_path: Path) -> None:
    for index in range(20):
        for folder, suffix in (("a", "png"), ("b", "bmp")):
            images.write(tmp_path / folder / f"n{index}.{suffix}", np.full((2, 2, 3), index, np.uint8))
    assert split_files(tmp_path / "a", tmp_path / "out", Fraction("0.25"), "A") == (15, 5)
    assert split_files(tmp_path / "b", tmp_path / "out", Fraction("0.25"), "B") == (15, 5)

    def stems(folder: str) -> list[str]:
        return [Path(name).stem for name in names(tmp_path / "out" / folder)]

    assert stems("valA") == stems("valB") and stems("trainA") == stems("trainB")
    assert sorted(stems("valA") + stems("trainA")) == sorted(f"n{index}" for index in range(20))
    example = stems("valA")[0]
    assert (tmp_path / "out" / "valA" / f"{example}.png").read_bytes() == (tmp_path / "a" / f"{example}.png").read_bytes()
    held_out = {tuple(stems("valA"))}
    for seed in (1, 2, 3):
        split_files(tmp_path / "a", tmp_path / "out", Fraction("0.25"), f"x{seed}", seed)
        held_out.add(tuple(stems(f"valx{seed}")))
    assert len(held_out) > 1, "another seed holds out other files"


def test_split_files_leaves_one_on_each_side(tmp_path: Path) -> None:
    images.write(tmp_path / "in" / "1.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(UserError, match="split needs two or more"):
        split_files(tmp_path / "in", tmp_path / "out", Fraction("0.5"))
    images.write(tmp_path / "in" / "2.png", np.zeros((2, 2, 3), np.uint8))
    assert split_files(tmp_path / "in", tmp_path / "out", Fraction("0.01")) == (1, 1)
    with pytest.raises(UserError, match="exists already"):
        split_files(tmp_path / "in", tmp_path / "out", Fraction("0.01"))
