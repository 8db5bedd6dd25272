"""L1, PSNR, SSIM and MS-SSIM against scikit-image and against sums written out."""

import math

import numpy as np
import pytest
import torch
from pictures import draw
from scipy.signal import convolve2d
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from gan_style.errors import UserError
from gan_style.evaluation.paired import LARGEST_PSNR, PAIRED, SCALE_WEIGHTS


def pair(number: int, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """A picture [H, W, 3] in [0, 1] and a noisy, shifted copy, both of 8 bits; not square."""
    picture = draw(number, size)[: size - 7]
    noise = np.random.default_rng(number).normal(0, 12, picture.shape)
    return picture / 255, np.clip(np.roll(picture, number, axis=1) + noise, 0, 255).round() / 255


def measured(name: str, one: np.ndarray, other: np.ndarray) -> float:
    images = [torch.from_numpy(image).permute(2, 0, 1)[None] for image in (one, other)]
    return float(PAIRED[name](*images))


@pytest.mark.parametrize("number", range(4))
def test_psnr_and_ssim_are_scikit_images(number: int) -> None:
    one, other = pair(number)
    assert measured("psnr", one, other) == pytest.approx(peak_signal_noise_ratio(other, one, data_range=1), abs=1e-5)
    expected = structural_similarity(
        one, other, data_range=1, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert measured("ssim", one, other) == pytest.approx(expected, abs=1e-6)


def test_l1_and_psnr_by_arithmetic() -> None:
    dark, light = np.full((20, 30, 1), 0.25), np.full((20, 30, 1), 0.35)
    assert measured("l1", dark, light) == pytest.approx(0.1)
    assert measured("psnr", dark, light) == pytest.approx(20.0)  # 10 log10(1 / 0.1^2)
    assert measured("psnr", dark, dark) == LARGEST_PSNR


def contrast_and_ssim(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Of gray images, over the windows inside them, as Wang et al. write them."""
    distance = np.arange(-5, 6)
    window = np.exp(-(distance**2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2

    def mean(values: np.ndarray) -> np.ndarray:
        return convolve2d(values, window, mode="valid")

    variance_x, variance_y = mean(x * x) - mean(x) ** 2, mean(y * y) - mean(y) ** 2
    covariance = mean(x * y) - mean(x) * mean(y)
    c1, c2 = 0.01**2, 0.03**2
    contrast = (2 * covariance + c2) / (variance_x + variance_y + c2)
    luminance = (2 * mean(x) * mean(y) + c1) / (mean(x) ** 2 + mean(y) ** 2 + c1)
    return float(contrast.mean()), float((luminance * contrast).mean())


def test_ms_ssim_is_its_definition_written_out() -> None:
    one, other = (image[..., :1] for image in pair(1, 190))
    x, y = one[..., 0], other[..., 0]
    expected = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        contrast, ssim = contrast_and_ssim(x, y)
        expected *= (ssim if scale == 4 else contrast) ** weight
        x, y = (
            image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2].reshape(image.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3))
            for image in (x, y)
        )
    assert measured("ms_ssim", one, other) == pytest.approx(expected, abs=1e-6)
    assert measured("ms_ssim", one, one) == pytest.approx(1.0)
    assert measured("ms_ssim", one, 1 - one) == 0.0  # contrasts below 0 have no power


@pytest.mark.parametrize(("name", "least"), [("ssim", 11), ("ms_ssim", 176)])
def test_too_small_images_are_said(name: str, least: int) -> None:
    fits, small = np.zeros((least, least, 1)), np.zeros((least - 1, least + 9, 1))
    assert math.isclose(measured(name, fits, fits), 1.0)
    with pytest.raises(UserError, match=f"{least + 9} x {least - 1} pixels are too small for {name}, which needs {least}"):
        measured(name, small, small)
