"""Small charts in one line of text."""

import sys
from collections.abc import Sequence
from math import ceil

_BLOCKS, _PLAIN = "▁▂▃▄▅▆▇█", ".:-=+*#@"


def bars(heights: Sequence[float]) -> str:
    """A character for each height from 0 to 1: a block, or a plain character where stdout cannot encode blocks; a space for 0."""
    shades = _BLOCKS if _encodes(_BLOCKS) else _PLAIN
    return "".join(shades[ceil(height * len(shades)) - 1] if height > 0 else " " for height in heights)


def _encodes(text: str) -> bool:
    if sys.stdout is None:
        return False
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
