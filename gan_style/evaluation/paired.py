"""Metrics of pixels: functions of two images [1, C, H, W] in [0, 1], float64, of equal size. torchmetrics computes SSIM."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.errors import UserError

WINDOW = 11  # pixels of SSIM's Gaussian window, whose standard deviation is 1.5
LARGEST_PSNR = 100.0  # dB: two equal images have an infinite one, which would make the mean of a whole set infinite
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli and Bovik (2003)


def l1(translated: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference over pixels and channels."""
    return (translated - truth).abs().mean()


def psnr(translated: Tensor, truth: Tensor) -> Tensor:
    """10 log10(1 / MSE), at most LARGEST_PSNR dB."""
    from torchmetrics.functional.image import peak_signal_noise_ratio

    return peak_signal_noise_ratio(translated, truth, data_range=1.0).clamp(max=LARGEST_PSNR)


def ssim(translated: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity (Wang et al., 2004, equation 13), averaged over the channels and the windows wholly inside the image."""
    return ssim_map(translated, truth).mean()


def ssim_map(translated: Tensor, truth: Tensor) -> Tensor:
    """The structural similarity of each channel and window, at the window's centre: [1, C, H - WINDOW + 1, W - WINDOW + 1]."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    _check_size(translated, WINDOW, "ssim")
    _, everywhere = structural_similarity_index_measure(translated, truth, data_range=1.0, return_full_image=True)
    border = WINDOW // 2  # torchmetrics has padded the image there
    return everywhere[..., border:-border, border:-border]


def ms_ssim(translated: Tensor, truth: Tensor) -> Tensor:
    """SSIM of the coarsest scale and the contrast terms of the others, weighted in the exponent (Wang, Simoncelli and Bovik, 2003).

    Each scale averages 2 x 2 pixels of the previous one. Terms below 0 count as 0.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    _check_size(translated, WINDOW * 2 ** (len(SCALE_WEIGHTS) - 1), "ms_ssim")
    value = torch.ones((), dtype=translated.dtype, device=translated.device)
    for weight in SCALE_WEIGHTS[:-1]:
        _, contrast = structural_similarity_index_measure(translated, truth, data_range=1.0, return_contrast_sensitivity=True)
        value = value * contrast.mean().relu() ** weight
        translated, truth = F.avg_pool2d(translated, 2), F.avg_pool2d(truth, 2)
    return value * ssim(translated, truth).relu() ** SCALE_WEIGHTS[-1]


PAIRED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": l1, "psnr": psnr, "ssim": ssim, "ms_ssim": ms_ssim}


def _check_size(image: Tensor, least: int, metric: str) -> None:
    height, width = image.shape[-2:]
    if min(height, width) < least:
        raise UserError(f"{width} x {height} pixels are too small for {metric}, which needs {least}: leave it out, or take larger images")
