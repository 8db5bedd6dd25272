"""Stems: two files belong together if their paths are equal up to the suffix."""

import unicodedata

from gan_style.files.kinds import suffix_of


def stem(path: str) -> str:
    """The path of an image without its suffix, in Unicode's composed form. A folder's path, which ends in a slash, keeps all of it.

    One name can be written in two forms: most programs write "é" as one character, macOS as an e and an accent.
    """
    if path.endswith("/"):
        return composed(path)
    return composed(path[: -len(suffix)] if (suffix := suffix_of(path)) == ".nii.gz" else path.rpartition(".")[0])


def composed(name: str) -> str:
    """A name in Unicode's composed form."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
