"""Masks that are all empty are told before they leave a training without its losses and a measurement without a number."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from pictures import draw_folders, draw_masks
from PIL import Image

from gan_style.config.schema import DataConfig
from gan_style.datasets import empty_masks
from gan_style.datasets.dataset import open_dataset
from gan_style.errors import UserError
from gan_style.types import Needs


@pytest.fixture
def masked(tmp_path: Path) -> Path:
    return draw_masks(draw_folders(tmp_path / "set", train=4))


def empty(folder: Path, count: int) -> None:
    for path in sorted(folder.glob("*.png"))[:count]:
        Image.fromarray(np.zeros_like(Image.open(path))).save(path)


def opened(root: Path, split: str, needs: Needs = "pairs", **keys: str) -> None:
    open_dataset(DataConfig.model_validate({"root": str(root), **keys}), split, needs, 0)  # type: ignore[call-overload]


@pytest.mark.parametrize("split", ["train", "val"])
def test_masks_that_are_all_empty_are_an_error(split: str, masked: Path) -> None:
    empty(masked / f"{split}Mask", 100)
    with pytest.raises(UserError, match=rf"set: all masks of split {split} are empty, such as .*/{split}Mask/000\.png; give the pixels"):
        opened(masked, split)
    opened(masked, split, mask="off")


def test_one_mask_with_a_pixel_inside_is_enough(masked: Path) -> None:
    empty(masked / "trainMask", 3)
    opened(masked, "train")


def test_unpaired_domains_have_masks_of_their_own(masked: Path) -> None:
    for path in sorted(masked.glob("trainB/*.png")):
        path.rename(path.with_name(f"b{path.name}"))
        Image.fromarray(np.zeros((24, 24), np.uint8)).save(masked / f"trainMask/b{path.name}")
    with pytest.raises(UserError, match=r"all masks of split train for domain B are empty, such as .*/trainMask/b000\.png"):
        opened(masked, "train", "domains", source="unpaired")


def test_where_not_all_were_looked_at_it_is_a_warning(masked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(empty_masks, "LOOKED_AT", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened(masked, "train")
    empty(masked / "trainMask", 3)
    with pytest.warns(UserWarning, match="2 masks of split train that were looked at are empty"):
        opened(masked, "train")
