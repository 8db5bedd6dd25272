"""A word that no verb knows is named in one line."""

import pytest

from gan_style.__main__ import run


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("train --swep optim.lr=1,2", "unrecognized arguments: --swep, did you mean '--sweep'?; see gan-style train --help"),
        ("report --outptu=x y", "unrecognized arguments: --outptu=x, did you mean '--output'?; see gan-style report --help"),
        ("infer --model x --output z --modle=w", "unrecognized arguments: --modle=w, did you mean '--model'?; see gan-style infer --help"),
        ("prepare demo --train abc", "argument --train: 'abc' is no whole number from 1 to 1000000"),
        ("prepare split x --output y --val 2", "argument --val: '2' is no number between 0 and 1, such as 0.1"),
        ("trian", "'trian' is no verb of gan-style, did you mean 'train'?"),
        ("--verison", "'--verison' is no verb of gan-style, did you mean '--version'?"),
    ],
)
def test_a_wrong_word_is_one_line(command: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command.split()) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"error: {said}") and line.count("\n") == 1


def test_an_option_may_be_cut_short_and_words_behind_two_dashes_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--out", "x.html", "--", "--nowhere"]) == 2
    assert "--nowhere: no such folder" in capsys.readouterr().err
