"""Conversion of data sets between layouts. Without `overwrite`, nothing at all is written if any file would be overwritten."""

import hashlib
import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from gan_style.datasets.layouts import mask_folder, resolve_layout, table_of
from gan_style.datasets.masks import takes_masks
from gan_style.datasets.pairs import Shape, doubt, mismatch
from gan_style.datasets.reading import half
from gan_style.datasets.sources import find_split
from gan_style.datasets.survey import LayoutChoice, Source, Split
from gan_style.errors import UserError, one_line
from gan_style.files import images
from gan_style.files.atomic import replacing
from gan_style.files.left_out import LeftOut
from gan_style.files.stems import stem
from gan_style.terminal.progress import Progress

log = logging.getLogger("gan_style")

_SPLITS: tuple[Split, ...] = ("train", "val", "test")
_MOST_BYTES = 2**30  # largest file in a cell: Arrow counts the bytes of a chunk of a column in 31 bits


def combine(root: Path, output: Path, overwrite: bool = False) -> int:
    """Join the pairs of two folders to side-by-side files output/{train,val,test}/STEM.png; returns their number.

    A file gets the larger depth and the larger number of channels of its halves. Palettes are lost: a label map becomes RGB, so
    training on the result needs `labels: "yes"` for its domain.
    """
    pairs: list[tuple[Path, Path, Path]] = []
    for split in _SPLITS:
        source = _find(root, "folders", split, paired=True)
        for index in range(len(source.a) if source else 0):
            assert source is not None
            target = output / split / Path(source.below("a", index)).with_suffix(".png")
            pairs.append((source.path(source.a[index]), source.path(source.b[index]), target))
    _refuse_existing((target for *_, target in pairs), overwrite)
    for path_a, path_b, target in Progress("combine", "pairs", len(pairs)).over(pairs):
        images.write(target, _side_by_side(path_a, path_b))
    return len(pairs)


def split_pairs(root: Path, output: Path, overwrite: bool = False) -> int:
    """Cut side-by-side files to output/{train,val,test}{A,B}/STEM.png, the reverse of `combine`; returns their number."""
    files: list[tuple[Path, Path, Path]] = []
    for split in _SPLITS:
        source = _find(root, "aligned", split, paired=True)
        for index in range(len(source.a) if source else 0):
            assert source is not None
            name = Path(source.below("a", index)).with_suffix(".png")
            files.append((source.path(source.a[index]), output / f"{split}A" / name, output / f"{split}B" / name))
    _refuse_one_target_for_two(files)
    _refuse_existing((target for _, *targets in files for target in targets), overwrite)
    for path, *targets in Progress("split", "files", len(files)).over(files):
        picture = images.read(path, images.probe(path).channels)
        for domain, target in zip("ab", targets, strict=True):
            images.write(target, half(picture, domain, str(path)).pixels)
    return len(files)


def split_files(
    folder: Path, output: Path, val_share: Fraction, domain: str = "", seed: int = 0, overwrite: bool = False
) -> tuple[int, int]:
    """Copy the images below `folder`, bytes unchanged, to output/train{domain}/ and output/val{domain}/; returns both counts.

    Files are ranked by a hash of the seed and their stem. The first val_share of them (rounded, at least one on each side) become
    validation images. The choice does not depend on the order or the suffixes of names. Two folders with the same stems, such as
    the two domains of a paired set, are therefore split alike.
    """
    left_out = LeftOut()
    found = images.find_images(folder, left_out)
    _tell(folder, left_out)
    if len(found) < 2:
        raise UserError(f"{folder}: holds {len(found)} image(s), but split needs two or more; add images")
    if not 0 < val_share < 1:
        raise UserError(f"--val {float(val_share)}: must be a share between 0 and 1, such as 0.1")

    def rank(file: Path) -> tuple[bytes, str]:
        return hashlib.blake2b(f"{seed}/{stem(file.as_posix())}".encode()).digest(), file.as_posix()

    count = min(max(1, round(val_share * len(found))), len(found) - 1)
    held_out = set(sorted(found, key=rank)[:count])
    targets = [(folder / file, output / f"{'val' if file in held_out else 'train'}{domain}" / file) for file in found]
    _refuse_existing((target for _, target in targets), overwrite)
    for path, target in Progress("split", "files", len(targets)).over(targets):
        _copy(path, target)
    return len(found) - count, count


