"""Augmentation of training samples. Only this module imports albumentations.

A sample is resized, then moved (crop, flip, data.transforms), which is the same for both images of a pair. Then each domain's own
transforms change the colours. Label maps and masks are moved by nearest pixel and never recoloured.
"""

import copy
import difflib
import inspect
import os
import random
import warnings
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations asks the network for a newer version on import

import albumentations
import cv2
import numpy as np
from pydantic import ValidationError
from torch import Tensor

from gan_style.config.data import CROPS
from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.foreground import foreground_share
from gan_style.datasets.masks import inside
from gan_style.datasets.reading import Loaded
from gan_style.datasets.resized import resized
from gan_style.errors import UserError, wrong_value
from gan_style.files import images
from gan_style.machine.memory import OutOfMemory, no_room
from gan_style.seeding import derive_seed

_TRIED = 32  # side of the images that transforms are tried on, in pixels
_ROUNDING = 1e-3
_PLACES = 16  # tried for a crop with foreground
_FOREGROUND = 0.25  # share of a crop that is enough


class TrainingTransforms:
    """Resize, crop, flip and the configured transforms. The random numbers are a function of the `keys` of a call alone."""

    def __init__(self, config: DataConfig) -> None:
        self.config = config
        moves: list[albumentations.BasicTransform] = []
        if config.preprocess in CROPS:
            moves.append(albumentations.RandomCrop(config.crop_size, config.crop_size))
        if config.flip:
            moves.append(albumentations.HorizontalFlip(p=0.5))
        for i, spec in enumerate(config.transforms):
            moves.append(build_transform(spec, f"data.transforms[{i}]", moves_pixels=True))
            _check_move(moves[-1], f"data.transforms[{i}]: {spec['name']}", config)
        self.shared = albumentations.Compose(
            moves,  # pyright: ignore[reportArgumentType]  # its list type is invariant
            additional_targets={"second": "image", "labels_a": "mask", "labels_b": "mask", "labels_mask": "mask"},
            mask_interpolation=cv2.INTER_NEAREST,
        )
        self._crops = config.preprocess in CROPS
        self.own = {"a": _recolouring("a", config.domain_a), "b": _recolouring("b", config.domain_b)}

    def __call__(self, sample: Mapping[str, Loaded], *keys: int | str) -> dict[str, Tensor]:
        """Transform a pair {"a": ..., "b": ...} of equal sizes, or one of the two, to tensors [C, H, W] of the images' integers.

        Their mask, {..., "mask": ...}, becomes a tensor [1, H, W] of 1 inside and 0 outside.
        """
        return self.of_resized({name: resized(loaded, self.config) for name, loaded in sample.items()}, *keys)

    def of_resized(self, sample: Mapping[str, Loaded], *keys: int | str) -> dict[str, Tensor]:
        """The same of images that are already resized. Their pixels are not written."""
        for loaded in sample.values():
            self._check_crop(loaded)
        moved = self._move(sample, *keys)
        pixels = {name: inside(each.pixels) if name == "mask" else self._recolour(name, each, *keys) for name, each in moved.items()}
        return {name: images.to_integers(each) for name, each in pixels.items()}

    def _check_crop(self, loaded: Loaded) -> None:
        config = self.config
        height, width = loaded.pixels.shape[:2]
        if config.preprocess.endswith("crop") and min(height, width) < config.crop_size:
            was = "" if config.preprocess == "crop" else f"scaled to width {config.load_size} it "
            raise UserError(
                f"{loaded.file}: {was}has {width} x {height} pixels, less than data.crop_size {config.crop_size}; "
                "lower crop_size, or set data.preprocess to resize_and_crop"
            )

    def _move(self, sample: Mapping[str, Loaded], *keys: int | str) -> dict[str, Loaded]:
        """Apply the transforms of geometry, alike to all images of the sample."""
        if not self.config.transforms:
            return self._crop_and_flip(sample, *keys)
        targets: dict[str, np.ndarray] = {}
        roles: dict[str, str] = {}
        for name, loaded in sample.items():
            roles[name] = f"labels_{name}" if loaded.labels else "second" if "image" in targets else "image"
            targets[roles[name]] = _to_zero_and_one(loaded.pixels)
        first = next(iter(sample.values()))
        # albumentations takes the size from `image`. If there are only label maps, it gets an empty image.
        targets.setdefault("image", np.zeros((*first.pixels.shape[:2], 1), np.uint8))
        result = _apply(self.shared, targets, "data.transforms", first.file, "shared", *keys)
        moved = {name: result[roles[name]] for name in sample}
        for name, loaded in sample.items():
            if loaded.pixels.dtype == np.float32:
                moved[name] = _from_zero_and_one(moved[name])
        return {name: Loaded(moved[name], loaded.labels, loaded.file) for name, loaded in sample.items()}

    def _crop_and_flip(self, sample: Mapping[str, Loaded], *keys: int | str) -> dict[str, Loaded]:
        """What `shared` does without `data.transforms`, by the same draws in the same order, in a fifth of the time."""
        draws, size = random.Random(_seed("shared", *keys)), self.config.crop_size
        draws.random()  # whether Compose applies its list: always
        down, right = self._crop_place(sample, draws) if self._crops else (0.0, 0.0)
        flipped = self.config.flip and draws.random() < 0.5

        height, width = next(iter(sample.values())).pixels.shape[:2]
        top, left = int((height - size + 1) * down), int((width - size + 1) * right)

        def moved(pixels: np.ndarray) -> np.ndarray:
            if self._crops:
                pixels = pixels[top : top + size, left : left + size]
            return cv2.flip(pixels, 1).reshape(pixels.shape) if flipped else pixels

        return {name: Loaded(moved(loaded.pixels), loaded.labels, loaded.file) for name, loaded in sample.items()}

    def _crop_place(self, sample: Mapping[str, Loaded], draws: random.Random) -> tuple[float, float]:
        """Where the crop lies, as shares of the room that it has. `foreground`: the first of some places with enough foreground."""
        place = draws.random(), draws.random()
        if self.config.sampler == "uniform":
            return place
        size, masked = self.config.crop_size, "mask" in sample
        first = sample["mask"] if masked else next(iter(sample.values()))
        most, best = -1.0, place
        for _ in range(_PLACES):
            top, left = (int((side - size + 1) * share) for side, share in zip(first.pixels.shape[:2], place, strict=True))
            crop = first.pixels[top : top + size, left : left + size]
            share = float(inside(crop).mean()) if masked else foreground_share(crop)
            if share > most:
                most, best = share, place
            if share >= _FOREGROUND:
                break
            place = draws.random(), draws.random()
        return best

    def _recolour(self, name: str, loaded: Loaded, *keys: int | str) -> np.ndarray:
        if loaded.labels or not self.own[name].transforms:
            return loaded.pixels
        where = f"data.domain_{name}.transforms"
        deep = loaded.pixels.dtype == np.uint16
        # Most transforms know 8-bit integers and floats in [0, 1] only; float32 holds 16 bits exactly.
        pixels = loaded.pixels.astype(np.float32) / 65535 if deep else _to_zero_and_one(loaded.pixels)
        result = _apply(self.own[name], {"image": pixels}, where, loaded.file, name, *keys)["image"]
        if result.dtype != pixels.dtype or result.shape != pixels.shape:
            raise UserError(
                f"{where}: turn {pixels.dtype} {pixels.shape} into {result.dtype} {result.shape}; leave out the transform that does so"
            )
        if deep:
            return (result.clip(0, 1) * 65535).round().astype(np.uint16)
        return _from_zero_and_one(result) if loaded.pixels.dtype == np.float32 else result


