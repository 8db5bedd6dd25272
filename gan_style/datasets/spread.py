"""Places that are spread evenly over a set."""


def spread(length: int, count: int | None) -> list[int]:
    """Up to `count` places (None: all), evenly over `length`."""
    count = length if count is None else min(count, length)
    return [place * length // count for place in range(count)]
