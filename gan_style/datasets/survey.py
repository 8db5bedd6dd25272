"""The result of surveying a layout: the files of a split, and their problems."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gan_style.datasets.listing import Listing
from gan_style.errors import one_line
from gan_style.files.images import Encoded
from gan_style.files.left_out import LeftOut
from gan_style.files.several import Several
from gan_style.files.volumes import Neighbours
from gan_style.terminal.counted import counted

Layout = Literal["aligned", "folders", "unpaired", "manifest", "parquet", "images", "labelled"]
LayoutChoice = Literal["auto", "aligned", "folders", "unpaired", "labelled", "manifest", "parquet"]
Split = Literal["train", "val", "test"]
Domain = Literal["a", "b"]
SLICE = "\0/"  # before the number of a slice in a key
BETWEEN = "\0"  # the files of one image in a key, and their folders: no path holds it
SET_ALIGNED = "set data.source=aligned (prepare.py: --source aligned)"
_SPLIT_FOLDER = re.compile(r"^(train|val|test)(/?[AB])?/")


@dataclass(frozen=True)
class Source:
    """The images of one split. Keys are posix paths relative to `root`; the key of an image of several files holds all of theirs.

    If `paired`, a[i] belongs to b[i]. In an aligned source both are the same file, whose left half is domain A. A source of the layout
    `images` or `labelled` has one domain: `b` is `a`.

    folders: of domain A and domain B below the root, with which the keys begin; "" if the images lie anywhere below the root
    split: the split of the images; "test" if they are used as validation images, of which the data set has none
    left_out: files in the folders without an image's suffix
    classes: of the layout `labelled`: the name of each class and its folder below the root
    held_out: are they training images that `data.hold_out` keeps for validation?
    masks: domain -> the key of each image's mask; the masks of pairs are those of both domains. Empty for images without masks
    slices: domain -> how many neighbouring slices each image has, if images are slices of volumes
    """

    layout: Layout
    root: Path
    a: Sequence[str]
    b: Sequence[str]
    paired: bool
    folders: tuple[str, str] = field(default=("", ""), kw_only=True)
    split: Split = field(default="train", kw_only=True)
    left_out: LeftOut = field(default_factory=LeftOut, kw_only=True)
    classes: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    held_out: bool = field(default=False, kw_only=True)
    masks: Mapping[str, Sequence[str]] = field(default_factory=dict, kw_only=True)
    slices: Mapping[str, int] = field(default_factory=dict, kw_only=True)

    def path(self, key: str) -> Path:
        return self.root / key

    def name(self, domain: str, index: int) -> str:
        """The name of image `index` of domain "a" or "b" in messages."""
        return str(self.image(domain, index))

    def image(self, domain: str, index: int) -> Path | Encoded | Several | Neighbours:
        """Image `index` of domain "a" or "b", as `images.read` takes it."""
        key, _, depth = self.keys(domain)[index].partition(SLICE)
        image = Several(tuple(self.path(part) for part in key.split(BETWEEN))) if BETWEEN in key else self.path(key)
        return Neighbours(image, int(depth), self.slices[domain]) if depth else image

    def files(self, domain: str, index: int) -> tuple[Path | Encoded, ...]:
        """The files of image `index` of domain "a" or "b"."""
        image = self.image(domain, index)
        image = image.volume if isinstance(image, Neighbours) else image
        return image.files if isinstance(image, Several) else (image,)

    def inputs(self, domain: str) -> int:
        """The number of files of each image of domain "a" or "b"."""
        keys = self.keys(domain)
        return keys[0].partition(SLICE)[0].count(BETWEEN) + 1 if len(keys) else 1

    def volumes(self, domain: str) -> int:
        """The number of volumes in which the images of domain "a" or "b" are slices; 0 if they are none."""
        return len({key.partition(SLICE)[0] for key in self.keys(domain)}) if self.slices else 0

    def mask(self, domain: str, index: int) -> Path | Neighbours:
        """The mask of image `index` of domain "a" or "b", or of its slice. Only of a source with masks."""
        key, _, depth = self.masks[domain][index].partition(SLICE)
        return Neighbours(self.path(key), int(depth), 1) if depth else self.path(key)

    def mask_file(self, domain: str, index: int) -> Path:
        """The file of the mask of image `index` of domain "a" or "b"."""
        return self.path(self.masks[domain][index].partition(SLICE)[0])

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that a training sample has an image of."""
        return ("a",) if self.layout in ("images", "labelled") else ("a", "b")

    def label(self, index: int) -> str:
        """The class of image `index` of a labelled source."""
        key = self.a[index]
        return next(name for name, folder in self.classes.items() if key.startswith(f"{folder}/"))

    def keys(self, domain: str) -> Sequence[str]:
        return self.a if domain == "a" else self.b

    def below(self, domain: str, index: int) -> str:
        """Key `index` of domain "a" or "b" without the folder of its split. The images of a pair share it up to the suffix.

        Keys of a manifest or a table may begin with such a folder too.
        """
        folder, key = (text.partition(BETWEEN)[0] for text in (self.folders["ab".index(domain)], self.keys(domain)[index]))
        return key.removeprefix(f"{folder}/") if folder else _SPLIT_FOLDER.sub("", key)

    def describe(self) -> str:
        """The number and kind of the images, in words."""
        if self.held_out:
            return f"{self._counts()}, held out of the training images"
        return self._counts() + (f"; {self.places()}, since there is no val" if self.split == "test" else "")

    def places(self) -> str:
        """The folders, in words."""
        return " and ".join(f"{folder}/" for folder in self.folders_used()) or self.split

    def folders_used(self) -> list[str]:
        """The folders below the root, each once."""
        return [part for folder in dict.fromkeys(self.folders) if folder for part in folder.split(BETWEEN)]

    def _counts(self) -> str:
        if self.layout == "images":
            return counted(len(self.a), "image")
        if self.layout == "labelled":
            return f"{counted(len(self.a), 'image')} of {len(self.classes)} classes: {', '.join(map(shown, self.classes))}"
        kind = f"{self.layout}, with masks" if self.masks else self.layout
        if self.paired:
            return f"{counted(len(self.a), 'pair')}{' of slices' if self.slices else ''} ({kind})"
        return f"{counted(len(self.a), 'image')} of domain A, {len(self.b)} of domain B, unpaired ({kind})"


