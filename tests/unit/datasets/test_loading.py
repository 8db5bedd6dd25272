"""Loading processes: what becomes of them, and of the training that waits for them."""

import faulthandler
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import warm

from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import SamplePlace, open_dataset
from gan_style.datasets.loading import BatchReader, Delivery, TrainingLoader, training_loader
from gan_style.datasets.loading_process import Died, LoadingProcess
from gan_style.errors import UserError
from gan_style.types import Batch

STARTS = ("fork", "spawn")


def loader(root: Path, write_pairs: Callable[..., None], start: str = "fork", paired: bool = True) -> TrainingLoader:
    write_pairs(root, "train", 7)
    settings = DataConfig(root=str(root), load_size=20, crop_size=16, workers=2)
    made = training_loader(open_dataset(settings, "train", "pairs" if paired else "domains", 3), settings, 0, 50, 2)
    made.start_method = start
    return made


def processes() -> list[int]:
    """The loading processes of this one, in the order of their start."""
    return sorted(child.pid for child in multiprocessing.active_children() if child.pid is not None)


def crash(number: int) -> None:
    faulthandler.disable()  # pytest's, which would fill the screen
    os.kill(os.getpid(), number)


class Doing:
    """A reader that does something else with the places."""

    def __init__(self, action: Callable[[Any], Any], *places: Any) -> None:
        self.action, self.places = action, places

    def __call__(self, places: Sequence[Any]) -> Batch:
        return self.action(*self.places)


