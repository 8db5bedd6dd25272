"""The user's mistakes, and how a command line reports them."""

import argparse
import difflib
import io
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import NoReturn

MAX_LINE = 3000  # characters of a message


class UserError(Exception):
    """Something the user can put right: the message is one line that names the file, key or option and says what to do."""


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, as for every mistake of the user."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


def one_line(text: str) -> str:
    """`text` as a terminal can show it: line breaks become spaces, other unprintable characters escapes, and what is too long is cut.

    Names of files and texts from files may hold anything: control sequences, halves of characters, a megabyte.
    """
    if len(text) > MAX_LINE:
        text = f"{text[: MAX_LINE // 2]} ... {text[-MAX_LINE // 2 :]}"
    line = " ".join(text.splitlines())
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` where one of the known words is close."""
    matches = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {matches[0]!r}?" if matches else ""


def run_command(command: Callable[[], int | None], goes_on: bool = False) -> int:
    """Run a command line's body and return its exit code: a `UserError` becomes one line on stderr and exit code 2, Ctrl-C 130.

    Every other exception is a fault of ours and keeps its traceback (exit code 1). Warnings are one line too, and what is printed
    may hold characters that stdout cannot. goes_on: the same command goes on where Ctrl-C stopped it, and the user is told so.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.formatwarning = lambda message, *_, **__: f"warning: {one_line(str(message))}\n"  # without our source code
    try:
        return command() or 0
    except UserError as mistake:
        print(f"error: {one_line(str(mistake))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where this one stopped" if goes_on else "interrupted", file=sys.stderr)
        return 130
