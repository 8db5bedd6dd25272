"""Warm processes end with whoever asked for them."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

PROGRAM = "import os, sys, warm; warm._supervise(int(sys.argv[1])); os.setsid(); os.execvp('sleep', ['sleep', '600'])"


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux can wait for a process and for a pipe at once")
def test_a_command_whose_test_run_is_gone_is_killed() -> None:
    """A test run that was killed leaves no training behind that waits for another."""
    report, reporting = os.pipe()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    supervisor = subprocess.Popen([sys.executable, "-c", PROGRAM, str(reporting)], pass_fds=[reporting], env=environment)
    os.close(reporting)
    with os.fdopen(report) as lines:
        command = int(lines.readline())
    try:
        supervisor.wait(60)
        with pytest.raises(ProcessLookupError):
            os.kill(command, 0)
    finally:
        supervisor.kill()
        supervisor.wait()
        with suppress(ProcessLookupError):
            os.kill(command, signal.SIGKILL)