def _to_zero_and_one(pixels: np.ndarray) -> np.ndarray:
    """Measurements in [-1, 1] as albumentations takes floats; other pixels as they are."""
    return (pixels + np.float32(1)) / np.float32(2) if pixels.dtype == np.float32 else pixels


def _from_zero_and_one(values: np.ndarray) -> np.ndarray:
    return values.clip(0, 1) * np.float32(2) - np.float32(1)


def _seed(*keys: int | str) -> int:
    return derive_seed("augment", *keys)


def _apply(compose: albumentations.Compose, targets: dict[str, Any], where: str, file: str, *keys: int | str) -> dict[str, Any]:
    seed = _seed(*keys)
    # One generator for the whole list. set_random_seed would give EACH transform a fresh generator with the same seed: two flips would
    # always happen together, and a flip would depend on the offset of the crop.
    compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
    # Some transforms write to their input. The pixels of a cached image must not change.
    targets = {name: pixels if pixels.flags.writeable else pixels.copy() for name, pixels in targets.items()}
    try:
        return compose(**targets)
    except Exception as failure:  # which exceptions depends on the transforms that the user lists
        if no_room(failure):
            raise OutOfMemory(f"{file}: no memory for {where}") from failure
        reason = " ".join(str(failure).split()) or type(failure).__name__
        raise UserError(f"{file}: {where} failed on this file ({reason}); change the transforms or remove the file") from failure


