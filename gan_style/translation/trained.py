"""The Python interface to a trained translator: `gan_style.load`."""

import tempfile
from collections.abc import Mapping, Sequence
from numbers import Integral
from operator import index
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_style.bundles.file import BundleInfo
from gan_style.bundles.place import find_bundle
from gan_style.conditions import Noise
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.machine.batches import Batches, alike, result_of
from gan_style.machine.device import Precision, check_precision, choose_device
from gan_style.translation.inputs import LARGEST_STYLE, SMALLEST_STYLE, Job
from gan_style.translation.kinds import Pictures, Range, entered
from gan_style.translation.picture import Original, kind_of_pixels, network_size
from gan_style.translation.pipeline import GPU_BATCH
from gan_style.translation.predictor import Predictor
from gan_style.translation.stylist import StyleOptions
from gan_style.translation.translators import Translator, translator_for

PictureLike = Image.Image | np.ndarray | Tensor
P = TypeVar("P", bound=PictureLike | Sequence[PictureLike])
StyleLike = str | PathLike[str] | Image.Image
Styles = StyleLike | Sequence[StyleLike] | Mapping[str, float]


def load(
    model: str | PathLike[str],
    *,
    direction: Literal["a2b", "b2a"] | None = None,
    device: str = "auto",
    precision: Literal["fp32", "bf16", "fp16"] = "fp32",
    compile: bool = False,
    statistics: str | PathLike[str] | None = None,
) -> "TrainedTranslator":
    """Load the translator of a bundle or a run folder.

    model: the path of a `.safetensors` bundle, of a run folder, or of an `.onnx` file that `gan-style export` wrote;
        or `hf://user/name[@revision][/file]` on the Hugging Face hub
    direction: the bundle of a run folder; None: a2b, or b2a if there is no a2b
    device: auto (the GPU if there is one, else the CPU), cpu, cuda or mps
    precision: the number type of the network. Results have the type of the input.
    compile: run the network by torch.compile, up to rounding the same. The first picture of each size then takes a minute or
        more. Pictures of more than a few sizes run uncompiled, with a warning.

    statistics: a file of `gan-style infer --save-statistics`, which normalises all pictures alike, so that parts of a picture agree;
        None: each picture by its own

    `UserError` if the bundle is missing, damaged or inconsistent, or if this machine does not have the device or the precision.
    """
    place = choose_device(device)
    checked: Precision = precision
    check_precision(checked, place, "precision", "fp32")
    bundle = find_bundle("model", Path(model), direction)
    try:
        predictor = Predictor.load(bundle, device, checked, compile, None if statistics is None else Path(statistics))
    except UserError as mistake:
        raise UserError(str(mistake).removeprefix("--")) from mistake.__cause__
    if direction not in (None, predictor.info.direction):
        raise UserError(f"direction {direction}: {bundle} translates {predictor.info.direction}; give the other bundle or leave it out")
    return TrainedTranslator(predictor)


