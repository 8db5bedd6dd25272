"""The fingerprint by which a resumed run recognises its data set: the names of its images and masks in order, and samples of their bytes.

The order of training is a function of the seed and of each image's place in the list, so another list means another order. Reading every
file of a large set would take as long as an epoch, so at most `LOOKS` evenly spread files of each domain are sampled. Names are relative
to the root and in one form of Unicode: a data set that moved, or was copied from macOS, has the same fingerprint.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan_style.datasets.keys import Keys
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import Source, shown
from gan_style.errors import UserError
from gan_style.files.bounded import Encoded
from gan_style.files.opening import open_regular
from gan_style.files.stems import composed

LOOKS = 2000  # files of a domain that are sampled
LISTED = 10_000  # most names in a fingerprint; for a longer list only a hash tells that it changed
BLOCK = 4096  # bytes that are read in the middle and at the end of a file

Fingerprint = dict[str, Any]  # of texts, numbers and tensors, for a checkpoint


def fingerprint(source: Source) -> Fingerprint:
    """The fingerprint of a source, to be compared with another one by `changes`."""
    domains = ("a",) if source.b is source.a else ("a", "b")
    found = {domain: _listing(source.keys(domain), partial(source.files, domain)) for domain in domains}
    masks = {domain: _listing(source.masks[domain], partial(_mask, source, domain)) for domain in domains if source.masks}
    return {"layout": source.layout, "paired": source.paired, "domains": found, **({"masks": masks} if masks else {})}


def changes(old: Fingerprint, new: Fingerprint, seen: Mapping[str, np.ndarray]) -> str:
    """The differences between two fingerprints in words; empty if there are none.

    seen: domain -> [images] bool: was the image trained on? The content of other images may change.
    """
    kinds = [f"{each['layout']}{'' if each['paired'] else ', unpaired'}" for each in (old, new)]
    if kinds[0] != kinds[1]:
        return f"it is read as {kinds[1]}, not as {kinds[0]}"
    return measured_changes(old, new, seen)


def measured_changes(old: Fingerprint, new: Fingerprint, seen: Mapping[str, np.ndarray] | None = None) -> str:
    """The differences between the images and masks of two fingerprints in words, however they are read.

    seen: as in `changes`; None for all images
    """
    return _image_changes(old, new, seen) or _mask_changes(old.get("masks", {}), new.get("masks", {}), seen)


def _image_changes(old: Fingerprint, new: Fingerprint, seen: Mapping[str, np.ndarray] | None) -> str:
    if old["domains"].keys() != new["domains"].keys():
        return "its domains are others"
    found = []
    for domain, after in new["domains"].items():
        if change := _change(old["domains"][domain], after, _seen(seen, domain, after)):
            found.append(f"domain {domain.upper()} has {change}" if len(new["domains"]) > 1 else f"it has {change}")
    return ", ".join(found)


def _mask_changes(old: Mapping[str, Any], new: Mapping[str, Any], seen: Mapping[str, np.ndarray] | None) -> str:
    if old.keys() != new.keys():
        return "it has masks now" if new else "it has no masks any more"
    found = ((domain, _change(old[domain], after, _seen(seen, domain, after))) for domain, after in new.items())
    return next((f"its masks for domain {domain.upper()} have {change}" for domain, change in found if change), "")


def _seen(seen: Mapping[str, np.ndarray] | None, domain: str, listing: Mapping[str, Any]) -> np.ndarray:
    return np.ones(listing["count"], bool) if seen is None else seen[domain]


def _mask(source: Source, domain: str, index: int) -> tuple[Path]:
    return (source.mask_file(domain, index),)


def _listing(names: Sequence[str], files_at: Callable[[int], Sequence[Path | Encoded]]) -> dict[str, Any]:
    keys = _composed(Keys.of(names))
    with ThreadPoolExecutor(4) as threads:
        looks = list(threads.map(lambda place: _look(files_at, place), _places(len(keys))))
    return {"count": len(keys), "names": _digest(keys), "list": _listed(keys), "looks": torch.tensor(looks, dtype=torch.int64)}


def _composed(keys: Keys) -> Keys:
    """The names in Unicode's composed form, in which pairs are compared."""
    return keys if not (keys.text & 0x80).any() else Keys.of(list(map(composed, keys)))


def _digest(keys: Keys) -> str:
    names = hashlib.sha256(np.ascontiguousarray(keys.ends, "<i8").data)
    names.update(np.ascontiguousarray(keys.text).data)
    return names.hexdigest()


def _listed(keys: Keys) -> dict[str, torch.Tensor] | None:
    return {"text": torch.tensor(keys.text), "ends": torch.tensor(keys.ends)} if len(keys) <= LISTED else None


def _look(files_at: Callable[[int], Sequence[Path | Encoded]], place: int) -> int:
    """A hash of the size, middle and end of each file of an image; 0 if one cannot be read."""
    looked = hashlib.blake2b(digest_size=8)
    try:
        for image in files_at(place):
            with open_regular(image) if isinstance(image, Path) else BytesIO(image.data) as file:
                size = file.seek(0, 2)
                looked.update(size.to_bytes(8, "little"))
                for start in (size // 2, max(0, size - BLOCK)):
                    file.seek(start)
                    looked.update(file.read(BLOCK))
    except (OSError, UserError):  # training reports the file when it reads it
        return 0
    return int.from_bytes(looked.digest(), "little", signed=True)


def _change(old: Mapping[str, Any], new: Mapping[str, Any], seen: np.ndarray) -> str:
    """The differences of one domain in words that follow `has`."""
    before, names = _names(old), _names(new)
    if old["names"] != new["names"] and (before is None or before != names):
        told = (
            f"{new['count']} images instead of {old['count']}"
            if new["count"] != old["count"]
            else f"{new['count']} images as before, but others"
        )
        if before is None or names is None:
            return told
        added, gone = sorted({*names} - {*before}), sorted({*before} - {*names})
        examples = [f"{word} {shown(keys[0])}" for word, keys in (("new:", added), ("gone:", gone)) if keys]
        return f"{told} ({'; '.join(examples)})" if examples else "its images in another order"
    looks = zip(_places(new["count"]), old["looks"].tolist(), new["looks"].tolist(), strict=True)
    changed = [place for place, before, after in looks if 0 != before != after != 0 and seen[place]]
    if not changed:
        return ""
    first = f"number {changed[0] + 1}" if names is None else shown(names[changed[0]])
    return f"another content in {len(changed)} of {new['count']} images, the first is {first}"


def _names(domain: Mapping[str, Any]) -> Keys | None:
    """The names in a stored fingerprint, composed again because earlier versions stored them as they are on the disk."""
    return None if domain["list"] is None else _composed(Keys(domain["list"]["text"].numpy(), domain["list"]["ends"].numpy()))


def _places(count: int) -> list[int]:
    """The places of the files that are sampled."""
    return spread(count, LOOKS)
