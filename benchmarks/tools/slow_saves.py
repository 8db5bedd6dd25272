"""train.py with saves made slow, so that a kill can land inside one: python benchmarks/tools/slow_saves.py [train.py's arguments ...]."""

import sys
import time

from gan_style.commands.running import run_command
from gan_style.files import atomic

SECONDS_A_FLUSH = 0.3


def main() -> int:
    """Train, with a pause before each file of a checkpoint or bundle is flushed to the disk."""
    from gan_style.commands.train import train_command

    flush = atomic.flush

    def slow_flush(path: atomic.Path) -> None:
        time.sleep(SECONDS_A_FLUSH)
        flush(path)

    atomic.flush = slow_flush
    return run_command(lambda: train_command(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
