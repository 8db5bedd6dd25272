"""How a child process of a test starts, whatever signals the test run itself ignores (in the background, under nohup, by cron)."""

import signal

NAMES = ("SIGINT", "SIGHUP", "SIGTERM", "SIGUSR1")


def heeding() -> None:
    """For `preexec_fn`: no signal is ignored, as where a shell starts a command in the foreground."""
    for name in NAMES:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