class TrainedTranslator:
    """A function from pictures to their translations. `gan_style.load` makes one.

    It takes one picture, a batch or a list. The result has the kind, type, layout and size of the input; a tensor stays on its device.
    The number of channels is `info.out_channels`.

    - A PIL image is treated as `gan-style infer` treats a file. The EXIF orientation turns it upright, and a colour profile is converted to
      sRGB. The result has the alpha of the input. Its mode is `L`, `RGB`, `LA` or `RGBA`, or `I;16` for 16-bit gray.
    - A NumPy array is [H, W, C], [B, H, W, C], or [H, W] for one channel. A tensor is [C, H, W] or [B, C, H, W]. `channels_first` declares
      the other layout. `uint8` has the range 0 to 255, `uint16` 0 to 65535. Floating-point values need a `value_range`.
      A bundle of measurements (`info.values_in`) takes values of any type in their unit, and gives float32 in that of `info.values_out`.
    - A list gives a list, a tuple a tuple.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @property
    def info(self) -> BundleInfo:
        """The bundle's metadata: method, direction, channels, step, scores."""
        return self.predictor.info

    @property
    def names(self) -> tuple[str, ...]:
        """The names for `style` or `to`: the styles or the domains of the translator. Empty if it has neither."""
        return tuple(getattr(self.predictor.condition, "names", ()))

    def __repr__(self) -> str:
        info = self.info
        return f"<{info.method} {info.direction}, step {info.step}, on {self.predictor.device.type}>"

    def __call__(
        self,
        pictures: P,
        *,
        to: str | None = None,
        style: Styles | None = None,
        strength: float | None = None,
        style_size: int | None = None,
        preserve_color: Literal["luminance", "histogram"] | None = None,
        resize: Literal["none", "train"] | int = "none",
        value_range: Range | None = None,
        channels_first: bool | None = None,
        batch_size: int | None = None,
    ) -> P:
        """Translate one picture, a batch, or a list or tuple of pictures.

        to: the target domain, for a translator of several domains
        style: for a stylizer. The name of a trained style, or a style picture (path or PIL image). A list mixes several in equal shares;
            {style: share} mixes them in these shares, whose sum is 1.
        strength: share of the style in the result, 0 to 1; None: 1
        style_size: of style pictures, pixels of the shorter side to which they are resized, 16 to 1024; None: their own size
        preserve_color: keep the colours of the input: `luminance` exactly, `histogram` their mean and covariance
        resize: size of the translation: `none`: the picture's own; `train`: that of validation in training; a number: pixels of the
            shorter side. The result is scaled back to the picture's size.
        value_range: the values of black and white in an array or a tensor, such as (0, 1) or (-1, 1). Floating-point values need it.
        channels_first: is the channel dimension before height and width? None: yes for tensors, no for arrays
        batch_size: largest number of pictures of one size in one forward pass; None: 8 on a GPU, 1 on a CPU

        `TypeError` or `ValueError` if an argument is not a picture or out of its range. `UserError` if the bundle has no such style or
        domain, or if memory runs out.
        """
        if isinstance(self.predictor.condition, Noise):
            raise ValueError(f"a bundle of {self.info.method} makes pictures from noise: call samples(count)")
        if not (resize in ("none", "train") or (isinstance(resize, Integral) and not isinstance(resize, bool) and 1 <= resize <= 16384)):
            raise ValueError(f"resize {resize!r}: give none, train or the length of the shorter side, 1 to 16384")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size {batch_size}: give 1 or more")
        several: Any = pictures if isinstance(pictures, list | tuple) else None
        given = [entered(each, self.info, value_range, channels_first) for each in ([pictures] if several is None else several)]
        translator = self._translator(to, style, strength, style_size, preserve_color)
        sources = [self._source(each, pixels, resize) for each in given for pixels in each.pixels]
        results = iter(self._translated(sources, translator, batch_size))
        finished = [each.back([next(results) for _ in each.pixels]) for each in given]
        same: Any = finished[0] if several is None else tuple(finished) if isinstance(several, tuple) else finished
        return same

    def samples(self, count: int, *, seed: int = 0) -> list[Image.Image]:
        """Draw `count` pictures from noise, the same as `gan-style infer --samples`. Picture i is a function of `seed` and i alone."""
        noise = self.predictor.condition
        if not isinstance(noise, Noise):
            raise ValueError(f"a bundle of {self.info.method} translates pictures: call the translator with one")
        drawn = [self.predictor.from_noise(noise.latent(index(seed), number)[None])[0] for number in range(count)]
        pixels = [images.to_pixels(picture) for picture in drawn]
        return [Image.fromarray(each[..., 0] if each.shape[2] == 1 else each) for each in pixels]

    def _translator(
        self,
        to: str | None,
        style: Styles | None,
        strength: float | None,
        style_size: int | None,
        preserve_color: Literal["luminance", "histogram"] | None,
    ) -> Translator:
        if strength is not None and not 0 <= strength <= 1:
            raise ValueError(f"strength {strength}: give a number from 0 to 1")
        if style_size is not None and not SMALLEST_STYLE <= index(style_size) <= LARGEST_STYLE:
            raise ValueError(f"style_size {style_size}: give a number of pixels from {SMALLEST_STYLE} to {LARGEST_STYLE}")
        share = None if strength is None else float(strength)  # it may be a scalar of NumPy
        with tempfile.TemporaryDirectory() as folder:  # the translator reads the style pictures at once
            try:
                return translator_for(self.predictor, StyleOptions(_texts(style, Path(folder)), (), preserve_color, share, style_size), to)
            except UserError as mistake:
                raise UserError(str(mistake).removeprefix("--")) from None

    def _source(self, given: Pictures, pixels: np.ndarray, resize: int | str) -> Original:
        """Resize a picture to the network's size, as `picture.read_source` does with a file."""
        height, width = pixels.shape[:2]
        info = self.info
        labels = info.labels in ("yes", "nearest") or (info.labels == "auto" and given.palette)
        resized = _resized(pixels, *network_size(info, resize, height, width), labels=labels, name=f"a picture: resize {resize}")
        return Original(Job(Path("a picture"), Path("a picture")), resized, height, width, given.alpha)

    def _translated(self, sources: list[Original], translator: Translator, batch_size: int | None) -> list[np.ndarray]:
        """Translate `sources`. Returns the results [H, W, C'] in order; each has the size and type of its source."""
        most = 1 if translator.one_by_one else batch_size or (1 if self.predictor.device.type == "cpu" else GPU_BATCH)

        def translate(batch: Sequence[int]) -> list[Tensor]:
            return list(translator([sources[place] for place in batch], torch.stack([_tensor(sources[place]) for place in batch])))

        batches, results = Batches(translate, most), dict[int, np.ndarray]()
        for group in alike(range(len(sources)), lambda place: kind_of_pixels(sources[place])):
            results |= {place: _pixels(sources[place], result_of(result)) for place, result in batches.over(group)}
        return [results[place] for place in range(len(sources))]


