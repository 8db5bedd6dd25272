"""The user's mistakes, and their words."""

import difflib
from collections.abc import Iterable

MAX_LINE = 3000  # characters of a message


class UserError(Exception):
    """Something the user can put right: the message is one line that names the file, key or option and says what to do."""


def one_line(text: str) -> str:
    """`text` as a terminal can show it: line breaks become spaces, other unprintable characters escapes, and what is too long is cut.

    Names of files and texts from files may hold anything: control sequences, halves of characters, a megabyte.
    """
    if len(text) > MAX_LINE:
        text = f"{text[: MAX_LINE // 2]} ... {text[-MAX_LINE // 2 :]}"
    line = " ".join(text.splitlines())
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` where one of the known words is close; capitals, `-` and `_` make no difference."""
    plain = {_plain(each): each for each in known}
    matches = difflib.get_close_matches(_plain(word), plain, n=1)
    return f", did you mean {plain[matches[0]]!r}?" if matches else ""


def _plain(word: str) -> str:
    return word.casefold().replace("_", "-")
