"""Stateless randomness: every random number is a function of its purpose, so that no generator's state needs saving."""

import hashlib


def derive_seed(*keys: int | str) -> int:
    """A seed in [0, 2**63) that is a function of `keys` alone and the same on every machine and in every process.

    `derive_seed(seed, "flip", epoch, index)` and `derive_seed(seed, "flip", epoch, index + 1)` are unrelated numbers.
    """
    digest = hashlib.blake2b(repr(keys).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
