"""Train an image-to-image translator: python train.py --config FILE [dotted.key=value ...] [--dry-run]."""

import os
import sys
from contextlib import suppress

from gan_style.errors import run_command


def main() -> int:
    """Parse the command line, train, return the exit code."""

    def command() -> int:
        from gan_style.build import train_command  # slow to import: not needed to report a mistake

        return train_command(sys.argv[1:])

    return run_command(command, goes_on=True)


def leave(code: int) -> None:
    """End this process with an exit code.

    One of several ends at once: threads of gloo that wait for the interpreter while it shuts down abort the process now and then, and
    the exit code is lost.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # closed, or nobody reads
                stream.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":  # data loading processes may import this file
    leave(main())