@dataclass(frozen=True)
class TwoFolders(Source):
    """A source whose domain A lies below `root` and whose domain B lies below `root_b`."""

    root_b: Path

    def name(self, domain: str, index: int) -> str:
        return str(self.image(domain, index))

    def image(self, domain: str, index: int) -> Path:
        return (self.root if domain == "a" else self.root_b) / self.keys(domain)[index]


class Problems:
    """The problems of a data set, one line each. All are counted, but only the first KEPT are stored: there may be millions."""

    KEPT = 1000

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def add(self, line: str) -> None:
        self.count += 1
        if len(self.lines) < self.KEPT:
            self.lines.append(line)

    def extend(self, others: "Problems") -> None:
        self.lines += others.lines[: self.KEPT - len(self.lines)]
        self.count += others.count


@dataclass(frozen=True)
class Survey:
    """The survey of one split. source: None if there is no such split

    listing: the folders that were read
    no_pairs: why the split holds no pairs, in words; files without a partner are then not listed as problems
    """

    source: Source | None
    problems: Problems = field(default_factory=Problems)
    listing: Listing = field(default_factory=Listing)
    no_pairs: str = ""


def told(key: str) -> str:
    """A key in words: the files of one image are separate."""
    return key.replace(SLICE, ", slice ").replace(BETWEEN, " + ")


def shown(name: object) -> str:
    """A name or a key for a message, on one line and of a readable length."""
    text = told(str(name))
    return one_line(text if len(text) <= 300 else f"{text[:200]}...{text[-80:]}")
