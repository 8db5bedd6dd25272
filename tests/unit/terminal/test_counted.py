"""Numbers agree with their nouns."""

import pytest

from gan_style.terminal.counted import counted


@pytest.mark.parametrize(("number", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (11, "11 images")])
def test_one_alone_is_singular(number: int, words: str) -> None:
    assert counted(number, "image") == words
