"""The files to translate, and the path of each result."""

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gan_style.errors import UserError
from gan_style.files.kinds import (
    IMAGE_SUFFIXES,
    WRITTEN_SUFFIXES,
    advice,
    is_image_name,
    is_store_name,
    is_video,
    is_video_name,
    kind_of,
    kind_of_name,
    suffix_of,
)
from gan_style.files.left_out import LeftOut, is_hidden
from gan_style.files.opening import refusal
from gan_style.files.stems import stem
from gan_style.files.video.codecs import Encoding
from gan_style.files.walking import walk
from gan_style.terminal.counted import counted

if TYPE_CHECKING:
    from gan_style.files.several import Several

# --format -> suffix of the outputs; None keeps the input's where that is written
FORMATS: dict[str, str | None] = {
    **{"png": ".png", "jpg": ".jpg", "webp": ".webp", "tiff": ".tiff", "npy": ".npy", "nifti": ".nii.gz"},
    "keep": None,
}
SMALLEST_STYLE, LARGEST_STYLE = 16, 1024  # pixels of the sides of a style picture: larger ones are scaled down


@dataclass(frozen=True)
class Job:
    """One picture, video or animated picture to translate. A picture may turn out to be animated.

    others: the further files of a picture that lies in several
    """

    source: Path
    target: Path
    kind: Literal["picture", "video", "animation"] = "picture"
    others: tuple[Path, ...] = ()

    @property
    def image(self) -> "Path | Several":
        """The picture as `images.read` takes it."""
        if not self.others:
            return self.source
        from gan_style.files.several import Several  # loads NumPy

        return Several((self.source, *self.others))

    @property
    def done(self) -> bool:
        """Does its result exist?"""
        return os.path.isfile(self.target)  # noqa: PTH113 - Path.is_file raises for a name that is too long


@dataclass
class Selection:
    """The jobs in the order of the inputs, and the files that were left out."""

    encoding: Encoding | None = None  # of the results of videos; None leaves videos out
    jobs: list[Job] = field(default_factory=list)
    hidden: int = 0  # in folders: names that begin with a dot
    others: LeftOut = field(default_factory=LeftOut)  # in folders and globs: not of an image suffix
    duplicates: int = 0  # named by more than one input
    collision: UserError | None = None  # two pictures have one result, unless they are files of one picture

    def counts(self) -> str:
        """The jobs in words, such as `2 images, 1 video`."""
        videos = sum(job.kind == "video" for job in self.jobs)
        pictures = len(self.jobs) - videos
        return ", ".join([counted(pictures, "image")] * bool(pictures or not videos) + [counted(videos, "video")] * bool(videos))

    def wanted(self, name: str) -> bool:
        """Is a file of a folder with this name translated?"""
        return is_image_name(name) or (self.encoding is not None and is_video_name(name))

    def left_out(self) -> str:
        """The files that were left out, in words; empty if there are none."""
        counts = ((self.hidden, "hidden"), (self.duplicates, "named twice"))
        return ", ".join([*filter(None, [self.others.words()]), *(f"{count} {why}" for count, why in counts if count)])


@dataclass(frozen=True)
class _Found:
    source: Path
    identity: Path  # absolute, the same for every spelling of the path
    relative: Path  # to the input that named it


def check_paths(given: Mapping[str, Sequence[str]]) -> None:
    """`UserError` for texts that cannot be paths. given: option -> its texts; --input may have patterns"""
    for option, texts in given.items():
        for text in texts:
            if (why := refusal(text)) and not (option == "--input" and glob.has_magic(text) and "\0" not in text):
                raise UserError(f"{option} {text}: {why}; give another path")


