"""What every layout's survey gives: the files of a split, and what is wrong with them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gan_style.datasets.listing import Listing
from gan_style.errors import one_line
from gan_style.files.images import Encoded
from gan_style.files.left_out import LeftOut
from gan_style.terminal.counted import counted

Layout = Literal["aligned", "folders", "unpaired", "manifest", "parquet", "images"]
LayoutChoice = Literal["auto", "aligned", "folders", "unpaired", "manifest", "parquet"]
Split = Literal["train", "val", "test"]
Domain = Literal["a", "b"]
SET_ALIGNED = "set data.source=aligned (prepare.py: --source aligned)"
_SPLIT_FOLDER = re.compile(r"^(train|val|test)(/?[AB])?/")


@dataclass(frozen=True)
class Source:
    """The images of one split. Keys are posix paths relative to `root`.

    Where `paired`, a[i] belongs to b[i]. In an aligned source both are the same file: domain A is its left half. A source of the
    layout `images` has one domain: `b` is `a`.

    folders: of domain A and of domain B below the root, with which their keys begin; "" where the images lie anywhere below it
    split: whose images these are; "test" where they stand in for validation images that the data set does not have
    left_out: files in its folders that are no images by their suffix
    """

    layout: Layout
    root: Path
    a: Sequence[str]
    b: Sequence[str]
    paired: bool
    folders: tuple[str, str] = field(default=("", ""), kw_only=True)
    split: Split = field(default="train", kw_only=True)
    left_out: LeftOut = field(default_factory=LeftOut, kw_only=True)

    def path(self, key: str) -> Path:
        return self.root / key

    def name(self, domain: str, index: int) -> str:
        """What messages call image `index` of domain "a" or "b"."""
        return str(self.path(self.keys(domain)[index]))

    def image(self, domain: str, index: int) -> Path | Encoded:
        """Where `images.read` finds it."""
        return self.path(self.keys(domain)[index])

    def keys(self, domain: str) -> Sequence[str]:
        return self.a if domain == "a" else self.b

    def below(self, domain: str, index: int) -> str:
        """Key `index` of domain "a" or "b" without the folder of its split: what the images of a pair have in common, up to the suffix.

        Keys in a manifest or a table may begin with such a folder too.
        """
        folder, key = self.folders["ab".index(domain)], self.keys(domain)[index]
        return key.removeprefix(f"{folder}/") if folder else _SPLIT_FOLDER.sub("", key)

    def describe(self) -> str:
        """For people: how many of what."""
        return self._counts() + (f"; {self.places()}, since there is no val" if self.split == "test" else "")

    def places(self) -> str:
        """The folders, in words."""
        named = [f"{folder}/" for folder in dict.fromkeys(self.folders) if folder]
        return " and ".join(named) or self.split

    def _counts(self) -> str:
        if self.layout == "images":
            return counted(len(self.a), "image")
        if self.paired:
            return f"{counted(len(self.a), 'pair')} ({self.layout})"
        return f"{counted(len(self.a), 'image')} of domain A, {len(self.b)} of domain B, unpaired ({self.layout})"


@dataclass(frozen=True)
class TwoFolders(Source):
    """Domain A below `root`, domain B below `root_b`."""

    root_b: Path

    def name(self, domain: str, index: int) -> str:
        return str(self.image(domain, index))

    def image(self, domain: str, index: int) -> Path:
        return (self.root if domain == "a" else self.root_b) / self.keys(domain)[index]


class Problems:
    """One line for each culprit. All are counted, and the first ones kept: a wrong list of a million files has a million."""

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
    """What lies in one split: `source` is None where there is no such split.

    listing: the folders that were looked into
    no_pairs: why pairs were looked for in vain, in words; then the files without a partner are no problems of their own
    """

    source: Source | None
    problems: Problems = field(default_factory=Problems)
    listing: Listing = field(default_factory=Listing)
    no_pairs: str = ""


def shown(name: object) -> str:
    """A name for a message, on one line and of a readable length."""
    text = str(name)
    return one_line(text if len(text) <= 300 else f"{text[:200]}...{text[-80:]}")
