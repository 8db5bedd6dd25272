"""What two files have in common that belong together: their path up to the suffix."""

import unicodedata


def stem(path: str) -> str:
    """The path of an image without its suffix, in Unicode's composed form; a folder's, which ends in a slash, keeps all of it.

    The same name may be written in two ways: "é" is one character for most programs, and an e with an accent for macOS.
    """
    stem = path if path.endswith("/") else path.rpartition(".")[0]
    return stem if stem.isascii() else unicodedata.normalize("NFC", stem)
