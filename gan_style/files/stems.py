"""What two files have in common that belong together: their path up to the suffix."""

import unicodedata


def stem(path: str) -> str:
    """The path of an image without its suffix, in Unicode's composed form; a folder's, which ends in a slash, keeps all of it.

    The same name may be written in two ways: "é" is one character for most programs, and an e with an accent for macOS.
    """
    return composed(path if path.endswith("/") else path.rpartition(".")[0])


def composed(name: str) -> str:
    """A name in Unicode's composed form."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
