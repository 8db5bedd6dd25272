"""The scheduling of a process that encodes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def usual_scheduling() -> Iterator[None]:
    """Take back the real-time priority that libsvtav1 gives its caller and its own threads where root runs it.

    With that priority one busy process can stop a machine, and child processes inherit it.
    """
    if not hasattr(os, "sched_getscheduler"):  # not Linux
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir() if policy != os.SCHED_FIFO else ():
            with suppress(ProcessLookupError):  # a thread that has just ended
                if os.sched_getscheduler(int(thread.name)) == os.SCHED_FIFO:
                    os.sched_setscheduler(int(thread.name), policy, parameters)
