"""The memory that is left to this process: the machine's, and what limits leave of it."""

import resource
from pathlib import Path

import pytest
from fuzzing import limited_memory

from gan_style.machine import free_memory as module
from gan_style.machine.free_memory import free_memory

GIB = 2**30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 64 GiB available."""
    for name, folder in {"_PROCESS": "self", "_MACHINE": "meminfo", "_GROUPS": "groups"}.items():
        monkeypatch.setattr(module, name, tmp_path / folder)
    written(tmp_path, {"meminfo": f"MemTotal: 99 kB\nMemAvailable:   {64 * 2**20} kB\n"})
    return tmp_path


def written(system: Path, files: dict[str, object]) -> None:
    for name, text in files.items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(str(text))


def group(folder: str, limit: object, taken: int, cache: int, version: int = 2) -> dict[str, object]:
    names = (
        ("memory.max", "memory.current", "inactive_file")
        if version == 2
        else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    )
    return {f"{folder}/{names[0]}": limit, f"{folder}/{names[1]}": taken, f"{folder}/memory.stat": f"anon 5\n{names[2]} {cache}\n"}


def test_the_memory_of_the_machine(system: Path) -> None:
    assert free_memory() == 64 * GIB


def test_where_the_system_does_not_say(system: Path) -> None:
    (system / "meminfo").unlink()
    assert free_memory() == 2 * GIB


@pytest.mark.parametrize(
    ("inner", "outer", "left"),
    [((4 * GIB, 3 * GIB, GIB), ("max", 9 * GIB, 0), 2), (("max", GIB, 0), (8 * GIB, 5 * GIB, 0), 3), (("max", 0, 0), ("max", 0, 0), 64)],
)
def test_a_group_and_the_groups_around_it(inner: tuple[int, int, int], outer: tuple[int, int, int], left: int, system: Path) -> None:
    """Cache of files is given back where memory is short."""
    written(system, {"self/cgroup": "0::/jobs/7\n", **group("groups/jobs/7", *inner), **group("groups/jobs", *outer)})
    assert free_memory() == left * GIB


def test_a_container_sees_its_group_as_the_root(system: Path) -> None:
    written(system, {"self/cgroup": "0::/../../outside\n", **group("groups", 4 * GIB, GIB, 0)})
    assert free_memory() == 3 * GIB


def test_groups_of_version_1(system: Path) -> None:
    lines = "9:cpu:/x\n4:memory,pids:/docker/abc\n0::/\n"
    written(system, {"self/cgroup": lines, **group("groups/memory", 6 * GIB, 2 * GIB, GIB, version=1), **group("groups/x", 1, 0, 0)})
    assert free_memory() == 5 * GIB


def test_a_group_that_is_full_leaves_nothing(system: Path) -> None:
    written(system, {"self/cgroup": "0::/\n", **group("groups", GIB, 2 * GIB, 0)})
    assert free_memory() == 0


def test_the_limits_of_the_process() -> None:
    with limited_memory(GIB):
        assert 0 < free_memory() <= GIB
    assert free_memory() > 0
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY
