"""The classes of a data set: found in its label maps, or a mistake that names the file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_style.config.schema import DataConfig
from gan_style.datasets.class_colours import are_label_maps, find_colours
from gan_style.datasets.sources import find
from gan_style.datasets.survey import Source
from gan_style.errors import UserError

PALETTE = [(0, 0, 0), (128, 64, 128), (70, 70, 70), (0, 0, 142)]


def palette_image(indices: np.ndarray) -> Image.Image:
    image = Image.fromarray(indices.astype(np.uint8), mode="P")
    image.putpalette([value for colour in PALETTE for value in colour])
    return image


def drawn(root: Path, *maps: Image.Image) -> Source:
    """A paired data set whose domain A is these images, numbered."""
    for number, image in enumerate(maps):
        for domain in "AB":
            (root / f"train{domain}").mkdir(parents=True, exist_ok=True)
            image.save(root / f"train{domain}" / f"{number:03d}.png")
    source = find(root, "auto", "train", paired=True)
    assert source is not None
    return source


def config(**domain: object) -> DataConfig:
    return DataConfig.model_validate({"root": "data", "domain_a": domain})


def test_the_colours_of_all_files_sorted(tmp_path: Path) -> None:
    """Only those that occur: the palette has more."""
    source = drawn(tmp_path, palette_image(np.array([[1, 1], [3, 1]])), palette_image(np.array([[0, 1, 0]] * 9)))
    assert are_label_maps(source, config(), "a")
    assert find_colours(source, config(), "a", 3) == ["#000000", "#00008e", "#804080"]


def test_more_files_than_are_in_hand_at_once(tmp_path: Path) -> None:
    source = drawn(tmp_path, *[Image.fromarray(np.full((2, 2), number, np.uint8)) for number in range(70)])
    assert find_colours(source, config(channels=1, labels="yes"), "a", 1) == [f"#{number:02x}" for number in range(70)]


def test_the_objects_channel_is_no_part_of_the_colours(tmp_path: Path) -> None:
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., 3] = [[1, 2, 3], [4, 5, 6]]
    pixels[0, 0, :3] = 255
    source = drawn(tmp_path, Image.fromarray(pixels))
    assert find_colours(source, config(channels=4, labels="yes"), "a", 3) == ["#000000", "#ffffff"]
    assert len(find_colours(source, config(channels=4, labels="yes"), "a", 4)) == 6


def test_256_are_found_and_one_more_is_a_mistake_that_names_the_file(tmp_path: Path) -> None:
    ramp = np.stack([np.arange(256).reshape(16, 16)] * 3, axis=2).astype(np.uint8)
    source = drawn(tmp_path, Image.fromarray(ramp), Image.fromarray(ramp[::-1].copy()))
    settings = config(labels="yes")
    assert len(find_colours(source, settings, "a", 3)) == 256
    ramp[3, 3] = (1, 2, 3)
    Image.fromarray(ramp).save(tmp_path / "trainA/001.png")
    with pytest.raises(UserError, match=r"trainA/001\.png: with it the label maps have more than 256 colours.*method\.labels\.colours"):
        find_colours(source, settings, "a", 3)


def test_pictures_are_no_label_maps(tmp_path: Path) -> None:
    source = drawn(tmp_path, Image.fromarray(np.zeros((2, 2, 3), np.uint8)))
    assert not are_label_maps(source, config(), "a")
    assert are_label_maps(source, config(labels="yes"), "a")


def test_a_file_without_a_palette_among_others_is_named(tmp_path: Path) -> None:
    source = drawn(tmp_path, palette_image(np.zeros((2, 2))), Image.fromarray(np.zeros((2, 2, 3), np.uint8)))
    with pytest.raises(UserError, match=r"trainA/001\.png: has no palette, but the first file has.*data\.domain_a\.labels=yes"):
        find_colours(source, config(), "a", 3)


def test_16_bits_are_named(tmp_path: Path) -> None:
    source = drawn(tmp_path, Image.fromarray(np.full((2, 2), 40000, np.uint16)))
    with pytest.raises(UserError, match=r"trainA/000\.png: has 16 bits"):
        find_colours(source, config(channels=1, labels="yes"), "a", 1)
