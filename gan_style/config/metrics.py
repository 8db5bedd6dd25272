"""The metrics that there are: for the configuration, for what computes them and for tables alike."""

from dataclasses import dataclass
from typing import Literal

# What a translation is compared with: the true output of its input, the input itself, or real images of the output's domain.
Compares = Literal["truth", "input", "domain"]


@dataclass(frozen=True)
class Metric:
    """What one needs to know of a metric beside its value. words: for the table that people read."""

    compares: Compares
    higher_is_better: bool
    words: str


METRICS: dict[str, Metric] = {
    "l1": Metric("truth", False, "mean absolute difference, images in [0, 1]"),
    "psnr": Metric("truth", True, "peak signal-to-noise ratio, dB"),
    "ssim": Metric("truth", True, "structural similarity"),
    "ms_ssim": Metric("truth", True, "structural similarity at five scales"),
    "lpips": Metric("truth", False, "learned perceptual distance"),
    "fid": Metric("domain", False, "Frechet distance of features"),
    "kid": Metric("domain", False, "kernel distance of features"),
    "structure": Metric("input", False, "distance of self-similarities to the input"),
}
DEFAULT_PAIRED, DEFAULT_UNPAIRED = ("l1", "psnr", "ssim"), ("kid", "structure")  # measured where a run names none
