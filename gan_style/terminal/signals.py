"""Which signals ask a command to stop."""

import signal
import threading


def heeded(*names: str) -> list[int]:
    """The signals of these names that this system has and that were not ignored when the command began; in the main thread, which alone
    may heed any.

    `nohup` ignores SIGHUP, and a shell without job control ignores SIGINT for what it starts in the background: they stay ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return []
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]  # Windows has no SIGHUP and no SIGUSR1
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
