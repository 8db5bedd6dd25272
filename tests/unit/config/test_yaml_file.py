"""No key stands twice; every key has its line."""

from pathlib import Path

import pytest

from gan_style.config.yaml_file import parse_yaml, read_yaml, read_yaml_file
from gan_style.errors import UserError


@pytest.mark.parametrize(
    ("text", "key", "where"),
    [
        ("train: {batch_size: 2}\ndata:\ntrain: {steps: 9}\n", "'train'", "in lines 1 and 3"),
        ("train: {steps: 1, steps: 2}\n", "'steps'", "in line 1"),
        ("data:\n  domain_a:\n    channels: 1\n    'channels': 3\n", "'channels'", "in lines 3 and 4"),
        ("transforms:\n- name: Rotate\n  limit: 1\n  limit: 2\n", "'limit'", "in lines 3 and 4"),
        ("a: &a {x: 1}\nb: &b {x: 2}\nc:\n  <<: *a\n  <<: *b\n", "'<<'", "in lines 4 and 5"),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, text: str, key: str, where: str) -> None:
    with pytest.raises(ValueError, match=f"the key {key} stands twice, {where}: keep one"):
        parse_yaml(text)
    path = tmp_path / "twice.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=rf"twice\.yaml: not valid YAML \(the key {key} stands twice"):
        read_yaml(path)


def test_a_key_may_replace_one_that_is_merged() -> None:
    assert parse_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}")["b"] == {"x": 3, "y": 2}


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines.yaml"
    path.write_text("# a comment\na:\n  b: 1\n  c:\n  - x\n  - {d: 2}\n\ne: &e {f: 3}\ng: *e\n", encoding="utf-8")
    file = read_yaml_file(path)
    expected = {("a",): 2, ("a", "b"): 3, ("a", "c", 1): 6, ("a", "c", 1, "d"): 6, ("e", "f"): 8, ("g",): 9, ("g", "f"): 8}
    assert {place: file.line(place) for place in expected} == expected
    assert file.line(("a", "absent")) == 2  # of the section that would have it
    assert file.line(("absent",)) is None
    assert file.line(("a", "c", 7)) == 4


def test_whole_numbers_have_three_hundred_digits_at_most() -> None:
    longest = 10**300 - 1
    assert [parse_yaml(f"a: {sign * longest}")["a"] for sign in (1, -1)] == [longest, -longest]
    with pytest.raises(ValueError, match="a whole number of more than 300 digits"):
        parse_yaml(f"a: {longest + 1}")
