"""Train an image-to-image translator: python train.py --config FILE [dotted.key=value ...] [--dry-run]."""

import sys

from gan_style.errors import run_command


def main() -> int:
    """Parse the command line, train, return the exit code."""

    def command() -> int:
        from gan_style.build import train_command  # slow to import: not needed to report a mistake

        return train_command(sys.argv[1:])

    return run_command(command, goes_on=True)


if __name__ == "__main__":  # data loading processes may import this file
    sys.exit(main())
