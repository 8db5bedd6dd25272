"""Colour profiles: reading a file that has an ICC profile converts its colours to sRGB.

littlecms converts: through Pillow at 8 bits, through imagecodecs at 16. The intent is relative colorimetric with black point
compensation, which keeps the colours that sRGB can show and maps black to black.
"""

import functools
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

from gan_style.files.bounded import Encoded, reason
from gan_style.files.samples import by_bands

Model = Literal["GRAY", "RGB", "CMYK"]

MAX_PROFILE = 2**22  # bytes; profiles of printers have one or two million
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_SAME = 2  # largest difference, of 255: profiles of sRGB itself differ by this much
_BANDS: dict[Model, int] = {"GRAY": 1, "RGB": 3, "CMYK": 4}
_PIL_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
_told: set[int] = set()  # hashes of the profiles that a warning has named
_MOST_TOLD = 1000  # a process that reads for others for ever names no more


@dataclass(frozen=True)
class Conversion:
    """The conversion from a profile's colours to sRGB, for 8 or 16 bits.

    convert: [h, w, bands] -> [h, w, 3]; model: the colour model of its input
    """

    convert: Callable[[np.ndarray], np.ndarray]
    model: Model

    def of_colours(self, pixels: np.ndarray) -> np.ndarray:
        """Convert [H, W, C] to sRGB. Gray keeps one channel, CMYK becomes RGB, alpha does not change."""
        colours = _BANDS[self.model]

        def convert(band: np.ndarray) -> np.ndarray:
            converted = self.convert(np.ascontiguousarray(band[..., :colours]))
            return np.concatenate([converted[..., 1:2] if self.model == "GRAY" else converted, band[..., colours:]], axis=2)

        return by_bands(pixels, convert)


def conversion(profile: object, model: Model, depth: int, path: Path | Encoded) -> Conversion | None:
    """The conversion for a file's embedded `profile`; None if the file has no profile or sRGB's.

    A profile that cannot be used is reported once; its pictures are read as sRGB.
    """
    if not isinstance(profile, bytes) or not profile:
        return None
    found = _conversion(profile, model, depth) if len(profile) <= MAX_PROFILE else f"has {len(profile)} bytes, more than {MAX_PROFILE}"
    if not isinstance(found, str):
        return found
    if hash(profile) not in _told and len(_told) < _MOST_TOLD:
        _told.add(hash(profile))
        warnings.warn(f"{path}: its colour profile {found}: its colours are taken as sRGB", stacklevel=2)
    return None


@functools.cache
def srgb_profile() -> bytes:
    """An ICC profile of sRGB, for files whose reader might take their colours for others. Its bytes are always the same."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # littlecms writes the present date
    return bytes(profile)


@functools.lru_cache(maxsize=16)
def _conversion(profile: bytes, model: Model, depth: int) -> Conversion | str | None:
    """The conversion, None for sRGB, or why the profile cannot be used."""
    try:
        source = ImageCms.getOpenProfile(BytesIO(profile))
        space = profile[16:20].decode("latin-1").strip()
        if space != model and (space, model) != ("RGB", "GRAY"):
            return f"is one for {space}, not for {model}"
        made = Conversion(_eight_bits(source, space) if depth == 8 else _sixteen_bits(profile, space), model)
        if not _tells_shades_apart(made.convert, model, depth):
            return "cannot be used (it tells no shades apart)"
        return None if model != "CMYK" and _is_srgb(made.convert, model, depth) else made
    except Exception as failure:  # damaged profiles raise many types
        return f"cannot be used ({reason(failure)})"


def _eight_bits(source: ImageCms.ImageCmsProfile, space: str) -> Callable[[np.ndarray], np.ndarray]:
    mode = _PIL_MODES[space]
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", _INTENT, _FLAGS)

    def convert(colours: np.ndarray) -> np.ndarray:
        image = Image.frombytes(mode, (colours.shape[1], colours.shape[0]), _bands(colours, space).tobytes())
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None
        return np.asarray(converted)

    return convert


def _sixteen_bits(profile: bytes, space: str) -> Callable[[np.ndarray], np.ndarray]:
    import imagecodecs

    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    def convert(colours: np.ndarray) -> np.ndarray:
        colours = colours[..., 0] if space == "GRAY" else _bands(colours, space)
        return imagecodecs.cms_transform(
            colours, profile, target, colorspace=space.lower(), outcolorspace="rgb", intent=int(_INTENT), flags=int(_FLAGS)
        )

    return convert


def _bands(colours: np.ndarray, space: str) -> np.ndarray:
    """Gray as three equal bands where its profile is one for RGB."""
    return np.repeat(colours, 3, axis=2) if colours.shape[2] == 1 and space == "RGB" else colours


def _tells_shades_apart(convert: Callable[[np.ndarray], np.ndarray], model: Model, depth: int) -> bool:
    """Does the result change when one band alone changes? It does not for a curve of gamma 0 or a primary without light."""
    steps = np.arange(17, 256, 17) * ((2**depth - 1) // 255)
    bands = _BANDS[model]
    ramps = np.eye(bands, dtype=np.int64)[:, None, :] * steps[:, None]  # [bands, steps, bands]
    converted = convert(ramps.astype(np.uint8 if depth == 8 else np.uint16))
    return bool((converted != converted[:, :1]).any(axis=(1, 2)).all())


def _is_srgb(convert: Callable[[np.ndarray], np.ndarray], model: Model, depth: int) -> bool:
    """Does a conversion change every colour by at most `_SAME` of 255?"""
    top = 2**depth - 1
    steps = np.arange(0, 256, 15 if model == "RGB" else 1) * (top // 255)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, len(steps), 3) if model == "RGB" else steps.reshape(1, -1, 1)
    colours = grid.astype(np.uint8 if depth == 8 else np.uint16)
    return bool(np.abs(convert(colours).astype(np.int64) - colours).max() <= _SAME * (top // 255))
