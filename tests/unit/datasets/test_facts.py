"""What `gan-style train FOLDER` sees in a folder."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from pictures import draw, draw_classes, draw_folders
from PIL import Image

from gan_style.datasets.facts import Facts, facts_of
from gan_style.errors import UserError
from gan_style.types import Needs

SIZE = 40


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return draw_folders(tmp_path / "pairs", train=5, val=2, size=SIZE)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def photos(folder: Path, count: int = 3, first: int = 50, size: int = SIZE) -> Path:
    for number in range(first, first + count):
        save(folder / f"{number}.png", draw(number, size))
    return folder


def mistake(folder: Path, needs: Needs | None = None, method: str = "") -> str:
    with pytest.raises(UserError) as caught:
        facts_of(str(folder), needs, method)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_folders_of_equal_names_are_pairs(pairs: Path) -> None:
    facts = facts_of(str(pairs))
    assert (facts.kind, facts.root, facts.validation, facts.least, facts.side) == ("pairs", str(pairs), 2, 5, SIZE)
    assert facts.b is not None and (facts.b.width, facts.b.height, facts.b.gray, facts.b.labels) == (SIZE, SIZE, False, "no")


def test_side_by_side_files_are_pairs_of_their_halves(tmp_path: Path) -> None:
    for number in range(2):
        save(tmp_path / "train" / f"{number}.png", np.concatenate([draw(number, SIZE), draw(number + 9, SIZE)], axis=1))
    facts = facts_of(str(tmp_path))
    assert (facts.kind, facts.side) == ("pairs", SIZE)
    assert facts.b is not None and (facts.b.width, facts.b.height) == (SIZE, SIZE)


def test_pictures_in_train_that_are_no_halves_are_of_one_kind(tmp_path: Path) -> None:
    photos(tmp_path / "train")
    assert facts_of(str(tmp_path)).kind == "images"


def test_other_names_are_two_domains(pairs: Path) -> None:
    for path in [*(pairs / "trainB").iterdir(), *(pairs / "valB").iterdir()]:
        path.rename(path.with_name(f"b{path.name}"))
    facts = facts_of(str(pairs))
    assert (facts.kind, facts.validation) == ("domains", 2)


def test_equal_names_of_other_sizes_are_two_domains(pairs: Path) -> None:
    for split in ("train", "val"):
        for path in (pairs / f"{split}B").iterdir():
            save(path, draw(1, SIZE + 8))
    facts = facts_of(str(pairs))
    assert facts.kind == "domains" and "40 x 40, its partner 48 x 48" in facts.why


def test_two_plain_folders_are_two_domains(tmp_path: Path) -> None:
    photos(tmp_path / "zebras", 3, 10)
    photos(tmp_path / "horses", 4, 20)
    facts = facts_of(str(tmp_path))
    assert (facts.kind, facts.root, facts.root_b) == ("domains", str(tmp_path / "horses"), str(tmp_path / "zebras"))
    assert facts.b is not None and (facts.a.images, facts.b.images) == (4, 3)


def test_folders_in_train_are_classes(tmp_path: Path) -> None:
    facts = facts_of(str(draw_classes(tmp_path, train=3, val=2)))
    assert (facts.kind, facts.names, facts.a.images, facts.b, facts.validation) == ("classes", ("blue", "green", "red"), 9, None, 6)


@pytest.mark.parametrize("place", ["photos", "trainA", "train"])
def test_a_folder_of_styles_beside_photographs(place: str, tmp_path: Path) -> None:
    photos(tmp_path / place)
    photos(tmp_path / "styles", 2, 1)
    facts = facts_of(str(tmp_path))
    assert (facts.kind, facts.a.images, facts.b) == ("styles", 3, None)
    assert facts.root == str(tmp_path / "photos" if place == "photos" else tmp_path)
    assert facts.styles == tuple(str(tmp_path / "styles" / f"{number}.png") for number in (1, 2))


@pytest.mark.parametrize("place", ["", "faces", "train/faces"])
def test_other_images_are_of_one_kind(place: str, tmp_path: Path) -> None:
    photos(tmp_path / place)
    facts = facts_of(str(tmp_path))
    assert (facts.kind, facts.a.images, facts.validation) == ("images", 3, 0)


def test_the_looks_of_the_images(pairs: Path) -> None:
    for split in ("train", "val"):
        for number, path in enumerate(sorted((pairs / f"{split}A").iterdir())):
            save(path, (np.kron(draw(number, 5)[..., 0] // 200, np.ones((8, 8))) * 90).astype(np.uint8))
            save(pairs / f"{split}B" / path.name, draw(number, SIZE)[..., 0].astype(np.uint16) * 257)
    facts = facts_of(str(pairs))
    assert (facts.a.gray, facts.a.depth, facts.a.labels, facts.a.classes) == (True, 8, "colours", 2)
    assert facts.b is not None and (facts.b.gray, facts.b.depth, facts.b.labels) == (True, 16, "no")


def test_a_palette_makes_label_maps(pairs: Path) -> None:
    for split in ("train", "val"):
        for path in (pairs / f"{split}A").iterdir():
            Image.fromarray(draw(1, SIZE)).convert("P", palette=Image.Palette.ADAPTIVE, colors=4).save(path)
    assert facts_of(str(pairs)).a.labels == "palette"


def test_lines_on_a_ground_are_no_label_maps(pairs: Path) -> None:
    for split in ("train", "val"):
        for path in (pairs / f"{split}A").iterdir():
            page = np.full((SIZE, SIZE), 255, np.uint8)
            page[::10] = 0
            save(path, page)
    assert facts_of(str(pairs)).a.labels == "no"


def test_a_method_that_is_named_reads_what_it_needs(pairs: Path) -> None:
    kinds = {needs: facts_of(str(pairs), needs, "x").kind for needs in ("pairs", "domains", "images", "labelled images")}  # type: ignore[arg-type]
    assert kinds == {"pairs": "pairs", "domains": "domains", "images": "images", "labelled images": "classes"}
    assert facts_of(str(pairs), "images", "gan").b is None


def test_a_second_root_is_domain_b(tmp_path: Path) -> None:
    facts = facts_of(str(photos(tmp_path / "a")), None, "", str(photos(tmp_path / "b", 2)))
    assert (facts.kind, facts.root_b) == ("domains", str(tmp_path / "b"))
    assert facts.b is not None and facts.b.images == 2


def test_folders_that_cannot_be_trained_on_say_why(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no image; check the path" in mistake(tmp_path / "empty")
    assert "did you mean data.root=" in mistake(tmp_path)
    shutil.rmtree(pairs / "trainB")
    assert "trainB: no such folder" in mistake(pairs)
    for name in ("one", "two", "three"):
        photos(tmp_path / "many" / name)
    assert "one/, three/, two/; if they are classes, put them into" in mistake(tmp_path / "many")
    for name in ("maybe/edges", "maybe/shoes", "styled/styles", "styled/a", "styled/b"):
        photos(tmp_path / name)
    assert "if they are pairs, call the folders trainA/ (the inputs) and trainB/" in mistake(tmp_path / "maybe")
    assert "into one folder beside it, such as photos/" in mistake(tmp_path / "styled")
    assert "it holds images of one kind, and pix2pix needs pairs" in mistake(photos(tmp_path / "one"), "pairs", "pix2pix")


def test_a_broken_image_is_named(pairs: Path) -> None:
    (pairs / "trainA/000.png").write_bytes(b"no picture")
    assert "trainA/000.png" in mistake(pairs)


def test_orphans_among_pairs_are_named(pairs: Path) -> None:
    (pairs / "trainB/000.png").unlink()
    assert "trainA/000.png: no file of this stem" in mistake(pairs)
    assert isinstance(facts_of(str(pairs), "domains", "cyclegan"), Facts)
