"""Which start of the machine this is."""

from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux


def boot() -> str | None:
    """A text that is another one after each start of the machine, and on each machine; None where the system does not say.

    What a process writes survives the process, and reaches the disk later. After a restart a file may say that another one was written
    that was not.
    """
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None
