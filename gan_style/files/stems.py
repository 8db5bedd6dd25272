"""Stems: two files belong together if their paths are equal up to the suffix."""

import unicodedata


def stem(path: str) -> str:
    """The path of an image without its suffix, in Unicode's composed form. A folder's path, which ends in a slash, keeps all of it.

    One name can be written in two forms: most programs write "é" as one character, macOS as an e and an accent.
    """
    return composed(path if path.endswith("/") else path.rpartition(".")[0])


def composed(name: str) -> str:
    """A name in Unicode's composed form."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