@pytest.mark.parametrize(("start", "victim"), [("fork", 0), ("fork", 1), ("spawn", 0)])
def test_a_killed_process_is_told_and_what_came_before_it_is_delivered(
    start: str, victim: int, tmp_path: Path, write_pairs: Callable[..., None]
) -> None:
    before = processes()
    batches = iter(loader(tmp_path, write_pairs))
    expected = [next(batches).keys["a"] for _ in range(10)]
    batches = iter(loader(tmp_path, write_pairs, start))
    got = [next(batches).keys["a"] for _ in range(3)]
    os.kill(processes()[-2:][victim], signal.SIGKILL)
    with pytest.raises(
        UserError,
        match=r"^a loading process was killed .*; lower data\.workers, then the same command goes on, or .* run_dir",
    ):
        got += [batch.keys["a"] for batch in batches]
    assert got == expected[: len(got)]
    assert processes() == before


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (lambda: os._exit(3), "exit code 3"),
        (lambda: crash(signal.SIGSEGV), "Segmentation fault"),
        (lambda: crash(signal.SIGBUS), "Bus error"),
    ],
)
def test_a_process_that_ends_otherwise_names_what_it_read(
    action: Callable[[], None], said: str, tmp_path: Path, write_pairs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = BatchReader.__call__

    def deadly(reader: BatchReader, places: Sequence[SamplePlace]) -> Delivery:
        if places[0].number == 4:
            action()
        return read(reader, places)

    monkeypatch.setattr(BatchReader, "__call__", deadly)
    batches = iter(loader(tmp_path, write_pairs))
    keys = [key for batch in (next(batches), next(batches)) for key in batch.keys["a"]]
    assert len(keys) == 4
    with pytest.raises(UserError) as mistake:
        next(batches)
    assert f"a loading process ended ({said}) while it read trainA/s" in str(mistake.value)
    assert "trainB/s" in str(mistake.value) and "data/prepare.py check" in str(mistake.value)


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    process = LoadingProcess(Doing(lambda: 1 // 0), "fork")
    process.ask([1])
    with pytest.raises(RuntimeError, match=r"(?s)in a loading process:.*ZeroDivisionError"):
        process.receive()
    process.end()


def test_no_process_is_left_however_the_loading_ends(tmp_path: Path, write_pairs: Callable[..., None]) -> None:
    before = processes()
    made = loader(tmp_path, write_pairs)
    batches = iter(made)
    next(batches)
    assert len(processes()) == len(before) + 2
    batches.close()
    assert processes() == before

    assert len(list(made)) == 50
    assert processes() == before

    whole = (tmp_path / "trainA" / "s3.png").read_bytes()
    (tmp_path / "trainA" / "s3.png").write_bytes(whole[:100])
    with pytest.raises(UserError, match=r"s3\.png"):
        list(made)
    assert processes() == before


def test_signals_are_left_to_the_training_process() -> None:
    process = LoadingProcess(Doing(lambda: torch.ones(3)), "fork")
    process.ask([1])
    process.receive()
    for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGUSR1"):
        os.kill(process._process.pid, getattr(signal, name))
    process.ask([1])
    assert torch.equal(process.receive(), torch.ones(3))  # pyright: ignore[reportArgumentType]
    process.end()
    assert process._process.exitcode == -signal.SIGKILL


def test_a_batch_keeps_its_values_and_what_is_one_tensor() -> None:
    images = torch.rand(2, 3, 5, 7)
    one = Batch.of_two(images, images, ("a", "b"), ("c", "d"), (0, 1), (4, 5))
    two = Batch.of_two(images, images + 1, ("a", "b"), ("c", "d"), (0, 1), (4, 5))
    process = LoadingProcess(Doing(lambda: [one, two]), "fork")
    process.ask([1])
    got_one, got_two = process.receive()  # pyright: ignore[reportGeneralTypeIssues]
    process.end()
    assert got_one.a is got_one.b and torch.equal(got_one.a, images) and got_one.keys["b"] == ("c", "d")
    assert torch.equal(got_two.b, images + 1) and got_two.numbers == (4, 5)
    got_two.b.add_(1)  # it may be written to


def test_batches_need_no_shared_memory(tmp_path: Path, write_pairs: Callable[..., None]) -> None:
    before = set(os.listdir("/dev/shm"))  # noqa: PTH208
    batches = iter(loader(tmp_path, write_pairs))
    kept = [next(batches) for _ in range(4)]
    assert set(os.listdir("/dev/shm")) <= before  # noqa: PTH208
    assert not any(batch.a.is_shared() for batch in kept)
    batches.close()


def test_asking_a_dead_process_leaves_the_word_to_receiving() -> None:
    process = LoadingProcess(Doing(lambda: None), "fork")
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.join()
    for _ in range(3):
        process.ask([1] * 100_000)
    with pytest.raises(Died) as death:
        process.receive()
    assert death.value.killed
    process.end()


def test_processes_that_the_system_does_not_start_are_a_mistake_of_the_user(tmp_path: Path, write_pairs: Callable[..., None]) -> None:
    made, before = loader(tmp_path, write_pairs), processes()
    made.workers = 100
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 8, limits[1]))  # noqa: PTH208
    try:
        with pytest.raises(UserError, match=r"^data\.workers: process \d+ of 100 cannot be started \(Too many open files\); lower it$"):
            next(iter(made))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert processes() == before


ORPHANS = """
import os, sys, time
from gan_style.datasets.loading_process import LoadingProcess
def read(places):
    return places * 10_000_000  # more than a socket takes: the process waits for someone to receive it
if __name__ == "__main__":
    made = [LoadingProcess(read, sys.argv[1]) for _ in range(2)]
    made[0].ask([1])
    print(*(process._process.pid for process in made), flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize("start", STARTS)
def test_processes_end_when_the_training_process_is_gone(start: str, tmp_path: Path) -> None:
    (tmp_path / "orphans.py").write_text(ORPHANS)
    said = tmp_path / "said"
    said.touch()
    parent = warm.start([tmp_path / "orphans.py", start], tmp_path, stdout=said)
    with warm.ended(parent):
        while not said.read_text().endswith("\n"):
            assert parent.poll() is None
            time.sleep(0.02)
        pids = [int(pid) for pid in said.read_text().split()]
        assert len(pids) == 2
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    give_up = time.monotonic() + 60
    while any(alive(pid) for pid in pids) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_program_that_ends_with_a_fault_does_not_wait_for_its_processes(tmp_path: Path) -> None:
    """The interpreter keeps the frames of the last exception, and with them the loading."""
    (tmp_path / "fault.py").write_text(ORPHANS.replace("time.sleep(1000)", "1 // 0"))
    done = warm.run([tmp_path / "fault.py", "fork"], tmp_path, timeout=60)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr
    assert not any(alive(int(pid)) for pid in done.stdout.split())
