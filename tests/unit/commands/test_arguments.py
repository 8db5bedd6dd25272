import argparse
from collections.abc import Callable
from typing import Any

import pytest

from gan_style.commands.options import number, whole


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        (whole(1, 8), "1", 1),
        (whole(1, 8), "008", 8),
        (whole(0, 2**63 - 1), str(2**63 - 1), 2**63 - 1),
        (whole(1, 8, "none", "train"), "train", "train"),
        (number(0, 1), "1", 1.0),
        (number(0, 1e6), "2.5e5", 250_000.0),
    ],
)
def test_numbers_in_their_range(type: Callable[[str], Any], text: str, value: Any) -> None:
    assert type(text) == value


@pytest.mark.parametrize("text", ["0", "9", "-1", "+1", "1.0", "1_0", " 1", "", "²", "many", "9" * 5000])
def test_no_whole_number_in_range(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no whole number from 1 to 8"):
        whole(1, 8)(text)
    with pytest.raises(argparse.ArgumentTypeError, match="is neither none, train nor a number from 1 to 8"):
        whole(1, 8, "none", "train")(text)


@pytest.mark.parametrize("text", ["-0.1", "1.1", "nan", "inf", "1e999", "", "much"])
def test_no_number_in_range(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no number from 0 to 1"):
        number(0, 1)(text)
