"""The signals that stop a command."""

import signal
import threading


def heeded(*names: str) -> list[int]:
    """The numbers of these signals, without those that this system lacks or that were ignored when the command began.

    Empty outside the main thread, because Python delivers signals to the main thread alone. `nohup` ignores SIGHUP, and a shell
    without job control ignores SIGINT for background commands: these signals stay ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return []
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]  # Windows has no SIGHUP and no SIGUSR1
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
