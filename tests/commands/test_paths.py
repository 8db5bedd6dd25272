"""`~` and `${VAR}` in the paths of every command, where the shell left them as they are."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pictures import draw_folders
from smoke import smoke_arguments

from gan_style.commands import infer as command
from gan_style.commands import prepare
from gan_style.commands.evaluate import options as evaluation
from gan_style.commands.infer import gatys as gatys_command
from gan_style.commands.report import report_command
from gan_style.commands.train import train_command
from gan_style.errors import UserError


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its subcommands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from parsers(sub)


PARSERS = [
    each
    for parser in (command.infer_parser(), gatys_command.gatys_parser(), evaluation.evaluate_parser(), prepare.prepare_parser())
    for each in parsers(parser)
]
OPTIONS = {
    f"{parser.prog} {action.option_strings[0] if action.option_strings else action.dest}": (parser, action)
    for parser in PARSERS
    for action in parser._actions
    if re.search("FILE|DIR|PATH|FOLDER|ROOT|PICTURE|BUNDLE", str(action.metavar)) or action.dest in ("root", "output")
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_that_takes_a_path(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parser, action = OPTIONS[name]
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("NOPE", raising=False)
    assert str(parser._get_value(action, "~/x")) == "/home/me/x"
    with pytest.raises(argparse.ArgumentError, match=r"\$\{NOPE\}/x: the environment variable NOPE is not set; set it"):
        parser._get_value(action, "${NOPE}/x")


def test_there_are_such_options_in_every_command() -> None:
    assert len(OPTIONS) > 25 and {name.split()[1] for name in OPTIONS} == {"infer", "evaluate", "prepare"}


def test_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOPE", raising=False)
    for arguments in (["${NOPE}/run"], ["x", "--output=${NOPE}"]):
        with pytest.raises(UserError, match="the environment variable NOPE is not set"):
            report_command(arguments)


def test_a_run_folder_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_folders(tmp_path / "data")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SETS", str(tmp_path))
    given = smoke_arguments("pix2pix", Path("${SETS}/data"), Path("~/runs/x"), "train.steps=1", "logging.samples=0")
    assert train_command(given) == 0
    assert list((tmp_path / "here").iterdir()) == []
    written = yaml.safe_load((tmp_path / "home/runs/x/config.yaml").read_text())
    assert (written["run_dir"], written["data"]["root"]) == (str(tmp_path / "home/runs/x"), str(data))
    the_same = smoke_arguments("pix2pix", data, tmp_path / "home/runs/x", "train.steps=1", "logging.samples=0")
    assert train_command(the_same) == 0
    with pytest.raises(UserError, match="argument --config: ~nobody-here/x: there is no user"):
        train_command(["--config=~nobody-here/x"])
    assert list((tmp_path / "here").iterdir()) == []
