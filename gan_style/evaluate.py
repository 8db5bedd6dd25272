"""Measure translations: python -m gan_style.evaluate --results DIR --truth DIR, or --model BUNDLE|RUN_DIR --data ROOT."""

import sys
from collections.abc import Sequence

from gan_style.errors import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, measure, print; returns the exit code."""

    def command() -> int:
        from gan_style.evaluation.command import evaluate_command

        return evaluate_command(sys.argv[1:] if arguments is None else arguments)

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
