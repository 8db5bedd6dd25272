import errno
import json
import os
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from full_disk import files_of_at_most
from torch import nn

from gan_style.engine import checkpoint
from gan_style.engine.agreement import Agreement
from gan_style.engine.checkpoint import MANIFEST, NETWORKS, TRAINING, Checkpointer
from gan_style.errors import UserError
from gan_style.files import atomic


def networks(value: float = 0.0) -> dict[str, nn.Module]:
    nets = {"generator_ab": nn.Linear(2, 2), "generator_ba": nn.Linear(2, 2)}
    for offset, net in enumerate(nets.values()):
        nn.init.constant_(net.weight, value + offset)
    return nets


@pytest.fixture
def checkpointer(tmp_path: Path) -> Checkpointer:
    return Checkpointer(tmp_path, Accelerator(cpu=True), Agreement(), keep=2)


def save(checkpointer: Checkpointer, step: int) -> None:
    checkpointer.save(step, step * 4, networks(step), {"step": step}, {"own": step}, {})


def test_the_newest_is_found_and_the_oldest_are_pruned(checkpointer: Checkpointer) -> None:
    assert checkpointer.newest() is None
    for step in (5, 10, 15):
        save(checkpointer, step)
    assert sorted(folder.name for folder in checkpointer.root.iterdir()) == ["step_0000010", "step_0000015"]
    newest = checkpointer.newest()
    assert newest is not None
    assert (newest.step, newest.samples) == (15, 60)
    assert newest.training_state() == {"step": 15}
    assert newest.process_states() == [{"own": 15}]


def test_networks_are_loaded_by_name(checkpointer: Checkpointer) -> None:
    save(checkpointer, 3)
    newest = checkpointer.newest()
    assert newest is not None
    swapped = dict(reversed(networks().items()))
    newest.load_networks(swapped)
    assert swapped["generator_ab"].weight[0, 0].item() == 3.0
    assert swapped["generator_ba"].weight[0, 0].item() == 4.0
    with pytest.raises(UserError, match="generator_x"):
        newest.load_networks({"generator_x": nn.Linear(2, 2), "generator_ba": nn.Linear(2, 2)})
    with pytest.raises(UserError, match="generator_ab does not fit"):
        newest.load_networks({"generator_ab": nn.Linear(3, 2), "generator_ba": nn.Linear(2, 2)})


@pytest.mark.parametrize(
    "damage", ["truncated", "altered", "missing", "no manifest", "torn manifest", "hostile manifest", "list", "other step", "deep manifest"]
)
def test_a_torn_checkpoint_is_named_and_passed_over(checkpointer: Checkpointer, damage: str) -> None:
    save(checkpointer, 1)
    save(checkpointer, 2)
    folder = checkpointer.root / "step_0000002"
    file = folder / NETWORKS
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[:-1])
    elif damage == "altered":
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    elif damage == "missing":
        file.unlink()
    elif damage == "no manifest":
        (folder / MANIFEST).unlink()
    elif damage == "hostile manifest":  # must not count to a billion
        manifest = json.loads((folder / MANIFEST).read_text())
        (folder / MANIFEST).write_text(json.dumps({**manifest, "processes": 10**18}))
        file.unlink()
    elif damage == "other step":
        manifest = json.loads((folder / MANIFEST).read_text())
        (folder / MANIFEST).write_text(json.dumps({**manifest, "step": 3}))
    else:
        (folder / MANIFEST).write_text({"torn manifest": '{"step": 2', "list": "[1]", "deep manifest": "[" * 10**6}[damage])
    with pytest.warns(UserWarning, match="step_0000002"):
        newest = checkpointer.newest()
    assert newest is not None
    assert newest.step == 1


def test_all_torn_is_an_error_and_nothing_is_overwritten(checkpointer: Checkpointer) -> None:
    save(checkpointer, 1)
    (checkpointer.root / "step_0000001" / NETWORKS).unlink()
    with pytest.warns(UserWarning), pytest.raises(UserError, match="no complete checkpoint"):
        checkpointer.newest()
    assert (checkpointer.root / "step_0000001" / MANIFEST).exists()


def test_a_save_that_fails_leaves_the_older_ones(checkpointer: Checkpointer) -> None:
    save(checkpointer, 1)
    with pytest.raises(TypeError):
        checkpointer.save(2, 8, networks(), {"not storable": {1}}, {}, {})
    newest = checkpointer.newest()
    assert newest is not None
    assert newest.step == 1
    save(checkpointer, 2)
    assert not list(checkpointer.root.glob(".saving_*"))


def test_the_manifest_is_complete(checkpointer: Checkpointer) -> None:
    save(checkpointer, 1)
    folder = checkpointer.root / "step_0000001"
    manifest = json.loads((folder / MANIFEST).read_text())
    assert set(manifest["files"]) == {path.name for path in folder.iterdir()} - {MANIFEST}
    # Nothing here is a pickle: every file is safetensors or JSON.
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}


