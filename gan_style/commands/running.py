"""Running a command: the user's mistakes become one line, and every end an exit code."""

import io
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress

from gan_style.errors import UserError, one_line
from gan_style.terminal.streams import check_written, outlast_readers


def run_command(command: Callable[[], int | None], goes_on: bool = False) -> int:
    """Run a command and return its exit code: a `UserError` becomes one line on stderr and exit code 2, Ctrl-C becomes 130.

    Any other exception is a fault of ours and keeps its traceback (exit code 1). A warning is one line too. Characters that stdout cannot
    encode are escaped, and no work is lost if nobody reads the output (`terminal.streams`). If stdout cannot be written, a command whose
    output is its result ends with a mistake, after all its work is done.
    goes_on: after Ctrl-C, say that the same command goes on; its results are files and its output is a log, which may be lost
    """
    outlast_readers()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    usual = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"warning: {one_line(str(message))}\n"  # without our source code
    try:
        return _to_its_end(command, not goes_on)
    except UserError as mistake:
        print(f"error: {one_line(str(mistake))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where this one stopped" if goes_on else "interrupted", file=sys.stderr)
        return 130
    finally:
        warnings.formatwarning = usual


def _to_its_end(command: Callable[[], int | None], prints_results: bool) -> int:
    """The exit code of the command. `UserError` if its results, or its help, could not be printed."""
    try:
        code = command() or 0
    except SystemExit as end:
        if end.code:
            raise
        code, prints_results = 0, True  # --help
    if prints_results:
        check_written()
    return code


def leave(code: int) -> None:
    """End this process with an exit code.

    One of several processes ends without the interpreter's shutdown, during which gloo's threads sometimes abort the process, so that the
    exit code is lost.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # the stream is closed, or nobody reads it
                stream.flush()
        os._exit(code)
    sys.exit(code)
