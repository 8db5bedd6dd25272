"""Bundles of the Hugging Face hub: what `hf://user/name` means, and the files of one commit in the cache of huggingface_hub.

A repository is someone else's: only names that are known here are fetched, each up to a bound, and a bundle is read as any bundle from
outside is (docs/guide/untrusted.md). A branch or tag is resolved to its commit first, which is told; all files come from that commit. If
the hub cannot be reached, the files of the commit that the cache knows under this name are used, which is told too.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from gan_style.bundles.hub_mistakes import client, in_one_line, unreachable
from gan_style.errors import UserError
from gan_style.files import atomic
from gan_style.files.opening import read_regular
from gan_style.terminal.progress import Progress, say

MAX_BUNDLE_BYTES = 2**32  # pix2pixHD, the largest network here, has 0.7 GB
DIRECTIONS = ("a2b", "b2a")
BUNDLES = tuple(f"bundles/{kind}{direction}.safetensors" for kind in ("", "best_") for direction in DIRECTIONS)
CARD, CONFIG, PICTURE, RECORD = "README.md", "config.yaml", "samples.png", "hub.json"
# What push writes and pull reads: name -> most bytes.
FILES = {**dict.fromkeys(BUNDLES, MAX_BUNDLE_BYTES), CARD: 2**20, CONFIG: 2**18, PICTURE: 2**28}
TIMEOUT = 30.0  # seconds in which the hub tells of a repository
_NAME = r"[A-Za-z0-9][\w.-]{0,95}"
_REPOSITORY = re.compile(rf"{_NAME}/{_NAME}", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9](?:[\w.-]|/(?!/)){0,126}\w|[A-Za-z0-9]", re.ASCII)
_FILE = re.compile(r"(?:\w[\w.-]*/){0,8}\w[\w.-]*\.safetensors", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MAX_LISTED = 100_000  # files of a repository


@dataclass(frozen=True)
class Reference:
    """A repository of the hub, with a branch, tag or commit of it and one of its bundles where they are named."""

    repository: str
    revision: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        revision = f"@{quote(self.revision, safe='')}" if self.revision else ""
        return f"hf://{self.repository}{revision}{f'/{self.file}' if self.file else ''}"


def reference(key: str, text: str) -> Reference:
    """Read `hf://user/name[@revision][/file]`; the scheme may be left out. A slash in a revision is written %2F.

    key: the option, key or argument with the text. `UserError` for anything else.
    """
    user, _, rest = text.removeprefix("hf://").partition("/")
    named, _, file = rest.partition("/")
    name, at, revision = named.partition("@")
    found = Reference(f"{user}/{name}", unquote(revision) if at else None, file or None)
    good = _REPOSITORY.fullmatch(found.repository) and ".." not in text and not name.endswith(".git")
    if not good or (at and not is_revision(found.revision or "")) or (file and not _FILE.fullmatch(file)):
        raise UserError(
            f"{key} {text}: names nothing on the hub; write hf://USER/NAME, hf://USER/NAME@REVISION or hf://USER/NAME/FILE.safetensors"
        )
    return found


def is_revision(text: str) -> bool:
    """Can it be the name of a branch or tag, or a commit?"""
    return bool(_REVISION.fullmatch(text)) and ".." not in text


def fetch_bundle(key: str, text: str, direction: str | None) -> Path:
    """The bundle that a reference names, in the cache. Without a file, that of the direction: a2b, or b2a if there is no a2b.

    key: the option, key or argument that names it. `UserError` if it cannot be had.
    """
    wanted = reference(key, text)
    what = f"{key} {wanted}"
    snapshot = _pinned(wanted, direction) or Snapshot.of(what, wanted)
    file = wanted.file or _chosen(snapshot.sizes, direction)
    if file not in snapshot.sizes:
        present = [name for name in snapshot.sizes if _FILE.fullmatch(name)]
        there = f"it has {', '.join(present[:8])}" if present else "it has no bundle at all"
        raise UserError(f"{what}: {f'no {file}' if wanted.file or direction else 'no bundles/a2b.safetensors or b2a'}; {there}")
    path = snapshot.fetch(file, MAX_BUNDLE_BYTES)
    snapshot.tell()
    return path


class Snapshot:
    """The files of a repository at one commit.

    sizes: name -> bytes, of all files; folder: where they lie if they come from the cache alone, because the hub cannot be reached (why)
    """

    def __init__(self, what: str, reference: Reference, commit: str, sizes: Mapping[str, int], folder: Path | None, why: str = "") -> None:
        self.what, self.reference, self.commit = what, reference, commit
        self.sizes, self.folder, self.why = sizes, folder, why

    @classmethod
    def of(cls, what: str, reference: Reference) -> "Snapshot":
        """Ask the hub for the commit and its files, or the cache if the hub cannot be reached. what: begins each `UserError`"""
        api = client(what)
        with in_one_line(what):
            try:
                info = api.model_info(reference.repository, revision=reference.revision, files_metadata=True, timeout=TIMEOUT)
            except Exception as problem:
                why = unreachable(problem)
                if not why:
                    raise
                if (cached := _cached(reference)) is None:
                    raise UserError(
                        f"{what}: the hub cannot be reached ({why}), and the cache has none of its files; check the network"
                    ) from None
                return cls(what, reference, *cached, why)
            listed = [(each.rfilename, each.size) for each in (info.siblings or [])[:_MAX_LISTED]]
            sizes = {str(name): size if isinstance(size, int) else 0 for name, size in listed}
            if not isinstance(info.sha, str) or not _COMMIT.fullmatch(info.sha):
                raise UserError(f"{what}: the hub names no commit; check HF_ENDPOINT")
            return cls(what, reference, info.sha, sizes, None)

    def fetch(self, file: str, limit: int) -> Path:
        """The file in the cache. `UserError` if it has more than `limit` bytes, whatever the hub said before."""
        what = f"{self.what}: {file}"
        if self.sizes[file] > limit:
            raise UserError(f"{what}: has {self.sizes[file]} bytes, more than the {limit} allowed")
        if self.folder:
            return self.folder / file
        api = client(what)
        with in_one_line(what):
            meter = partial(_Meter, what, limit)
            path = Path(api.hf_hub_download(self.reference.repository, file, revision=self.commit, tqdm_class=meter))
            with suppress(OSError):  # a cache that cannot be written: the name will not be known without the hub
                self._remember_name()
            return path

    def tell(self) -> None:
        """Print the commit, once for all processes of a launch."""
        if os.environ.get("RANK", "0") == "0":
            source = f", from the cache ({self.why})" if self.why else ""
            say(f"{self.reference}: commit {self.commit}{source}")

    def _remember_name(self) -> None:
        """Note the commit of a branch or tag in the cache, as huggingface_hub does for a file that is fetched by that name."""
        name = self.reference.revision or "main"
        if not _COMMIT.fullmatch(name):
            atomic.write_text(_storage(self.reference) / "refs" / name, self.commit)


class _Meter:
    """As much of tqdm's interface as huggingface_hub calls: shows a download, and ends it after `limit` bytes."""

    def __init__(self, what: str, limit: int, **given: Any) -> None:
        self.what, self.limit = what, limit
        self.progress = Progress("fetching", "B", given.get("total"), brief=True)

    def update(self, count: int) -> None:
        self.progress.update(int(count))
        if self.progress.done > self.limit:
            raise UserError(f"{self.what}: the hub sends more than the {self.limit} bytes allowed; it is left out")

    def __enter__(self) -> "_Meter":
        self.progress.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        self.progress.__exit__(*problem)


