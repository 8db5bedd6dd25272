"""Methods that need images of one domain, and content and styles from two folders."""

import shutil
from pathlib import Path

import pytest
from pictures import draw_folders

from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import open_dataset
from gan_style.datasets.survey import TwoFolders
from gan_style.errors import UserError

SIZES = {"load_size": 16, "crop_size": 16}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return draw_folders(tmp_path / "data", train=4, val=2)


def keys(root: Path, **settings: str) -> set[str]:
    dataset = open_dataset(DataConfig(root=str(root), **SIZES, **settings), "train", "images", 0)  # type: ignore[arg-type]
    return {dataset[number, 0].keys["a"] for number in range(len(dataset))}


def test_domain_a_of_a_set_of_two(data: Path) -> None:
    assert keys(data) == {f"trainA/00{number}.png" for number in range(4)}
    validation = open_dataset(DataConfig(root=str(data), **SIZES), "val", "images", 0)
    assert validation is not None
    assert (validation.len_a, validation.paired) == (2, False)


def test_a_plain_folder_of_images(data: Path, tmp_path: Path) -> None:
    config = DataConfig(root=str(data / "trainB"), **SIZES)
    dataset = open_dataset(config, "train", "images", 0)
    assert dataset.describe() == "4 images"
    sample = dataset[5, 1]
    assert sample.images.keys() == {"a"}
    assert (sample.slot, sample.number) == (1, 5)
    assert open_dataset(config, "val", "images", 0) is None
    shutil.move(data / "trainB", tmp_path / "one" / "train")
    assert keys(tmp_path / "one") == {f"train/00{number}.png" for number in range(4)}


def test_what_is_no_folder_is_said(data: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("a,b\n")
    for root in (tmp_path / "none", tmp_path / "list.csv"):
        with pytest.raises(UserError, match="reads one folder of images"):
            keys(root)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no image"):
        keys(tmp_path / "empty")


def test_content_and_styles_from_two_folders(data: Path, tmp_path: Path) -> None:
    styles = tmp_path / "styles"
    shutil.copytree(data / "valB", styles)
    config = DataConfig(root=str(data), root_b=str(styles), **SIZES)
    dataset = open_dataset(config, "train", "domains", 0)
    assert isinstance(dataset.source, TwoFolders)
    samples = [dataset[number, 0] for number in range(8)]
    assert {sample.keys["a"] for sample in samples} == {f"trainA/00{number}.png" for number in range(4)}
    assert {sample.keys["b"] for sample in samples} == {"000.png", "001.png"}
    validation = open_dataset(config, "val", "domains", 0)  # the styles have no validation pictures of their own
    assert validation is not None
    assert (validation.len_a, validation.len_b) == (2, 2)
    assert validation.read_b(1)[0].shape == (3, 16, 16)


def test_two_folders_are_for_two_unpaired_domains(data: Path) -> None:
    config = DataConfig(root=str(data), root_b=str(data / "valB"), **SIZES)
    for needs in ("pairs", "images", "labelled images"):
        with pytest.raises(UserError, match=r"data\.root_b: is for methods of two unpaired domains"):
            open_dataset(config, "train", needs, 0)
