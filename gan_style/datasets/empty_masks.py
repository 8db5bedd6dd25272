"""Masks that are all empty: nothing would be weighed or measured, and no number would tell why."""

import warnings
from pathlib import Path

from gan_style.datasets.mask_check import header_of_mask, parts_of_mask
from gan_style.datasets.masks import check_channels, labels_of
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import Source
from gan_style.errors import UserError

LOOKED_AT = 1000  # masks at most, evenly spread over a set
_ADVICE = "give the pixels that count a value above 0, or take whole images: data.mask=off (evaluate --mask off)"


def check_not_all_empty(source: Source) -> None:
    """`UserError` if all masks of a domain are empty; a warning if all that are looked at are. Usually the first mask is read alone.

    A mask that cannot be read is passed over: whoever reads its image names it.
    """
    for domain, keys in source.masks.items():
        if domain == "b" and source.paired:
            return  # the masks of domain A
        files = dict.fromkeys(source.mask_file(domain, place) for place in spread(len(keys), LOOKED_AT))
        if not files or any(some_inside(file) for file in files):
            continue
        of = "" if source.paired else f" for domain {domain.upper()}"
        if len(keys) <= LOOKED_AT:
            raise UserError(f"{source.root}: all masks of split {source.split}{of} are empty, such as {next(iter(files))}; {_ADVICE}")
        warnings.warn(
            f"{source.root}: {len(files)} masks of split {source.split}{of} that were looked at are empty, such as {next(iter(files))}; "
            f"if all are, {_ADVICE}",
            stacklevel=2,
        )


def some_inside(path: Path) -> bool:
    """Is a pixel of the mask inside? True for a mask that cannot be read. It is read up to the first part with such a pixel."""
    try:
        header = header_of_mask(path)
        check_channels(path, header.channels)
        return any(labels_of(part).any() for part in parts_of_mask(path, header))
    except UserError:
        return True
