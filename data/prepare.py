"""Prepare data sets: the same as `gan-style prepare`."""

import sys
from collections.abc import Sequence

from gan_style.__main__ import run
from gan_style.commands.running import leave


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb with these options, or with those of the command line. Returns the exit code."""
    return run(["prepare", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":  # processes that check files may import this file
    leave(main())
