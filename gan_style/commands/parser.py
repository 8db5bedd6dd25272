"""An argument parser whose error messages are one line."""

import argparse
import re
from typing import Any, NoReturn

from gan_style.errors import UserError, nearest

_NEGATIVE = re.compile(r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$", re.IGNORECASE)


class CommandParser(argparse.ArgumentParser):
    """An argument parser that reports a mistake as a `UserError`, in one line.

    It refuses an option of one value that is given twice. The message about an unknown option or choice names the nearest one.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._negative_number_matcher = _NEGATIVE  # argparse's own takes -1e3 for an option
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
    """An action that stores an option's value and refuses a second one."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: str | None = None) -> None:
        if option_string and isinstance(parser, CommandParser):
            if self.dest in parser.given:
                raise argparse.ArgumentError(self, "given twice, and only one can count; leave one out")
            parser.given.add(self.dest)
        setattr(namespace, self.dest, values)


def refuse_idle(option: str, given: object, effective: bool, needed: str) -> None:
    """`UserError` if an option was given (its value is neither None nor empty) but has no effect without `needed`."""
    if given not in (None, "") and not effective:
        raise UserError(f"{option}: has no effect without {needed}; leave it out, or give both")
