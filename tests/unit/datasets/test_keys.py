"""Many keys in little memory behave as a tuple of texts does."""

import pickle

import pytest

from gan_style.datasets.keys import Keys

NAMES = ("a/1.png", "", "with space.png", "two\nlines.png", "née.png", "raw\udcff\udc80.png", "雪.png")


def test_a_read_only_sequence() -> None:
    keys = Keys.of(iter(NAMES))
    assert len(keys) == len(NAMES) and tuple(keys) == NAMES and keys == NAMES and keys == Keys.of(NAMES)
    assert (keys[0], keys[-1], keys[5]) == (NAMES[0], NAMES[-1], NAMES[5]) and keys[2:5] == NAMES[2:5] and keys[::-2] == NAMES[::-2]
    assert [keys[place - len(NAMES)] for place in range(len(NAMES))] == list(NAMES)
    assert keys != NAMES[:-1] and keys != (*NAMES[:-1], "other") and keys != 3
    assert "née.png" in keys and "nee.png" not in keys
    for index in (len(NAMES), -len(NAMES) - 1):
        with pytest.raises(IndexError):
            keys[index]
    assert len(Keys.of(())) == 0 and Keys.of(()) == ()


def test_a_key_costs_its_text_and_a_number() -> None:
    keys = Keys.of(f"{number:04d}" for number in range(1000))
    assert keys.text.nbytes + keys.ends.nbytes == 1000 * (4 + 8)
    assert Keys.of(keys) is keys


def test_they_travel_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(Keys.of(NAMES))) == NAMES
