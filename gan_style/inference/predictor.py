"""A bundle as a function from images to images."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from gan_style.bundle import BundleInfo, load_bundle, unreadable
from gan_style.device import Precision, check_precision, choose_device
from gan_style.errors import UserError
from gan_style.inference.given import check_noise, check_pictures
from gan_style.memory import no_room
from gan_style.methods import METHODS
from gan_style.methods.serving import serving_network, weights_that_serve
from gan_style.networks.padding import missing

MAX_PADDED = 2**24  # pixels that padding may lead to: the smallest picture of the deepest network has as many
HALF: dict[str, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}


class OutOfMemory(UserError):
    """The device has no room for a batch."""


class Predictor:
    """Translates images. Make one with `Predictor.load(bundle)`; `info` is the bundle's metadata."""

    def __init__(self, info: BundleInfo, network: nn.Module, device: torch.device, precision: Precision) -> None:
        self.info, self.network, self.device, self.precision = info, network, device, precision

    @classmethod
    def load(cls, path: Path | str, device: str = "auto", precision: Precision = "fp32") -> "Predictor":
        """The translator in a bundle, on `device` (auto | cpu | cuda | mps): `UserError` for a bundle that is not whole and consistent.

        precision: the type that convolutions calculate in; weights stay float32.
        """
        path, place = Path(path), choose_device(device)
        check_precision(precision, place, "--precision", "fp32")
        info, weights = load_bundle(path)
        config = _translator_config(path, info)
        _check_weights(path, weights_that_serve(info.method, config, info.in_channels, info.out_channels), weights)
        network = serving_network(info.method, config, info.in_channels, info.out_channels).to(place)
        network.load_state_dict(weights)
        return cls(info, network, place, precision)

    def __call__(self, image: Tensor, **style: Any) -> Tensor:
        """image [C, H, W] or [B, C, H, W] with values in [-1, 1], any H, W >= 1 -> float32 of the same size and range, on its device.

        style: what a stylizer's `forward` takes beside the image.
        `TypeError` or `ValueError` for another tensor (`given.check_pictures`), `OutOfMemory` where the predictor's device has no room
        for it, `UserError` where padding alone would make it huge.
        """
        if self.from_noise_alone:
            raise ValueError(f"a bundle of {self.info.method} makes pictures from noise: call from_noise")
        check_pictures(image, self.info.in_channels)
        return self.translate(image, **style)

    @torch.no_grad()
    def translate(self, image: Tensor, **style: Any) -> Tensor:
        """The same of a picture that `images.to_tensor` made: it is not looked at before."""
        batch = image if image.dim() == 4 else image[None]
        self._check_padding(*batch.shape[2:])
        try:
            with self.calculating():
                translated = self.network(batch.to(self.device, torch.float32), **style)
            translated = translated.to(image.device, torch.float32).clamp(-1.0, 1.0)
        except RuntimeError as failure:
            if not no_room(failure):
                raise
            translated = None
        if translated is None:  # outside the handler, whose traceback holds on to the activations
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            count, _, height, width = batch.shape
            raise OutOfMemory(
                f"{self.device.type} has no memory for {count} image{'s' if count > 1 else ''} of {width} x {height} pixels; "
                f"take {'a smaller --batch-size' if count > 1 else '--precision bf16'} or translate smaller with --resize N"
            )
        return translated if image.dim() == 4 else translated[0]

    @torch.no_grad()
    def from_noise(self, latents: Tensor) -> Tensor:
        """latents [B, Z] -> images [B, C, size, size] in [-1, 1], float32 on the CPU, of a bundle that takes noise."""
        if not self.from_noise_alone:
            raise ValueError(f"a bundle of {self.info.method} translates pictures: call the predictor with one")
        check_noise(latents, self.info.translator["latent"])
        with self.calculating():
            drawn = self.network(latents.to(self.device, torch.float32))
        return drawn.float().clamp(-1.0, 1.0).cpu()

    @property
    def from_noise_alone(self) -> bool:
        """Does the translator take noise, and no picture?"""
        return METHODS[self.info.method].serves == "noise"

    def calculating(self) -> contextlib.AbstractContextManager[Any]:
        """While entered, networks calculate in the predictor's precision."""
        half = HALF.get(self.precision)
        return torch.autocast(self.device.type, half) if half else contextlib.nullcontext()

    def _check_padding(self, height: int, width: int) -> None:
        """`UserError` for a ribbon, which grows a thousandfold where the network wants multiples of 1024."""
        multiple, least = (int(getattr(self.network, name, 1)) for name in ("size_multiple", "minimum_size"))
        rows, columns = (size + missing(size, multiple, least) for size in (height, width))
        if rows * columns > max(MAX_PADDED, 2 * height * width):
            raise UserError(
                f"has {width} x {height} pixels, which this model pads to {columns} x {rows}, more than {MAX_PADDED}; "
                "cut it to another shape, or translate smaller with --resize N"
            )


def _translator_config(path: Path, info: BundleInfo) -> Any:
    """The configuration of the bundle's translator, checked by the method it names."""
    if info.method not in METHODS:
        raise UserError(
            f"{path}: made by method {info.method!r}, which this version of gan_style does not know (it knows {', '.join(METHODS)})"
        )
    if info.style != (METHODS[info.method].serves == "style pictures"):
        needs = "needs a style image" if info.style else "needs no style image"
        raise UserError(f"{path}: its metadata says that it {needs}, which is not so for {info.method!r}; train it again")
    if tuple(info.value_range) != (-1.0, 1.0):
        raise UserError(f"{path}: value_range is {list(info.value_range)}, but this version of gan_style runs images in [-1, 1] only")
    for key in ("in_channels", "out_channels"):
        if getattr(info, key) > 4:
            raise UserError(f"{path}: {key} is {getattr(info, key)}, but image files have 1 to 4 channels")
    try:
        return METHODS[info.method].Config.model_validate(info.translator)
    except ValidationError as mistakes:
        raise UserError(f"{path}: {unreadable(mistakes, 'translator')}") from None


def _check_weights(path: Path, expected: Mapping[str, torch.Size], weights: Mapping[str, Tensor]) -> None:
    """`UserError` naming the first differences between the weights a bundle has and those its metadata calls for."""
    missing = [name for name in expected if name not in weights]
    unexpected = [name for name in weights if name not in expected]
    reshaped = [name for name in expected if name in weights and weights[name].shape != expected[name]]
    problems = [f"{_some(names)} {word}" for word, names in (("missing", missing), ("unexpected", unexpected)) if names]
    if reshaped:
        name = reshaped[0]
        problems.append(f"{_some(reshaped)} of the wrong shape ({list(weights[name].shape)}, not {list(expected[name])})")
    if problems:
        raise UserError(f"{path}: its weights do not fit the network that its metadata describes: {'; '.join(problems)}")
    # Such a network would paint every picture black without a word.
    broken = [name for name, weight in weights.items() if not torch.isfinite(weight).all()]
    if broken:
        raise UserError(f"{path}: {_some(broken)} not finite: the training went wrong; take the bundle of an earlier checkpoint")


def _some(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
