"""The user's mistakes, and how a command line reports them."""

import argparse
import difflib
import io
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from gan_style.streams import outlast_readers

MAX_LINE = 3000  # characters of a message


class UserError(Exception):
    """Something the user can put right: the message is one line that names the file, key or option and says what to do."""


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, as for every mistake of the user.

    An option of one value is given once, not twice with the first without effect. A word that is none of an option's choices,
    and an option that there is not, name the nearest.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.given: set[str] = set()  # destinations of the options that this command line has so far
        for name in (None, "store"):
            self.register("action", name, _Once)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore - its stubs overload it
        self.given.clear()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        unknown = next((word for word in message.split() if word.startswith("--")), "") if message.startswith("unrecognized") else ""
        near = nearest(unknown.partition("=")[0], self._option_string_actions) if unknown else ""
        raise UserError(f"{message}{near}; see {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = [str(choice) for choice in action.choices or ()]
        if choices and value not in (action.choices or ()):
            raise argparse.ArgumentError(action, f"{value!r} is none of {', '.join(choices)}{nearest(str(value), choices)}")


class _Once(argparse.Action):
    """Stores an option's value; refuses a second one."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: str | None = None) -> None:
        if option_string and isinstance(parser, CommandParser):
            if self.dest in parser.given:
                raise argparse.ArgumentError(self, "given twice, and only one can count; leave one out")
            parser.given.add(self.dest)
        setattr(namespace, self.dest, values)


def refuse_idle(option: str, given: object, effective: bool, needed: str) -> None:
    """`UserError` for an option that was given (its value is neither None nor empty) and would do nothing without `needed`."""
    if given not in (None, "") and not effective:
        raise UserError(f"{option}: has no effect without {needed}; leave it out, or give both")


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


def run_command(command: Callable[[], int | None], goes_on: bool = False) -> int:
    """Run a command line's body and return its exit code: a `UserError` becomes one line on stderr and exit code 2, Ctrl-C 130.

    Every other exception is a fault of ours and keeps its traceback (exit code 1). Warnings are one line too. What is printed may hold
    characters that stdout cannot, and no work is lost because nobody reads it (`streams`). goes_on: the same command goes on where
    Ctrl-C stopped it, and the user is told so.
    """
    outlast_readers()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    usual = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"warning: {one_line(str(message))}\n"  # without our source code
    try:
        return command() or 0
    except UserError as mistake:
        print(f"error: {one_line(str(mistake))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where this one stopped" if goes_on else "interrupted", file=sys.stderr)
        return 130
    finally:
        warnings.formatwarning = usual
