"""The images of a source as training resizes them, from its files or from a cache."""

import platform
import time
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import cv2
import PIL

from gan_style.config.data import DataConfig
from gan_style.datasets.image_cache import make_cache
from gan_style.datasets.masks import check_size, read_mask_for_crop
from gan_style.datasets.pairs import mismatch
from gan_style.datasets.reading import Loaded, read_both, read_for_crop
from gan_style.datasets.survey import Source
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import Encoded
from gan_style.version import VERSION

_SETTLED = 2.0  # seconds; a file that changed later may change again within one tick of its file system's clock


class ResizedImages:
    """Decoded and resized images of a source. With `data.cache` an image that is unchanged is decoded and resized once."""

    def __init__(self, source: Source, config: DataConfig) -> None:
        self.source, self.config = source, config
        self.cache = make_cache(config)
        self._settings = {domain: _settings(config, domain, source.layout == "aligned") for domain in source.domains}

    def one(self, domain: str, index: int) -> Loaded:
        """Image `index` of domain "a" or "b"."""
        return self._read((domain,), index)[domain]

    def pair(self, index: int) -> dict[str, Loaded]:
        """Both images of pair `index`. `UserError` if their files differ in size: training crops both at the same place."""
        found = self._read(("a", "b"), index)
        if mistake := mismatch(found["a"].shape, found["b"].shape):
            raise UserError(mistake)
        return found

    def mask(self, domain: str, index: int, image: Loaded) -> Loaded:
        """The mask of image `index` of a domain, resized as `image` was. `UserError` if the two files differ in size."""
        path = self.source.mask(domain, index)
        settings, file = _settings_of_masks(self.config), self.source.mask_file(domain, index)
        mark = _mark(settings, (file,), str(path) if self.source.slices else "") if self.cache else None
        mask = self.cache.get(*mark, str(path)) if self.cache and mark else None
        if mask is None:
            mask = resized(read_mask_for_crop(self.source, self.config, domain, index), self.config)
            if self.cache and mark:
                self.cache.put(*mark, mask)
        check_size(mask, image)
        return mask

    def _read(self, domains: tuple[str, ...], index: int) -> dict[str, Loaded]:
        marks: dict[str, tuple[bytes, bytes] | None] = {}
        for domain in domains if self.cache else ():  # before the file is read
            part = self.source.name(domain, index) if self.source.slices else ""
            marks[domain] = _mark(self._settings[domain], self.source.files(domain, index), part)
        found: dict[str, Loaded] = {}
        for domain, mark in marks.items():
            if self.cache and mark and (kept := self.cache.get(*mark, self.source.name(domain, index))):
                found[domain] = kept
        missing = [domain for domain in domains if domain not in found]
        if len(missing) == 2 and self.source.layout == "aligned":
            loaded = read_both(self.source, self.config, index)
        else:
            loaded = {domain: read_for_crop(self.source, self.config, domain, index) for domain in missing}
        for domain, image in loaded.items():
            found[domain] = resized(image, self.config)
            if self.cache and (mark := marks[domain]) and not image.several:  # reading a file of several pages warns
                self.cache.put(*mark, found[domain])
        return {domain: found[domain] for domain in domains}


def resized(loaded: Loaded, config: DataConfig) -> Loaded:
    """The image as training resizes it, which remembers the size of its file."""
    rows, columns = loaded.pixels.shape[:2]
    height, width = images.load_resize(config.preprocess, config.load_size, rows, columns)
    pixels = images.resize(loaded.pixels, height, width, loaded.labels, loaded.file)
    return replace(loaded, pixels=pixels, size=(rows, columns))


def _mark(settings: bytes, files: Iterable[Path | Encoded], part: str = "") -> tuple[bytes, bytes] | None:
    """(key, stamp) of an image of these files; None if it cannot be told whether it changes. part: which part of them it is"""
    names, stamps = list[object]([settings, part] if part else [settings]), list[object]()
    for file in files:
        if isinstance(file, Path):
            try:
                facts = file.stat()
            except OSError:
                return None  # reading it says what is wrong
            if time.time() - max(facts.st_mtime, facts.st_ctime) < _SETTLED:
                return None
            stamps.append((facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))
        else:
            stamps.append(blake2b(file.data).digest())
        names.append(str(file.absolute() if isinstance(file, Path) else file))
    return _digest(*names), _digest(*stamps)


def _settings_of_masks(config: DataConfig) -> bytes:
    return _digest("mask", config.preprocess, config.load_size, VERSION, cv2.__version__)


def _settings(config: DataConfig, domain: str, halved: bool) -> bytes:
    """All but the file that decides the pixels of a domain's images."""
    own = config.domain_a if domain == "a" else config.domain_b
    read = (own.channels, own.labels, own.colours, domain if halved else "", config.preprocess, config.load_size)
    read += (own.range, own.missing) if own.range is not None else ()
    read += (own.slices,) if own.slices is not None else ()
    return _digest(read, VERSION, cv2.__version__, PIL.__version__, platform.machine())


def _digest(*values: object) -> bytes:
    return blake2b(repr(values).encode("utf-8", "surrogateescape"), digest_size=16).digest()
