"""Checks of the tensors that a program gives to a predictor. The message about a wrong one says what to do."""

import warnings
from typing import Any

import torch
from torch import Tensor

_ROUNDING = 1e-3  # beyond [-1, 1]; what resampling overshoots by is more, and is to be clamped
_MAKE_ONE = "gan_style.files.images.to_tensor makes one of pixels [H, W, C]"


def check_pictures(given: Any, channels: int) -> None:
    """`TypeError` if it is not a float tensor; `ValueError` if it is not [C, H, W] or [B, C, H, W] with `channels` in [-1, 1].

    Values that all lie in [0, 1] cause a warning, because they may also be a bright picture.
    """
    _check_tensor(given)
    if given.dim() not in (3, 4) or given.shape[-3] != channels or not given.numel():
        last = given.dim() in (3, 4) and given.shape[-1] == channels
        raise ValueError(
            f"a translator of {channels} channels was given a tensor of shape {list(given.shape)}; give [C, H, W] or [B, C, H, W]"
            + (": channels come before height and width" if last else "")
        )
    low, high = (float(bound) for bound in torch.aminmax(given.detach().float()))
    if not (low >= -1 - _ROUNDING and high <= 1 + _ROUNDING):  # NaN fails both
        raise ValueError(f"a picture with values from {low:g} to {high:g}; give values in [-1, 1]: {_MAKE_ONE}")
    if low >= 0 and high > 0:
        warnings.warn(
            "all values of this picture lie in [0, 1], but -1 is black and 1 is white here: give 2 * x - 1 if 0 is black in it",
            stacklevel=3,
        )


def check_noise(given: Any, latent: int) -> None:
    """`TypeError` if it is not a float tensor; `ValueError` if it is not [B, latent] or not finite."""
    _check_tensor(given)
    if given.dim() != 2 or given.shape[1] != latent or not given.isfinite().all():
        raise ValueError(f"noise of shape {list(given.shape)}; give finite numbers of shape [B, {latent}]")


def _check_tensor(given: Any) -> None:
    if not isinstance(given, Tensor):
        raise TypeError(f"a predictor takes float tensors, not {type(given).__name__}: {_MAKE_ONE}")
    if not given.is_floating_point():
        raise TypeError(f"a predictor takes float tensors with values in [-1, 1], not {given.dtype}: {_MAKE_ONE}")
