"""The user's mistakes, and how a command line reports them."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the user can put right: the message is one line that names the file, key or option and says what to do."""


def run_command(command: Callable[[], int | None]) -> int:
    """Run a command line's body and return its exit code: a `UserError` becomes one line on stderr and exit code 2.

    Every other exception is a fault of ours and keeps its traceback (exit code 1).
    """
    try:
        return command() or 0
    except UserError as mistake:
        print(f"error: {' '.join(str(mistake).splitlines())}", file=sys.stderr)
        return 2
