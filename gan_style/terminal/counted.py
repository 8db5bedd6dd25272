"""Counts in messages."""


def counted(number: int, noun: str) -> str:
    """`1 image` or `2 images`, for a noun whose plural ends in s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
