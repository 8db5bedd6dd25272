"""The user's mistakes, and how a command line reports them."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn


class UserError(Exception):
    """Something the user can put right: the message is one line that names the file, key or option and says what to do."""


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, as for every mistake of the user."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


def run_command(command: Callable[[], int | None]) -> int:
    """Run a command line's body and return its exit code: a `UserError` becomes one line on stderr and exit code 2, Ctrl-C 130.

    Every other exception is a fault of ours and keeps its traceback (exit code 1).
    """
    try:
        return command() or 0
    except UserError as mistake:
        print(f"error: {' '.join(str(mistake).splitlines())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where this one stopped", file=sys.stderr)
        return 130
