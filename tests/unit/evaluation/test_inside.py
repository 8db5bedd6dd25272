"""Metrics inside masks and their labels, against arithmetic and against scikit-image."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from pictures import draw
from skimage.metrics import structural_similarity
from torch import Tensor

from gan_style.errors import UserError
from gan_style.evaluation.inside import inside
from gan_style.evaluation.paired import LARGEST_PSNR, PAIRED
from gan_style.evaluation.suite import Case, Networks, Suite
from gan_style.files import images

MASKED = ("l1", "psnr", "ssim")
RANDOM = Networks("random", "random", "random")


def pair(size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    one, other = draw(1, size)[: size - 7] / 255, draw(2, size)[: size - 7] / 255
    return one, other


def tensors(*pictures: np.ndarray) -> list[Tensor]:
    return [torch.from_numpy(picture).permute(2, 0, 1)[None] for picture in pictures]


def labelled(height: int = 33, width: int = 40) -> np.ndarray:
    mask = np.zeros((height, width), np.int64)
    mask[3:20, 5:30] = 1
    mask[12:28, 20:38] = 7
    return mask


def test_each_metric_is_that_of_the_pixels_inside() -> None:
    one, other = pair()
    mask = labelled()
    found = inside(MASKED, *tensors(one, other), torch.from_numpy(mask))
    for suffix, region in (("", mask > 0), ("_label1", mask == 1), ("_label7", mask == 7)):
        assert float(found[f"l1{suffix}"]) == pytest.approx(np.abs(one - other)[region].mean())
        assert float(found[f"psnr{suffix}"]) == pytest.approx(-10 * math.log10(((one - other) ** 2)[region].mean()))
        _, similar = structural_similarity(
            one, other, data_range=1, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
        )
        whole = np.zeros_like(region)
        whole[5:-5, 5:-5] = region[5:-5, 5:-5]
        assert float(found[f"ssim{suffix}"]) == pytest.approx(similar[whole].mean(), abs=1e-6)


def test_a_mask_of_all_pixels_gives_the_metrics_of_the_image() -> None:
    pictures = tensors(*pair())
    found = inside(MASKED, *pictures, torch.ones(33, 40))
    for name in MASKED:
        assert float(found[name]) == pytest.approx(float(PAIRED[name](*pictures)), rel=1e-6)
    assert float(inside(("psnr",), pictures[0], pictures[0], torch.ones(33, 40))["psnr"]) == LARGEST_PSNR


def test_what_lies_outside_does_not_count() -> None:
    one, other = tensors(*pair())
    mask = torch.from_numpy(labelled())
    changed = torch.where(mask > 0, one, 1 - one)
    for name in ("l1", "psnr"):
        assert inside((name,), changed, other, mask)[name] == inside((name,), one, other, mask)[name]


def test_empty_masks_and_those_at_the_border_have_no_metric() -> None:
    pictures = tensors(*pair())
    assert inside(MASKED, *pictures, torch.zeros(33, 40)) == {}
    border = torch.zeros(33, 40)
    border[:4] = 1
    assert set(inside(MASKED, *pictures, border)) == {"l1", "psnr", "l1_label1", "psnr_label1"}


def test_a_mask_of_many_values_has_no_labels() -> None:
    weights = torch.arange(33 * 40).view(33, 40)
    assert set(inside(("l1",), *tensors(*pair()), weights)) == {"l1"}


def image(number: int) -> Tensor:
    return images.to_tensor(draw(number, 24))


def masked_cases(*masks: Tensor) -> list[Case]:
    return [Case(f"{number}", image(number), image(number + 9), span=500.0, mask=mask[None]) for number, mask in enumerate(masks)]


def test_a_suite_counts_labels_where_there_are_several_and_leaves_empty_masks_out() -> None:
    one, two, none = torch.zeros(24, 24), torch.zeros(24, 24), torch.zeros(24, 24)
    one[2:9] = 3
    two[8:20], two[20:] = 3, 12
    suite = Suite(("mae", "l1"), RANDOM)
    cases = masked_cases(one, two, none)
    rows = {place: suite.measure(case) for place, case in enumerate(cases)}
    values = suite.combine(rows, {})
    assert list(values) == ["mae", "mae_label3", "mae_label12", "l1", "l1_label3", "l1_label12"]
    errors = [((case.translated - case.truth).double().abs() / 2) for case in cases if case.truth is not None]
    expected = [errors[0][:, 2:9].mean(), errors[1][:, 8:].mean()]
    assert values["l1"] == pytest.approx(float(sum(expected)) / 2) and values["mae"] == pytest.approx(500 * values["l1"])
    assert values["l1_label12"] == pytest.approx(float(errors[1][:, 20:].mean()))
    assert list(suite.combine({0: rows[0], 2: rows[2]}, {})) == ["mae", "l1"]
    assert math.isnan(suite.combine({2: rows[2]}, {})["l1"])


def test_metrics_of_whole_images_do_not_change_by_a_mask() -> None:
    suite = Suite(("lpips", "structure"), RANDOM)
    [case] = masked_cases(torch.ones(24, 24))
    case = replace(case, source=image(5))
    assert suite.measure(case) == suite.measure(replace(case, mask=None))


def test_a_mask_of_another_size_is_a_mistake() -> None:
    [case] = masked_cases(torch.ones(24, 23))
    with pytest.raises(UserError, match="0: the translation has 24 x 24 pixels, its mask 23 x 24; they must be equal"):
        Suite(("l1",), RANDOM).measure(case)
