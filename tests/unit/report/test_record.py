"""run.json: starts and machines, players, and in bounded size."""

import json
from pathlib import Path

from gan_style.report.record import Record, hardware, read_record


def test_what_is_written_is_read(tmp_path: Path) -> None:
    record = Record(steps=100)
    record.start(0)
    record.play({"generator": ("adversarial", "l1")})
    record.play({"discriminator": ["discriminator_real"]})
    record.write(tmp_path)
    assert read_record(tmp_path) == record
    tree = json.loads((tmp_path / "run.json").read_text())
    assert tree["players"] == {"generator": ["adversarial", "l1"], "discriminator": ["discriminator_real"]}
    assert tree["starts"][0]["hardware"] == hardware() and tree["starts"][0]["ended"] == ""


def test_no_record_is_an_empty_one(tmp_path: Path) -> None:
    assert read_record(tmp_path) == Record()


def test_a_run_that_is_started_for_ever_keeps_its_first_and_newest_starts() -> None:
    record = Record()
    for step in range(120):
        record.start(step)
    assert [start.step for start in record.starts] == [0, *range(71, 120)]
    assert record.more == 70


def test_a_start_without_an_end_is_told_by_the_next_one_unless_the_run_was_finished() -> None:
    for steps, told in ((100, "without a word"), (None, "without a word"), (7, "")):
        record = Record(steps=steps)
        record.start(0)
        record.start(7)
        assert record.starts[0].ended.startswith(told) and bool(record.starts[0].ended) == bool(told)


def test_hardware_is_named() -> None:
    facts = hardware()
    assert set(facts) >= {"CPU", "memory", "processes", "system", "software"}
    assert all(facts.values())
