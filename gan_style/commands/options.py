"""Options that several commands share, and types of options for argparse, whose error messages say which values are legal."""

import argparse
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gan_style.files.places import expanded


def whole(low: int, high: int, *words: str) -> Callable[[str], Any]:
    """A whole number from `low` >= 0 to `high`; one of `words` is taken as it is."""

    def parse(text: str) -> int | str:
        if text in words:
            return text
        with contextlib.suppress(ValueError):  # thousands of digits
            if text.isdecimal() and low <= int(text) <= high:
                return int(text)
        kind = f"is neither {', '.join(words)} nor a" if words else "is no whole"
        raise argparse.ArgumentTypeError(f"{text!r} {kind} number from {low} to {high}")

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`."""

    def parse(text: str) -> float:
        with contextlib.suppress(ValueError):
            if low <= float(text) <= high:
                return float(text)
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {low:g} to {high:g}")

    return parse


def device_option(parser: argparse.ArgumentParser) -> None:
    """Add --device, see `device.choose_device`."""
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="default: the GPU where there is one (mps: Apple's)"
    )


def place(text: str) -> str:
    """A path in which `~` and `${VAR}` are expanded as in a shell, which does not expand them in `--model=~/x`."""
    try:
        return expanded(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def path(text: str) -> Path:
    """The same as a `Path`."""
    return Path(place(text))
