"""Translate pictures with a trained bundle: python infer.py --model BUNDLE|RUN_DIR --input PATH [PATH ...] --output DIR [...]."""

import sys
from collections.abc import Sequence

from gan_style.errors import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, translate, return the exit code."""

    def command() -> int:
        from gan_style.inference.command import infer_command

        return infer_command(sys.argv[1:] if arguments is None else arguments)

    return run_command(command, goes_on=True)


if __name__ == "__main__":
    sys.exit(main())
