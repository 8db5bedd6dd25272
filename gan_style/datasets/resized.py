"""The images of a source as training resizes them, from its files or from a cache."""

import platform
import time
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
        mask = read_mask_for_crop(self.source, self.config, domain, index)
        check_size(mask, image)
        return resized(mask, self.config)

    def _read(self, domains: tuple[str, ...], index: int) -> dict[str, Loaded]:
        marks = {domain: self._mark(domain, index) for domain in domains} if self.cache else {}  # taken before the file is read
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

    def _mark(self, domain: str, index: int) -> tuple[bytes, bytes] | None:
        """(key, stamp) of an image; None if it cannot be told whether it changes."""
        names, stamps = list[object]([self._settings[domain]]), list[object]()
        for image in self.source.files(domain, index):
            if isinstance(image, Path):
                try:
                    facts = image.stat()
                except OSError:
                    return None  # reading it says what is wrong
                if time.time() - max(facts.st_mtime, facts.st_ctime) < _SETTLED:
                    return None
                stamps.append((facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))
            else:
                stamps.append(blake2b(image.data).digest())
            names.append(str(image if not isinstance(image, Path) else image.absolute()))
        return _digest(*names), _digest(*stamps)


def resized(loaded: Loaded, config: DataConfig) -> Loaded:
    """The image as training resizes it, which remembers the size of its file."""
    rows, columns = loaded.pixels.shape[:2]
    height, width = images.load_resize(config.preprocess, config.load_size, rows, columns)
    pixels = images.resize(loaded.pixels, height, width, loaded.labels, loaded.file)
    return replace(loaded, pixels=pixels, size=(rows, columns))


def _settings(config: DataConfig, domain: str, halved: bool) -> bytes:
    """All but the file that decides the pixels of a domain's images."""
    own = config.domain_a if domain == "a" else config.domain_b
    read = (own.channels, own.labels, own.colours, domain if halved else "", config.preprocess, config.load_size)
    read += (own.range, own.missing) if own.range is not None else ()
    return _digest(read, VERSION, cv2.__version__, PIL.__version__, platform.machine())


def _digest(*values: object) -> bytes:
    return blake2b(repr(values).encode("utf-8", "surrogateescape"), digest_size=16).digest()
