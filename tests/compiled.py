"""`pytest --compiled`: where `train.compile` is `auto`, networks are compiled, in this process and in the commands that tests start.

`--compiled inductor`, which is meant without a name, is torch's own compiler; `--compiled aot_eager` follows the networks and their
backward, and runs torch's operators, in much less time.
"""

import os
import sys
from collections.abc import Iterator

import pytest

ASKED = "GAN_STYLE_TESTS_COMPILED"  # set for the processes that tests start


def asked() -> bool:
    """Do tests compile what `auto` leaves uncompiled?"""
    return bool(os.environ.get(ASKED))


def let_auto_be_on() -> None:
    """From now on `train.compile: auto` is `on`, by the compiler that is asked for."""
    from gan_style.engine import trainer
    from gan_style.machine import compilation
    from gan_style.machine.compilation import Compile, chosen

    def chosen_by_tests(wanted: Compile, *rest: object) -> Compile:
        return "on" if wanted == "auto" else chosen(wanted, *rest)  # type: ignore[arg-type]

    trainer.chosen = chosen_by_tests
    compilation.BACKEND = os.environ[ASKED]


class Compiled:
    """The plug-in of pytest. Each test begins without what was compiled before it in this process; files of compiled code are kept."""

    def __init__(self, compiler: str) -> None:
        os.environ[ASKED] = compiler
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # here, not in processes of its own
        let_auto_be_on()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        import torch._dynamo

        torch._dynamo.reset()
        self.path, self.variables = list(sys.path), set(os.environ)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Iterator[None]:
        """Take back what the compiler adds to sys.path and to the environment."""
        result = yield
        sys.path[:] = self.path
        for name in set(os.environ) - self.variables:
            del os.environ[name]
        return result