def _pinned(reference: Reference, direction: str | None) -> Snapshot | None:
    """The snapshot in the cache, if the reference names a whole commit and the bundle is there. The hub need not be asked then."""
    if not reference.revision or not _COMMIT.fullmatch(reference.revision):
        return None
    client(str(reference))
    cached = _cached(reference)
    if cached is None or (reference.file or _chosen(cached[1], direction)) not in cached[1]:
        return None
    return Snapshot(str(reference), reference, *cached, "which has this commit")


def _chosen(sizes: Mapping[str, int], direction: str | None) -> str:
    """The name of the direction's bundle."""
    names = {each: f"bundles/{each}.safetensors" for each in DIRECTIONS}
    return names[direction] if direction else next((name for name in names.values() if name in sizes), names["a2b"])


def _storage(reference: Reference) -> Path:
    constants: Any = import_module("huggingface_hub.constants")
    return Path(constants.HF_HUB_CACHE) / f"models--{reference.repository.replace('/', '--')}"


def _cached(reference: Reference) -> tuple[str, dict[str, int], Path] | None:
    """The commit that the cache knows under the revision's name, its files with their sizes, and their folder; None if there is none."""
    name, storage = reference.revision or "main", _storage(reference)
    try:
        commit = name if _COMMIT.fullmatch(name) else read_regular(storage / "refs" / name, 64).decode("ascii", errors="replace").strip()
        folder = storage / "snapshots" / commit
        files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    except OSError:
        return None
    return (commit, files, folder) if _COMMIT.fullmatch(commit) and files else None
