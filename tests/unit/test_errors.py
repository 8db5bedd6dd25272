import io
import os
import sys
import warnings
from collections.abc import Callable

import pytest

from gan_style.commands.parser import CommandParser
from gan_style.commands.running import run_command
from gan_style.errors import MAX_LINE, UserError, nearest, one_line


def raising(failure: BaseException, goes_on: bool = False) -> int:
    def command() -> int:
        raise failure

    return run_command(command, goes_on)


def test_a_mistake_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(UserError("file.png: is\nbroken")) == 2
    assert capsys.readouterr().err == "error: file.png: is broken\n"


def test_ctrl_c_is_130_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert raising(KeyboardInterrupt(), goes_on=True) == 130
    assert capsys.readouterr().err == "interrupted: the same command goes on where this one stopped\n"


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())


def test_the_bodys_exit_code_is_passed_on() -> None:
    assert run_command(lambda: 143) == 143
    assert run_command(lambda: None) == 0


def test_a_parsers_complaint_is_a_users_mistake() -> None:
    with pytest.raises(UserError, match=r"--size.*see draw\.py --help"):
        parser = CommandParser(prog="draw.py")
        parser.add_argument("--size", type=int)
        parser.parse_args(["--size", "big"])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("in/Ünïcode 猫.png: is broken", "in/Ünïcode 猫.png: is broken"),
        ("a\r\nb\x0bc\u2028d", "a b c d"),
        ("\x1b[31mred\x07\x9b0m", r"\x1b[31mred\x07\x9b0m"),
        (os.fsdecode(b"in\xff.png"), r"in\udcff.png"),
        ("gnp\u202ecod.png", r"gnp\u202ecod.png"),
        ("tab\tnul\0", r"tab\tnul\x00"),
        ("", ""),
    ],
)
def test_a_message_is_one_line_that_any_terminal_can_show(text: str, line: str) -> None:
    assert one_line(text) == line
    assert one_line(text).isprintable()


def test_a_message_of_a_megabyte_is_cut_in_the_middle() -> None:
    line = one_line("file.yaml: " + "x" * 2**20 + "; remove it")
    assert len(line) < 2 * MAX_LINE and line.startswith("file.yaml: xxx") and line.endswith("xxx; remove it")


def test_an_error_is_printed_where_only_text_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", strict)
    assert raising(UserError(os.fsdecode(b"in\xff.png: is broken"))) == 2
    strict.seek(0)
    assert strict.read() == "error: in\\udcff.png: is broken\n"


def test_what_a_command_prints_can_be_shown_by_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    assert run_command(lambda: print("runs/\u00fc/report.html")) == 0
    ascii_only.seek(0)
    assert ascii_only.read() == "runs/\\xfc/report.html\n"


def test_a_commands_warning_is_one_line_without_source(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        sys.stderr.write(warnings.formatwarning(UserWarning("a\x1b[2J\nb.png: left out"), UserWarning, "errors.py", 5))

    usual = warnings.formatwarning
    assert run_command(command) == 0
    assert capsys.readouterr().err == "warning: a\\x1b[2J b.png: left out\n"
    assert warnings.formatwarning is usual, "what runs afterwards in this process has its own"


def parser() -> CommandParser:
    parser = CommandParser(prog="draw.py")
    parser.add_argument("--size", "-s", type=int, default=3)
    parser.add_argument("--shape", choices=("circle", "square"))
    parser.add_argument("--names", nargs="+")
    parser.add_argument("--many", nargs="+", action="extend", default=[])
    parser.add_argument("--force", action="store_true")
    parser.add_argument("files", nargs="*")
    return parser


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--size", "1", "--size", "2"], "--size"),
        (["--size=1", "x", "-s", "1"], "--size"),
        (["--siz", "1", "--size", "1"], "--size"),
        (["--names", "a", "--names", "b"], "--names"),
    ],
)
@pytest.mark.parametrize("parse", [CommandParser.parse_args, CommandParser.parse_intermixed_args])
def test_an_option_of_one_value_is_given_once(parse: Callable[..., object], arguments: list[str], option: str) -> None:
    with pytest.raises(UserError, match=rf"argument {option}\S*: given twice, and only one can count; leave one out; see draw.py --help"):
        parse(parser(), arguments)


def test_options_of_many_values_and_switches_may_be_given_again() -> None:
    options = parser().parse_args(["--many", "a", "--force", "--many", "b", "--force", "--size", "1"])
    assert (options.many, options.force, options.size) == (["a", "b"], True, 1)


def test_a_parser_can_parse_again() -> None:
    one = parser()
    assert [one.parse_args(["--size", text]).size for text in ("1", "2")] == [1, 2]


def test_a_subcommands_options_are_its_own() -> None:
    parser = CommandParser(prog="draw.py")
    sub = parser.add_subparsers().add_parser("line")
    sub.add_argument("--length", type=int)
    assert parser.parse_args(["line", "--length", "3"]).length == 3
    with pytest.raises(UserError, match="--length: given twice"):
        parser.parse_args(["line", "--length", "3", "--length", "3"])
    with pytest.raises(UserError, match="'lines' is none of line, did you mean 'line'"):
        parser.parse_args(["lines"])


def test_words_that_there_are_not_name_the_nearest() -> None:
    with pytest.raises(UserError, match=r"argument --shape: 'Circel' is none of circle, square, did you mean 'circle'\?"):
        parser().parse_args(["--shape", "Circel"])
    for parse in (CommandParser.parse_args, CommandParser.parse_intermixed_args):
        with pytest.raises(UserError, match=r"unrecognized arguments: --sise=4, did you mean '--size'\?"):
            parse(parser(), ["--sise=4"])


@pytest.mark.parametrize(("word", "near"), [("num-blocks", "num_blocks"), ("LSGAN", "lsgan"), ("lsgna", "lsgan"), ("hinge", ""), ("", "")])
def test_nearest(word: str, near: str) -> None:
    assert nearest(word, ["num_blocks", "lsgan"]) == (f", did you mean {near!r}?" if near else "")
