"""Files that a search for pictures passes over: how many of each suffix, and what they are."""

from collections.abc import Iterable
from pathlib import Path

from gan_style.errors import one_line
from gan_style.files.kinds import BEGINNING, advice, is_image, kind_of, kind_of_name, suffix_of_bytes
from gan_style.files.opening import read_regular

MOST = 1000  # most suffixes that are counted separately: a million names may end in a million numbers
_OTHER = ".(others)"
_SHOWN = 8  # suffixes in a message
_SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})  # files that Windows hides
# Kinds that nobody takes for a picture: their suffix is enough.
_PLAIN = frozenset(map(kind_of_name, ("x.txt", "x.csv", "x.zip", "x.doc", "x.html", "x.mp3", "x.pt", "x.safetensors", "x.onnx")))


def is_hidden(name: str) -> bool:
    """Is it a file that an operating system hides, such as `.name` or `Thumbs.db`?"""
    return name.startswith(".") or name.lower() in _SYSTEM


def is_plain(name: str) -> bool:
    """Does the name belong to a kind of file that nobody takes for a picture, such as text?"""
    kind = kind_of_name(name)
    return kind is not None and kind in _PLAIN


class LeftOut:
    """Counts of files by suffix (in lower case; "" for no suffix), each with one example."""

    def __init__(self, entries: Iterable[tuple[str, int, str]] = ()) -> None:
        self._found: dict[str, tuple[int, str]] = {suffix: (count, example) for suffix, count, example in entries}

    def __len__(self) -> int:
        return sum(count for count, _ in self._found.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LeftOut) and self.entries() == other.entries()

    __hash__ = None  # type: ignore[assignment]

    def add(self, folder: Path | str, name: str) -> None:
        """Count a file that is neither a picture nor hidden."""
        suffix = name[name.rfind(".") :].lower() if "." in name else ""
        if suffix not in self._found and len(self._found) >= MOST:
            suffix = _OTHER
        if suffix not in self._found:
            self._found[suffix] = (0, str(Path(folder, name)))
        count, example = self._found[suffix]
        self._found[suffix] = (count + 1, example)

    def extend(self, other: "LeftOut") -> None:
        """Add the counts of `other`."""
        for suffix, more, first in other.entries():
            count, example = self._found.get(suffix, (0, first))
            self._found[suffix] = (count + more, example)

    def entries(self) -> list[tuple[str, int, str]]:
        """(suffix, count, an example), the most frequent first."""
        return sorted(((suffix, *found) for suffix, found in self._found.items()), key=lambda entry: (-entry[1], entry[0]))

    def words(self) -> str:
        """Words such as `3 .heic (HEIC pictures; convert it: heif-convert ...), 2 .txt`; empty if nothing was left out."""
        entries = self.entries()
        words = [f"{count} {one_line(suffix)[:20] or 'without a suffix'}{_what(example)}" for suffix, count, example in entries[:_SHOWN]]
        rest = sum(count for _, count, _ in entries[_SHOWN:])
        return ", ".join(words + ([f"{rest} of other suffixes"] if rest else []))

    def pictures(self) -> int:
        """The number of files that hold, or may hold, pictures."""
        return sum(count for _, count, example in self.entries() if _what(example))


def why(path: Path) -> str:
    """Why a file without an image's suffix was left out, and what to do. The words follow the file's name in a message."""
    kind = kind_of(path)
    if kind is not None:
        return advice(kind, path.name)
    suffix = "has no suffix" if "." not in path.name else f"has the suffix {one_line(path.suffix)[:20]}, which no picture has that is read"
    own = _own_suffix(path)
    return f"{suffix}; {f'give it its suffix, such as {own}' if own else 'convert it to PNG'}"


def _what(example: str) -> str:
    """The kind of files like `example` in brackets; empty for plain kinds."""
    path = Path(example)
    kind = kind_of(path)
    if kind in _PLAIN:
        return ""
    if kind is not None:
        return f" ({kind.plural}: {one_line(path.name)[:80]} {advice(kind, path.name)})"
    own = _own_suffix(path)
    return f" (they hold pictures: add the suffix, such as {own})" if own else ""


def _own_suffix(path: Path) -> str:
    """A suffix that pictures of this kind have; empty for a file that holds none."""
    try:
        beginning = read_regular(path, BEGINNING)
    except OSError:
        return ""
    return suffix_of_bytes(beginning) if len(beginning) >= 16 and is_image(beginning) else ""