def build_transform(spec: Mapping[str, Any], where: str, moves_pixels: bool) -> albumentations.BasicTransform:
    """Build the transform {name: ClassName, **keywords}. `UserError` for any mistake in it, with a message that begins with `where`.

    moves_pixels: True for data.transforms, which both images of a pair share; False for a domain's own, which must not move pixels
    """
    name = spec.get("name")
    if not isinstance(name, str):
        raise UserError(f"{where}: names no transform; write {{name: Rotate, limit: 10}}")
    known = _known_transforms()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "the names are those of albumentations 2.0 (albumentations.ai/docs)"
        raise UserError(f"{where}: no transform is called {name}; {hint}")
    kind = known[name]
    keywords = {str(key): value for key, value in spec.items() if key != "name"}
    accepted = list(inspect.signature(kind).parameters)
    for key in keywords:  # albumentations itself warns and goes on without the keyword
        if key not in accepted:
            close = difflib.get_close_matches(key, accepted, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it takes {', '.join(accepted)}"
            raise UserError(f"{where}: {name} has no key {key}; {hint}")
    if moves_pixels and not issubclass(kind, albumentations.DualTransform):
        raise UserError(f"{where}: {name} changes colours, not places; list it under data.domain_a.transforms or data.domain_b.transforms")
    if not moves_pixels and issubclass(kind, albumentations.DualTransform) and ".dropout." not in kind.__module__:
        raise UserError(
            f"{where}: {name} moves pixels; list it under data.transforms, which both domains share, so that pairs stay aligned"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(**keywords)
    except Exception as failure:  # TypeError, ValueError: as the class likes; it hides pydantic's ValidationError in a ValueError
        if isinstance(failure.__context__, ValidationError):
            errors = failure.__context__.errors()
            wrong = {str(error["loc"][0]): wrong_value(dict(error)) for error in errors if error["loc"]}  # of a union, its last type
            raise UserError(f"{where}: {name}: {'; '.join(f'{key} {words}' for key, words in wrong.items())}") from failure
        reason = " ".join(str(failure).split())
        raise UserError(f"{where}: {name} does not take these values: {reason}") from failure


def _recolouring(name: str, domain: DomainConfig) -> albumentations.Compose:
    """Build a domain's own transforms."""
    built: list[albumentations.BasicTransform] = []
    for i, spec in enumerate(domain.transforms):
        where = f"data.domain_{name}.transforms[{i}]"
        built.append(build_transform(spec, where, moves_pixels=False))
        _check_recolouring(built[-1], f"{where}: {spec['name']}", domain.channels)
    return albumentations.Compose(built)  # pyright: ignore[reportArgumentType] - its list type is invariant


def _check_recolouring(transform: albumentations.BasicTransform, where: str, channels: int) -> None:
    """`UserError` if a transform changes the type, shape or range of its input: 8-bit integers, or 16 bits as floats in [0, 1].

    Normalize is an example: other programs feed its result to a network, but here 16-bit images would become black.
    """
    gray = np.repeat(np.linspace(0, 1, _TRIED**2, dtype=np.float32), channels).reshape(_TRIED, _TRIED, channels)
    for pixels, depth in (((gray * 255).astype(np.uint8), 8), (gray, 16)):
        made, why = _try(transform, pixels), None
        if made is None:
            continue
        if made.dtype != pixels.dtype:
            why = f"turns {depth}-bit values from {pixels.dtype} into {made.dtype}"
        elif made.shape != pixels.shape:
            why = f"turns {pixels.shape} into {made.shape}"
        elif made.dtype == np.float32 and not (made.min() >= -_ROUNDING and made.max() <= 1 + _ROUNDING):
            why = f"turns {depth}-bit values, as floats from 0 to 1, into {made.min():.3g} to {made.max():.3g}"
        if why:
            raise UserError(f"{where} {why}; leave it out: images are brought to the network's range without it")


def _check_move(transform: albumentations.BasicTransform, where: str, config: DataConfig) -> None:
    """`UserError` if a transform of geometry changes the type, the channels, or the size that the crop gives to all images."""
    side = config.crop_size if config.one_size else _TRIED
    for kind in (np.uint8, np.uint16):
        made = _try(transform, np.zeros((side, side, 3), kind))
        if made is None:
            continue
        if made.dtype != kind or made.shape[2:] != (3,):
            raise UserError(f"{where} turns {np.dtype(kind)} RGB into {made.dtype} {made.shape}; leave it out")
        if config.one_size and made.shape[:2] != (side, side):
            height, width = made.shape[:2]
            raise UserError(
                f"{where} makes {width} x {height} of the {side} x {side} pixels that data.crop_size asks for; set crop_size instead, "
                "or data.preprocess=none"
            )


def _try(transform: albumentations.BasicTransform, pixels: np.ndarray) -> np.ndarray | None:
    """The result of a transform; None if it fails. A failure is reported in training, with the file at which it happens."""
    always = copy.deepcopy(transform)
    always.p = 1.0
    compose = albumentations.Compose([always], seed=0)  # pyright: ignore[reportArgumentType]
    try:
        made = compose(image=pixels)["image"]
    except Exception:  # which exceptions depends on the transforms that the user lists
        return None
    return made if isinstance(made, np.ndarray) else None


def _known_transforms() -> dict[str, type[albumentations.BasicTransform]]:
    abstract = {albumentations.BasicTransform, albumentations.DualTransform, albumentations.ImageOnlyTransform}
    members = ((name, getattr(albumentations, name)) for name in dir(albumentations))
    return {
        name: member
        for name, member in members
        if inspect.isclass(member)
        and issubclass(member, albumentations.DualTransform | albumentations.ImageOnlyTransform)
        and member not in abstract
    }
