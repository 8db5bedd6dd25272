"""Counts and shares in messages."""

from math import floor, log10


def counted(number: int, noun: str) -> str:
    """`1 image` or `2 images`, for a noun whose plural ends in s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """Two digits and no exponent: 0.025 %, 2.5 %, 25 %; 100 % is all."""
    percent = 100 * share
    if 99.5 <= percent < 100:
        return f"{min(percent, 99.9):.1f} %"
    digits = max(0, 1 - floor(log10(percent))) if percent > 0 else 0
    return f"{percent:.{min(digits, 4)}f} %".replace(".0 %", " %")
