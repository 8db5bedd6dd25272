"""Pixels as tensors and back, at other sizes."""

import numpy as np
import pytest
import torch

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.samples import rounded_to_8_bits


def test_tensors_and_back_are_exact() -> None:
    for depth, dtype in ((8, np.uint8), (16, np.uint16)):
        every = np.arange(2**depth, dtype=dtype).reshape(2, -1, 1)
        tensor = images.to_tensor(every)
        assert tensor.shape == (1, 2, 2**depth // 2) and tensor.dtype == torch.float32
        assert tensor.min() == -1 and tensor.max() == 1
        back = images.to_pixels(tensor, depth)
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, every)
    assert images.to_tensor(np.array([[[0, 51, 255]]], np.uint8))[:, 0, 0].tolist() == pytest.approx([-1, -0.6, 1])


def test_to_pixels_rounds_clamps_and_survives_nan() -> None:
    image = torch.tensor([-2.0, 2.0, 0.004, float("nan"), float("inf")]).reshape(1, 1, 5)
    assert images.to_pixels(image).ravel().tolist() == [0, 255, 128, 0, 255]
    assert images.to_pixels(image.half(), 16).ravel().tolist()[:2] == [0, 65535]


def test_resize_labels_makes_no_new_colour_and_pictures_are_averaged() -> None:
    checkers = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None]
    assert set(np.unique(images.resize(checkers, 5, 11, labels=True))) == {0, 255}
    halved = images.resize(checkers, 4, 4)
    assert halved.shape == (4, 4, 1) and set(np.unique(halved)) <= {127, 128}, "area means of two blacks and two whites"
    flat = np.full((6, 9, 3), 77, np.uint16)
    for size in [(3, 20), (20, 3), (6, 9), (1, 1)]:
        resized = images.resize(flat, *size)
        assert resized.shape == (*size, 3) and resized.dtype == np.uint16 and (resized == 77).all()


def test_validation_sizes() -> None:
    assert images.validation_size("resize_and_crop", 286, 256, 100, 200) == (256, 256)
    assert images.validation_size("scale_width", 300, 256, 100, 200) == (150, 300)
    assert images.validation_size("scale_width_and_crop", 300, 256, 100, 200) == (150, 300)
    assert images.validation_size("scale_width", 10, 10, 1, 1000) == (1, 10)
    assert images.validation_size("crop", 286, 256, 100, 200) == (100, 200)
    assert images.validation_size("none", 286, 256, 100, 200) == (100, 200)


@pytest.mark.parametrize(("size", "target"), [((1, 100_000), (286, 28_600_000)), ((100_000, 1), (100_000_000, 9)), ((1, 1), (5793, 5793))])
def test_a_ribbon_is_not_enlarged_to_gigabytes(size: tuple[int, int], target: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=rf"^in/a\.png: has {size[1]} x {size[0]} pixels and would be resized to {target[1]} x {target[0]}"):
        images.resize(np.zeros((*size, 3), np.uint8), *target, name="in/a.png")


def test_large_pictures_may_shrink_and_grow_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_RESIZED", 100)
    assert images.resize(np.zeros((20, 30, 3), np.uint8), 25, 24).shape == (25, 24, 3), "it has as many pixels already"
    assert images.resize(np.zeros((2, 3, 3), np.uint8), 20, 30, limit=600).shape == (20, 30, 3)


def test_16_bits_become_the_nearest_8_bits() -> None:
    deep = np.array([0, 128, 129, 257, 385, 386, 65406, 65407, 65535], np.uint16)
    assert rounded_to_8_bits(deep).tolist() == [0, 0, 1, 1, 1, 2, 254, 255, 255]
    assert rounded_to_8_bits(rounded_to_8_bits(deep)).dtype == np.uint8