def test_a_file_is_hashed_while_the_next_one_is_written(checkpointer: Checkpointer, monkeypatch: pytest.MonkeyPatch) -> None:
    next_one = threading.Event()
    sha256, save_file = checkpoint._sha256, checkpoint.save_file

    def hash_meanwhile(file: Path) -> str:
        assert file.name != TRAINING or next_one.wait(60), f"{TRAINING} was to be hashed before {NETWORKS} is written"
        return sha256(file)

    def write(*arguments: Any) -> None:
        next_one.set()
        save_file(*arguments)

    monkeypatch.setattr(checkpoint, "_sha256", hash_meanwhile)
    monkeypatch.setattr(checkpoint, "save_file", write)
    save(checkpointer, 1)
    assert checkpointer.newest() is not None


def test_a_checkpoint_is_saved_where_the_system_refuses_a_thread(checkpointer: Checkpointer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    save(checkpointer, 1)
    monkeypatch.undo()
    newest = checkpointer.newest()
    assert newest is not None and newest.step == 1


def test_every_file_is_on_the_disk_before_the_manifest_is_written(checkpointer: Checkpointer, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    flush = atomic.flush

    def noted(path: Path) -> None:
        flush(path)
        assert path.name == MANIFEST or not (path.parent / MANIFEST).exists() or path.is_dir()
        flushed.append(path.name)

    monkeypatch.setattr(atomic, "flush", noted)
    save(checkpointer, 1)
    files = {path.name for path in (checkpointer.root / "step_0000001").iterdir()}
    assert set(flushed[: len(files) - 1]) == files - {MANIFEST}
    assert flushed[len(files) - 1 :] == [MANIFEST, ".saving_0000001", "checkpoints"]


@pytest.mark.parametrize("name", [TRAINING, NETWORKS, "process_0000.safetensors", MANIFEST])
def test_a_file_that_the_disk_does_not_keep_is_said(checkpointer: Checkpointer, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    save(checkpointer, 1)
    flush = atomic.flush

    def refuse(path: Path) -> None:
        if path.name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        flush(path)

    monkeypatch.setattr(atomic, "flush", refuse)
    with pytest.raises(UserError, match=r"step 2 cannot be saved \(Input/output error\), the older ones stay"):
        save(checkpointer, 2)
    assert [folder.name for folder in checkpointer.root.iterdir()] == ["step_0000001"]


def test_a_torn_newer_one_never_pushes_a_complete_one_out(checkpointer: Checkpointer) -> None:
    for step in (1, 2, 3):
        save(checkpointer, step)
    for step in (2, 3):
        (checkpointer.root / f"step_000000{step}" / NETWORKS).unlink()
    shutil.copytree(checkpointer.root / "step_0000002", checkpointer.root / "step_0000009")
    save(checkpointer, 3)
    save(checkpointer, 4)
    assert sorted(folder.name for folder in checkpointer.root.iterdir()) == ["step_0000003", "step_0000004", "step_0000009"]
    with pytest.warns(UserWarning, match="step_0000009"):
        newest = checkpointer.newest()
    assert newest is not None
    assert newest.step == 4


def test_steps_beyond_seven_digits_are_newer(checkpointer: Checkpointer) -> None:
    save(checkpointer, 9_999_999)
    save(checkpointer, 10_000_000)
    (checkpointer.root / "step_0000001 (copy)").mkdir()
    newest = checkpointer.newest()
    assert newest is not None
    assert newest.step == 10_000_000


def test_what_a_killed_run_left_behind_is_swept(checkpointer: Checkpointer) -> None:
    save(checkpointer, 1)
    for name in (".saving_0000002", ".deleting_step_0000000"):
        (checkpointer.root / name).mkdir()
        (checkpointer.root / name / NETWORKS).write_bytes(b"half")
    save(checkpointer, 2)
    assert sorted(folder.name for folder in checkpointer.root.iterdir()) == ["step_0000001", "step_0000002"]


@pytest.mark.parametrize("largest", [0, 100, 2000])
def test_a_full_disk_is_said_and_the_older_ones_stay(checkpointer: Checkpointer, largest: int) -> None:
    """No file may grow beyond `largest` bytes: the save fails in its first file, in a later one, or in its manifest."""
    save(checkpointer, 1)
    before = {path: path.read_bytes() for path in checkpointer.root.rglob("*") if path.is_file()}
    with files_of_at_most(largest), pytest.raises(UserError, match=r"the checkpoint of step 2 cannot be saved .*; make room"):
        checkpointer.save(2, 8, networks(), {"big": torch.zeros(1000)}, {}, {})
    assert {path: path.read_bytes() for path in checkpointer.root.rglob("*") if path.is_file()} == before
    save(checkpointer, 2)


def test_a_full_disk_does_not_speak_of_checkpoints_that_are_not_there(checkpointer: Checkpointer) -> None:
    with files_of_at_most(100), pytest.raises(UserError) as first:
        checkpointer.save(1, 8, networks(), {"big": torch.zeros(1000)}, {}, {})
    assert re.search(r"step 1 cannot be saved \(.*\), and there is no older one; make room, then .* begins anew$", str(first.value))
    save(checkpointer, 1)
    with files_of_at_most(100), pytest.raises(UserError) as second:
        checkpointer.save(2, 8, networks(), {"big": torch.zeros(1000)}, {}, {})
    assert re.search(r"step 2 cannot be saved \(.*\), the older ones stay; make room, then .* goes on$", str(second.value))
