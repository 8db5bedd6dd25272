"""The registry of metrics, which the configuration, the evaluation and the tables use."""

from dataclasses import dataclass
from typing import Literal

# A metric compares a translation with the true output of its input, with the input itself, or with real images of the output's domain.
Compares = Literal["truth", "input", "domain"]


@dataclass(frozen=True)
class Metric:
    """The properties of a metric. words: its description in tables"""

    compares: Compares
    higher_is_better: bool
    words: str


METRICS: dict[str, Metric] = {
    "l1": Metric("truth", False, "mean absolute difference, images in [0, 1]"),
    "mae": Metric("truth", False, "mean absolute difference in the unit of the output's domain"),
    "psnr": Metric("truth", True, "peak signal-to-noise ratio, dB"),
    "ssim": Metric("truth", True, "structural similarity"),
    "ms_ssim": Metric("truth", True, "structural similarity at five scales"),
    "lpips": Metric("truth", False, "learned perceptual distance"),
    "fid": Metric("domain", False, "Frechet distance of features"),
    "kid": Metric("domain", False, "kernel distance of features"),
    "structure": Metric("input", False, "distance of self-similarities to the input"),
}
DEFAULT_PAIRED, DEFAULT_UNPAIRED = ("l1", "psnr", "ssim"), ("kid", "structure")  # the metrics of a run that names none
INSIDE = ("l1", "mae", "psnr", "ssim")  # the metrics that are measured inside masks; the others look at whole images
MEASURED = ("mae",)  # the metrics of values with a unit, which pictures do not have


def base_of(name: str) -> str | None:
    """The metric that is measured for `name`, which may be one by label: "mae" for `mae` and `mae_label2`. None if there is none."""
    base, found, label = name.partition("_label")
    if not found:
        return base if base in METRICS else None
    return base if base in INSIDE and label.isdecimal() and label == str(int(label)) and int(label) > 0 else None


def metric_of(name: str) -> Metric | None:
    """The metric of a name in a log, such as `psnr`, `b2a_psnr` or `psnr_label2`; None if there is none."""
    return METRICS.get(name.removeprefix("a2b_").removeprefix("b2a_").partition("_label")[0])
