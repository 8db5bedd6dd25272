"""Colours to classes: exact palettes, blended edges, rare classes, and what agreement is."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from gan_style.errors import UserError
from gan_style.evaluation.task.confusion import Confusion
from gan_style.evaluation.task.score import true_classes
from gan_style.label_maps.classes import IGNORED, Classes, find_classes
from gan_style.label_maps.colours import distinct, packed

RED, GREEN, BLUE, WHITE = (200, 0, 0), (0, 200, 0), (0, 0, 200), (255, 255, 255)


def label_map(size: int = 64) -> np.ndarray:
    """Left red, right green, a blue square; one white pixel."""
    picture = np.zeros((size, size, 3), np.uint8)
    picture[:, : size // 2], picture[:, size // 2 :] = RED, GREEN
    picture[10:30, 20:50] = BLUE
    picture[0, 0] = WHITE
    return picture


def test_every_colour_of_a_palette_is_a_class_however_rare() -> None:
    classes = find_classes([label_map(), label_map(32)])
    assert classes.colours == (RED, GREEN, BLUE, WHITE)
    found = classes.of(label_map())
    assert found.shape == (64, 64)
    assert (found[0, 0], found[0, 1], found[0, 63], found[15, 30]) == (3, 0, 1, 2)


def test_other_colours_belong_to_the_nearest() -> None:
    classes = Classes([RED, GREEN])
    pixels = np.array([[[180, 30, 10], [90, 110, 0], [0, 0, 0], [255, 255, 255]]], np.uint8)
    for _ in range(2):  # the second time from the table
        assert classes.of(pixels).tolist() == [[0, 1, 0, 0]]


@pytest.mark.parametrize("quality", [75, 95])
def test_blended_edges_are_no_classes(quality: int) -> None:
    maps = []
    for size in (64, 80, 96):
        stream = io.BytesIO()
        Image.fromarray(label_map(size)).save(stream, "jpeg", quality=quality)
        maps.append(np.asarray(Image.open(stream).convert("RGB")))
    assert len({tuple(pixel) for pixel in maps[0].reshape(-1, 3)}) > 256
    classes = find_classes(maps)
    assert len(classes) == 3
    exact = find_classes([label_map()])
    names = [min(range(4), key=lambda k: math.dist(exact.colours[k], colour)) for colour in classes.colours]
    agreement = np.array(names)[classes.of(maps[0])] == exact.of(label_map())
    assert agreement.mean() > 0.97


def test_ignored_colours_count_nowhere() -> None:
    classes = find_classes([label_map()], [BLUE])
    assert classes.colours == (RED, GREEN, WHITE)
    found = classes.of(label_map())
    assert (found == IGNORED).sum() == 20 * 30
    confusion = Confusion(3)
    confusion.add(found, np.zeros_like(found))
    assert confusion.counts.sum() == 64 * 64 - 20 * 30


def test_photos_are_no_label_maps() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    with pytest.raises(UserError, match="are they label maps"):
        find_classes([noise])
    with pytest.raises(UserError, match="1 colours, which make 1 classes"):
        find_classes([np.zeros((4, 4, 3), np.uint8)])


def test_maps_are_scaled_without_mixing() -> None:
    classes = find_classes([label_map()])
    assert set(np.unique(true_classes(label_map(), classes, 23, 41))) <= {0, 1, 2, 3}


def test_scores_by_hand() -> None:
    confusion = Confusion(4)
    confusion.add(np.array([[0, 0, 0, 1]]), np.array([[0, 0, 1, 1]]))
    confusion.add(np.array([[1, 2]]), np.array([[0, 0]]))
    # class 0: 2 of 3 right, taken 4 times; class 1: 1 of 2, taken twice; class 2: 0 of 1; class 3: never there nor taken
    assert confusion.counts.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    expected = {
        "pixel_accuracy": 3 / 6,
        "class_accuracy": (2 / 3 + 1 / 2 + 0) / 3,
        "mean_iou": (2 / (3 + 4 - 2) + 1 / (2 + 2 - 1) + 0) / 3,
    }
    assert confusion.scores() == pytest.approx(expected)
    assert all(math.isnan(value) for value in Confusion(2).scores().values())


def test_a_colour_is_the_number_of_its_bytes_and_each_is_counted() -> None:
    pixels = np.array([[[1, 2, 3], [1, 2, 3], [0, 2, 3]], [[1, 2, 3], [255, 0, 9], [255, 0, 9]]], np.uint8)
    assert packed(pixels, 3).tolist() == [[0x010203, 0x010203, 0x000203], [0x010203, 0xFF0009, 0xFF0009]]
    assert packed(pixels, 1).tolist() == [[1, 1, 0], [1, 255, 255]]
    for codes in (packed(pixels, 3).ravel(), packed(pixels[:1, :1], 3).ravel()):
        different, counts = np.unique(codes, return_counts=True)
        assert [each.tolist() for each in distinct(codes)] == [different.tolist(), counts.tolist()]