def to_parquet(root: Path, output: Path, layout: LayoutChoice = "auto", shard_bytes: int = 2**29, overwrite: bool = False) -> int:
    """Copy the images of a data set, bytes unchanged, into Parquet tables (see `datasets.parquet`); returns the number of rows.

    layout: every layout but "unpaired" expects pairs
    shard_bytes: bytes of images after which a new file begins
    """
    from gan_style.datasets import parquet  # needs an extra, which the other conversions do not

    if resolve_layout(root, layout, paired=layout != "unpaired") in ("aligned", "parquet"):
        raise UserError(f"{root}: must be folders or a manifest, in which each image is a file (`split` makes them of side-by-side files)")
    old = {path for path in output.glob("*.parquet") if table_of(path.name)}
    _refuse_existing(sorted(old), overwrite)
    files: list[tuple[Path, Source, dict[str, str], range]] = []
    for split in _SPLITS:
        source = _find(root, layout, split, paired=layout != "unpaired")
        if source is None:
            continue
        tables = {split: {"a": "a", "b": "b"}} if source.paired else {f"{split}{domain.upper()}": {"image": domain} for domain in "ab"}
        for table, columns in tables.items():
            parts = _parts(source, list(columns.values()), shard_bytes)
            names = [f"{table}-{number:05d}-of-{len(parts):05d}.parquet" for number in range(len(parts))]
            files += [(output / name, source, columns, part) for name, part in zip(names, parts, strict=True)]
    count = sum(len(part) for *_, part in files)
    with Progress("to-parquet", "rows", count) as progress:
        for target, source, columns, part in files:
            with _writing(target):
                parquet.write_file(target, list(columns), ([_encoded(source, each, row) for each in columns.values()] for row in part))
            progress.update(len(part))
    for path in old - {target for target, *_ in files}:
        path.unlink()
    return count


def _find(root: Path, layout: LayoutChoice, split: Split, paired: bool) -> Source | None:
    """The source of a split; prints what is left out of it."""
    source = find_split(root, layout, split, paired)
    if source is not None and max(source.inputs("a"), source.inputs("b")) > 1:
        raise UserError(f"{root}: holds images of several files, which stay as they are")
    if source is not None:
        _tell(root, source.left_out)
        if source.masks or (takes_masks(source) and mask_folder(source)):
            log.warning(f"{root}: the masks of split {source.split} are left out")
    return source


def _tell(folder: Path, left_out: LeftOut) -> None:
    if words := left_out.words():
        log.warning(one_line(f"{folder}: left out: {words}"))


def _side_by_side(path_a: Path, path_b: Path) -> np.ndarray:
    headers = images.probe(path_a), images.probe(path_b)
    channels = max(header.channels for header in headers)
    if any(header.channels == 2 for header in headers) and channels == 3:
        channels = 4  # gray with alpha beside RGB
    shapes = [
        Shape(str(path), header.width, header.height, header.orientation) for path, header in zip((path_a, path_b), headers, strict=True)
    ]
    if mistake := mismatch(*shapes) or doubt(*shapes):
        raise UserError(mistake)
    halves = [images.read(path, channels).pixels for path in (path_a, path_b)]
    if halves[0].dtype != halves[1].dtype:  # 255 * 257 = 65535: white stays white
        halves = [each.astype(np.uint16) * 257 if each.dtype == np.uint8 else each for each in halves]
    return np.concatenate(halves, axis=1)


def _refuse_existing(targets: Iterable[Path], overwrite: bool) -> None:
    existing = [] if overwrite else [target for target in targets if target.exists()]
    if existing:
        raise UserError(f"{existing[0]}: exists already ({len(existing)} such file(s)); choose another --output, or pass --overwrite")


def _refuse_one_target_for_two(files: Sequence[tuple[Path, Path, Path]]) -> None:
    seen: dict[Path, Path] = {}
    for path, target, _ in files:
        if target in seen:
            raise UserError(f"{path}: has the same stem as {seen[target].name}, so both would become {target}; rename one of them")
        seen[target] = path


def _parts(source: Source, domains: Sequence[str], most_bytes: int) -> list[range]:
    """The rows of a table in parts whose images have at most `most_bytes`."""
    starts, total, length = [0], 0, len(source.keys(domains[0]))
    for row in range(length):
        size = sum(_size(source.path(source.keys(domain)[row])) for domain in domains)
        if total and total + size > most_bytes:
            starts.append(row)
            total = 0
        total += size
    return [range(start, stop) for start, stop in pairwise([*starts, length])]


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
    except OSError as failure:
        raise UserError(f"{path}: cannot be opened ({failure.strerror}); check the path and its permissions") from failure
    if size > _MOST_BYTES:
        raise UserError(f"{path}: has {size >> 20} MB, more than the {_MOST_BYTES >> 20} MB that a cell may have; leave it out")
    return size


def _encoded(source: Source, domain: str, row: int) -> tuple[str, bytes]:
    key = source.keys(domain)[row]
    path = source.path(key)
    try:
        key.encode()
        return key, path.read_bytes()
    except UnicodeEncodeError as failure:
        raise UserError(f"{path}: its name is not UTF-8, as names in Parquet must be; rename it") from failure
    except OSError as failure:
        raise UserError(f"{path}: cannot be read ({failure.strerror}); check its permissions") from failure


def _copy(path: Path, target: Path) -> None:
    with _writing(target), replacing(target) as temporary:
        shutil.copyfile(path, temporary)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise UserError(f"{target}: cannot be written ({failure.strerror or failure}); free the disk or choose another folder") from failure
