"""Metrics of pixels inside a mask, and inside each of its labels where it has several."""

from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from gan_style.evaluation.paired import LARGEST_PSNR, WINDOW, ssim_map

_MOST_LABELS = 32  # of a mask; one with more holds weights or noise, not labels
_LABEL = "_label"


def inside(names: Collection[str], translated: Tensor, truth: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Some of the metrics l1, psnr and ssim of two images [1, C, H, W] in [0, 1], float64, inside a mask.

    mask: [H, W], 0 outside, inside the label of each pixel
    `l1_label2` and so on are the metrics inside label 2. A metric without a pixel is left out. SSIM counts the windows that lie wholly in
    the image and whose centre is inside.
    """
    mask = mask.long()
    labels = mask.unique()
    labels = labels[labels != 0]
    regions = {"": mask != 0}
    if len(labels) <= _MOST_LABELS:
        regions |= {f"{_LABEL}{label}": mask == label for label in labels.tolist()}
    found: dict[str, Tensor] = {}
    similar = ssim_map(translated, truth) if "ssim" in names else None
    border = WINDOW // 2
    for suffix, region in regions.items():
        there = region.any()
        if "l1" in names and there:
            found[f"l1{suffix}"] = (translated - truth).abs()[..., region].mean()
        if "psnr" in names and there:
            squares = (translated - truth).square()[..., region].mean()
            found[f"psnr{suffix}"] = (-10 * torch.log10(squares)).clamp(max=LARGEST_PSNR)
        centres = region[border:-border, border:-border]
        if similar is not None and centres.any():
            found[f"ssim{suffix}"] = similar[..., centres].mean()
    return found


def of_labels(name: str, rows: Iterable[Collection[str]]) -> list[str]:
    """The names of a metric by label among those of the rows, in the order of the labels. Empty if all masks together have one label."""
    start = f"{name}{_LABEL}"
    found = {key for row in rows for key in row if key.startswith(start)}
    return sorted(found, key=lambda key: int(key.removeprefix(start))) if len(found) > 1 else []
