"""A lock whose owner removes its file."""

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from gan_style.files.lock import FileLock


def test_a_file_that_its_owner_removed_meanwhile_is_made_and_locked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, lockf, locked = tmp_path / "x.lock", fcntl.lockf, list[Any]()

    def lock(descriptor: int, how: int) -> None:
        if not locked:
            path.unlink()  # between the opening and the locking
        lockf(descriptor, how)
        locked.append(os.fstat(descriptor))

    monkeypatch.setattr(fcntl, "lockf", lock)
    lock_file = FileLock(path)
    lock_file.acquire()
    assert len(locked) == 2
    assert os.path.samestat(locked[1], path.stat())
    lock_file.release(remove=True)
    assert not path.exists()


def test_a_lock_that_is_released_twice_removes_no_file_of_another(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x.lock")
    lock.acquire()
    lock.release()
    lock.release(remove=True)
    assert (tmp_path / "x.lock").exists()
