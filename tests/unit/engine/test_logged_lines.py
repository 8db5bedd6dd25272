"""The line that the console prints for a logged step."""

from pathlib import Path

import pytest

from gan_style.conditions import Alone
from gan_style.engine.console import Console

FEW = {"adversarial": 0.5, "l1": 2.0, "discriminator": 0.25}
DOMAINS = [f"domain{number}" for number in range(8)]
MANY = {f"discriminator_{name}": 0.25 for name in DOMAINS} | {f"adversarial_{name}": 0.5 for name in DOMAINS} | {"cycle_a": 1.0}
RATES = {"discriminators": 2e-4, "generator": 2e-4}


def printed(losses: dict[str, float], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    terms = {
        "discriminators": tuple(name for name in losses if name.startswith("discriminator")),
        "generator": (*(name for name in losses if not name.startswith("discriminator")), "not_due"),
    }
    Console(folder, Alone(), shown=True).line(50, losses, terms, RATES, 3.0)
    return capsys.readouterr().err


def test_few_losses_stand_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "  adversarial 0.5  l1 2  discriminator 0.25  lr 0.0002  3 images/s" in printed(FEW, tmp_path, capsys)


def test_of_many_losses_the_line_has_the_sum_of_each_player(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = printed(MANY, tmp_path, capsys)
    assert "  discriminators 2  generator 5  lr 0.0002  3 images/s" in line
    assert "domain" not in line and len(line) < 140
