"""The user's mistakes and their messages."""

import difflib
from collections.abc import Iterable

MAX_LINE = 3000  # characters of a message


class UserError(Exception):
    """A mistake that the user can correct. The message is one line that names the file, key or option and says what to do."""


def one_line(text: str) -> str:
    """`text` on one line for a terminal: line breaks become spaces, other unprintable characters escapes; a long text is cut.

    Names of files and texts from files may hold anything: control sequences, lone surrogates, a megabyte.
    """
    if len(text) > MAX_LINE:
        text = f"{text[: MAX_LINE // 2]} ... {text[-MAX_LINE // 2 :]}"
    line = " ".join(text.splitlines())
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` if one of the known words is close, else "". Capitals, `-` and `_` make no difference."""
    plain = {_plain(each): each for each in known}
    matches = difflib.get_close_matches(_plain(word), plain, n=1)
    return f", did you mean {plain[matches[0]]!r}?" if matches else ""


def _plain(word: str) -> str:
    return word.casefold().replace("_", "-")
