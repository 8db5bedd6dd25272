import pytest

from gan_style.errors import CommandParser, UserError, run_command


def raising(failure: BaseException) -> int:
    def command() -> int:
        raise failure

    return run_command(command)


def test_a_mistake_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(UserError("file.png: is\nbroken")) == 2
    assert capsys.readouterr().err == "error: file.png: is broken\n"


def test_ctrl_c_is_130_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err.startswith("interrupted")


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
