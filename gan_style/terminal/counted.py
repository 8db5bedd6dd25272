"""Numbers of things, in words."""


def counted(number: int, noun: str) -> str:
    """`1 image`, `2 images`: a number before a noun whose plural ends in s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