def _texts(style: Styles | None, folder: Path) -> tuple[str, ...]:
    """The styles in the form of `gan-style infer --style`. PIL images are written into `folder`."""
    if style is None:
        return ()
    if isinstance(style, Mapping):
        return tuple(f"{name}:{share:g}" for name, share in style.items())
    texts: list[str] = []
    for each in style if isinstance(style, list | tuple) else [style]:
        if isinstance(each, Image.Image):
            path = folder / f"style_{len(texts)}.png"
            each.save(path)
            texts.append(str(path))
        else:
            texts.append(str(each))
    return tuple(texts)


def _tensor(source: Original) -> Tensor:
    """[C, h, w], whole pixels or values in [-1, 1]."""
    if source.pixels.dtype == np.float32:
        return torch.from_numpy(np.ascontiguousarray(source.pixels.transpose(2, 0, 1)))
    return images.to_integers(source.pixels)


def _pixels(source: Original, result: Tensor) -> np.ndarray:
    """A result [C', h, w] as pixels [H, W, C'] with the size and type of its source. `UserError` if it is not finite."""
    if not torch.isfinite(result).all():
        raise UserError("a translation is not finite; take precision fp32 or an earlier checkpoint")
    if source.pixels.dtype == np.float32:
        pixels = np.ascontiguousarray(result.permute(1, 2, 0).float().numpy())
    else:
        pixels = images.to_pixels(result, 16 if source.pixels.dtype == np.uint16 else 8)
    return _resized(pixels, source.height, source.width, limit=images.MAX_PIXELS)


def _resized(pixels: np.ndarray, height: int, width: int, **keywords: Any) -> np.ndarray:
    """`images.resize`, with floating-point results cut to [-1, 1]."""
    resized = images.resize(pixels, height, width, **keywords)
    return resized.clip(-1, 1) if resized.dtype == np.float32 else resized
