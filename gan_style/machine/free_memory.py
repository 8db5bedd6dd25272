"""The memory that this process may still take: what the machine has, and what the limits of containers, batch systems and shells leave."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

_UNKNOWN = 2 * 2**30  # bytes, where the system does not say
_PROCESS, _MACHINE, _GROUPS = Path("/proc/self"), Path("/proc/meminfo"), Path("/sys/fs/cgroup")
# Of control groups of version 2 and 1: files of the limit and of what is taken, and the line of `memory.stat` that counts cache of files.
_VERSION_2 = "memory.max", "memory.current", "inactive_file"
_VERSION_1 = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"


def free_memory() -> int:
    """Bytes of memory that are available to new work; 2 GiB where the system does not say."""
    return max(0, min([*_of_machine(), *_of_groups(), *_of_process()], default=_UNKNOWN))


def _of_machine() -> Iterator[int]:
    with suppress(OSError, ValueError, KeyError):
        yield 1024 * int(_fields(_MACHINE)["MemAvailable:"])


def _of_groups() -> Iterator[int]:
    """What is left in the control groups of this process, each of which bounds the groups in it. Cache of files counts as left."""
    for line in _text(_PROCESS / "cgroup").splitlines():
        kinds, _, path = line.partition(":")[2].partition(":")
        if kinds and "memory" not in kinds.split(","):
            continue
        root, names = (_GROUPS / "memory", _VERSION_1) if kinds else (_GROUPS, _VERSION_2)
        group = root / path.lstrip("/")
        for each in (group, *group.parents):
            if each.is_relative_to(root):
                yield from _of_group(each, *names)


def _of_group(group: Path, limit: str, taken: str, cache: str) -> Iterator[int]:
    with suppress(OSError, ValueError, KeyError):  # no limit is written as `max`
        most = int(_text(group / limit))
        yield most - int(_text(group / taken)) + int(_fields(group / "memory.stat")[cache])


def _of_process() -> Iterator[int]:
    """What the limits of the process leave (`ulimit -v` and `-d`)."""
    if resource is None:
        return
    with suppress(OSError, ValueError, IndexError):
        pages = _text(_PROCESS / "statm").split()
        for kind, taken in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
            most, _ = resource.getrlimit(kind)
            if most != resource.RLIM_INFINITY:
                yield most - int(taken) * resource.getpagesize()


def _fields(path: Path) -> dict[str, str]:
    """The first two words of each line."""
    return {words[0]: words[1] for line in _text(path).splitlines() if len(words := line.split()) > 1}


def _text(path: Path) -> str:
    """The text of a file of the system; empty if there is none."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8")
    return ""