def select(
    inputs: Sequence[str],
    output: Path,
    format: str | None,
    encoding: Encoding | None = None,
    kept: frozenset[str] = WRITTEN_SUFFIXES,
    together: int | None = 1,
) -> Selection:
    """The jobs for `inputs`: files, folders and globs. Below `output`, folders keep their tree, globs the tree below their fixed part.

    format: a key of `FORMATS`; None: PNG for pictures, their own format for animated GIF and WebP
    encoding: of videos; None: no videos, and of animated pictures the first frame
    kept: suffixes of inputs that results keep under `keep`; other results are .png, or .tiff where .png is not among them
    together: files of a picture, of which each of `inputs` then holds one, unless a single input holds whole pictures; None: not known
        yet, and two pictures with one output are told by `collision`
    Files in `output` are never inputs, even inside an input folder. `UserError` if an input does not exist or has no images, if files of
    a picture are missing, if two pictures have one output, or if an output would replace an input.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output}: a file, not a folder; give a folder")
    for text in inputs:  # before anything slow
        if not os.path.lexists(text) and not glob.has_magic(text):
            raise UserError(f"--input {text}: no such file or folder; check the path")
    others = [(text, kind_of(Path(text))) for text in inputs if os.path.isfile(text)]  # noqa: PTH113 - as above
    others = [(text, kind) for text, kind in others if encoding is None or not is_video(Path(text))]
    if len(others) == len(inputs) and others and (kind := others[0][1]) and all(other for _, other in others):
        raise UserError(f"--input {others[0][0]}: {advice(kind, Path(others[0][0]).name)}")

    selection = Selection(encoding)
    sources: dict[Path, Path] = {}
    targets: dict[str, Job] = {}  # the real path of a result -> its job
    output_identity = Path(os.path.realpath(output))
    joined = (together or 1) if len(inputs) > 1 else 1
    for group in [_together(inputs, joined, output_identity, selection)] if joined > 1 else inputs:
        rows = group if not isinstance(group, str) else ((found,) for found in _expand(group, output_identity, selection))
        for found, *others in rows:
            sources.update((other.identity, other.source) for other in others)
            if found.identity in sources:
                selection.duplicates += 1
                continue
            sources[found.identity] = found.source
            kind = _kind(found.source, format, encoding)
            name = found.relative.with_suffix("") if suffix_of(found.source.name) == ".nii.gz" else found.relative
            target = name.with_suffix(_suffix(found.source, kind, format, encoding, kept))
            job = Job(found.source, output / target, kind, tuple(other.source for other in others))
            other = targets.setdefault(os.path.normcase(output_identity / target), job)
            if other is not job:
                selection.collision = selection.collision or UserError(
                    f"{other.source} and {job.source} would both become {job.target}; translate them into two folders, "
                    "or take --format keep where only their suffixes differ"
                )
            selection.jobs.append(job)
    if selection.collision and together is not None:
        raise selection.collision
    for identity, job in targets.items():
        replaced = sources.get(Path(identity))
        if replaced:
            raise UserError(f"--output {output}: the result of {job.source} would replace the input {replaced}; give another folder")
    return selection


def _together(inputs: Sequence[str], count: int, output: Path, selection: Selection) -> list[tuple[_Found, ...]]:
    """The files of each picture: one of each input, by their paths below it without suffix, or the inputs themselves if all are files.

    `UserError` names a file that an input lacks.
    """
    if len(inputs) != count:
        raise UserError(f"--input: each picture is {count} files; give {count} folders, patterns or files in the order of the training's")
    found = [_expand(text, output, selection) for text in inputs]
    if all(len(files) == 1 and files[0].relative == Path(files[0].source.name) for files in found):
        return [tuple(files[0] for files in found)]
    named = [{stem(each.relative.as_posix()): each for each in files} for files in found]
    for files in named:
        for name, each in files.items():
            for other, text in zip(named, inputs, strict=True):
                if name not in other:
                    raise UserError(f"--input {text}: has no file {name}, which would go with {each.source}; add it, or remove the other")
    return [tuple(files[name] for files in named) for name in named[0]]


def _expand(text: str, output: Path, selection: Selection) -> list[_Found]:
    """The pictures that one input names, in a stable order.

    output: the real path of the output folder; selection: counts the files that are left out
    """
    path = Path(text)
    if os.path.isdir(text) and not is_store_name(path.name):  # noqa: PTH112 - Path.is_dir raises for a pattern that is longer than a name may be
        if Path(os.path.realpath(path)) == output:
            raise UserError(f"--output {text}: is the input folder itself; give another folder")
        found = list(_walk(path, output, selection))
    elif os.path.lexists(path):  # taken as an image whatever it is called: reading it will tell
        return [_Found(path, Path(os.path.realpath(path.parent), path.name), Path(path.name))]
    else:
        found = list(_glob(text, output, selection))
    if not found and (kind := kind_of_name(path.name)):
        raise UserError(f"--input {text}: {advice(kind, path.name)}")
    if not found:
        others = f", but {words}" if (words := selection.others.words()) else ""
        raise UserError(f"--input {text}: no images there (files that end in {' '.join(sorted(IMAGE_SUFFIXES))}){others}; check the path")
    return found


def _walk(root: Path, output: Path, selection: Selection) -> Iterator[_Found]:
    """Pictures below `root`. Follows links, enters each folder once, and skips the output folder."""
    for folder, real, names in walk(root, {output}):
        for name in names:
            source = Path(folder, name)
            if is_hidden(name):
                selection.hidden += 1
            elif not selection.wanted(name):
                selection.others.add(folder, name)
            else:
                yield _Found(source, real / name, source.relative_to(root))


def _glob(pattern: str, output: Path, selection: Selection) -> Iterator[_Found]:
    """Pictures that match `pattern`; `**` stands for any number of folders."""
    base = Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    output_below = Path(os.path.realpath(base)) in output.parents
    for match in sorted(_matches(pattern)):
        source = Path(match)
        if os.path.isdir(match) and not is_store_name(match):  # noqa: PTH112 - as above
            continue
        identity = Path(os.path.realpath(source.parent), source.name)
        if output_below and output in identity.parents:
            continue
        if selection.wanted(source.name):
            yield _Found(source, identity, source.relative_to(base))
        else:
            selection.others.add(source.parent, source.name)


def _matches(pattern: str) -> set[str]:
    """Like `glob.glob(pattern, recursive=True)`, but visits each folder once: two links back up would keep that function busy for years."""
    first, *rest = re.split(r"(?:(?:^|(?<=/))\*\*/)+", f"{pattern}/*" if pattern.split("/")[-1] == "**" else pattern)
    found = set(glob.glob(first)) if first else {""}  # noqa: PTH207 - Path.glob knows no absolute pattern
    for part in rest:
        seen: set[Path] = set()
        folders = [folder for place in sorted(found) for folder, _, _ in walk(Path(place), seen, patient=True)]
        found = {match for folder in folders for match in glob.glob(os.path.join(glob.escape(folder), part))}  # noqa: PTH118, PTH207
    return found


def _kind(source: Path, format: str | None, encoding: Encoding | None) -> Literal["picture", "video", "animation"]:
    """What a file is, as far as the name of its result depends on it."""
    if encoding is not None and is_video(source):
        return "video"
    if encoding is None or format not in (None, "keep") or source.suffix.lower() not in (".gif", ".webp"):
        return "picture"
    from gan_style.files.animated import is_animated  # loads Pillow

    return "animation" if is_animated(source) else "picture"


def _suffix(source: Path, kind: str, format: str | None, encoding: Encoding | None, kept: frozenset[str]) -> str:
    """The suffix of a result."""
    suffix = source.suffix
    if kind == "video" and encoding is not None:
        return encoding.suffix(suffix)
    if kind == "animation":
        return suffix
    whole = source.name[-len(suffix_of(source.name)) :]
    return FORMATS[format or "png"] or (whole if whole.lower() in kept else ".png" if ".png" in kept else ".tiff")


def kept_before(count: int, output: Path) -> str:
    """What becomes of `count` results that existed before, in words: other options may have made them."""
    return f"kept: {counted(count, 'file')} that existed in {output}, whatever model and options made them; --overwrite replaces them"


def make_output(output: Path) -> None:
    """Create the folder for the results. `UserError` if the system refuses."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise UserError(f"--output {output}: cannot be created ({failure.strerror}); choose another folder") from failure
