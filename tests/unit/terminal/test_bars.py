"""Charts in a line of text."""

import io
import sys

import pytest

from gan_style.terminal.bars import bars


def test_bars_rise_with_the_height() -> None:
    assert bars([0, 0.01, 0.25, 0.5, 1]) == " ▁▂▄█"


def test_bars_are_plain_where_blocks_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii", "backslashreplace"))
    assert bars([0, 0.01, 0.5, 1]) == " .=@"
    monkeypatch.setattr(sys, "stdout", None)
    assert bars([1]) == "@"
