"""A run folder belongs to one run at a time, and to one configuration."""

import os
import signal
import time
from pathlib import Path

import pytest
import warm
import yaml
from tiny import tiny_config

from gan_style.engine.folder import LOCK, claim, write_config
from gan_style.errors import UserError
from gan_style.files.lock import FileLock

# Takes the lock and says so; the second one forks a child first, as a data loading process is, which outlives it.
OWNER = """
import os, sys, time
from pathlib import Path
from gan_style.files.lock import FileLock
lock = FileLock(Path(sys.argv[1]) / ".lock")
lock.acquire()
child = os.fork() if sys.argv[2] == "fork" else 1
if child:
    print(child, flush=True)
time.sleep(60)
"""


def owner(folder: Path, how: str = "alone") -> tuple[warm.WarmProcess, int]:
    """A process that holds the lock of `folder`, and its child's number."""
    script, said = (folder.with_name(f"{folder.name}_{name}") for name in ("owner.py", "said"))
    script.write_text(OWNER)
    said.write_text("")
    process = warm.start([script, folder, how], folder, stdout=said)
    while not said.read_text().endswith("\n"):
        assert process.poll() is None
        time.sleep(0.02)
    return process, int(said.read_text())


def kill(process: warm.WarmProcess) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def step_done(folder: Path) -> None:
    (folder / "metrics.jsonl").write_text('{"step": 1}\n')


def test_a_folder_in_use_is_refused_and_its_owner_named(tmp_path: Path) -> None:
    process, _ = owner(tmp_path)
    try:
        with pytest.raises(UserError, match=f"in use by process {process.pid} on "):
            claim(tmp_path, tiny_config("pix2pix", tmp_path))
        assert not (tmp_path / "config.yaml").exists()
    finally:
        kill(process)


def test_the_lock_dies_with_its_owner_though_a_child_lives(tmp_path: Path) -> None:
    process, child = owner(tmp_path, "fork")
    kill(process)
    try:
        os.kill(child, 0)  # it lives
        claim(tmp_path, tiny_config("pix2pix", tmp_path)).release()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_released_folder_can_be_claimed_again(tmp_path: Path) -> None:
    config = tiny_config("pix2pix", tmp_path)
    claim(tmp_path, config).release()
    process, _ = owner(tmp_path)
    kill(process)
    claim(tmp_path, config).release()


def test_another_configuration_is_refused_and_the_lock_given_back(tmp_path: Path) -> None:
    write_config(tmp_path, tiny_config("pix2pix", tmp_path))
    step_done(tmp_path)
    with pytest.raises(UserError, match=r"optim\.lr: 0\.0002 -> 0\.1"):
        claim(tmp_path, tiny_config("pix2pix", tmp_path, optim={"lr": 0.1}))
    process, _ = owner(tmp_path)  # it could not take a lock that was kept
    kill(process)


@pytest.mark.parametrize("left", ["metrics.jsonl", "checkpoints/step_0000001", "bundles/a2b.safetensors", "samples/step_0000001.png"])
def test_a_folder_takes_another_configuration_until_a_step_is_done(left: str, tmp_path: Path) -> None:
    write_config(tmp_path, tiny_config("pix2pix", tmp_path))
    (tmp_path / "metrics.jsonl").touch()
    (tmp_path / "samples").mkdir()
    other = tiny_config("pix2pix", tmp_path, optim={"lr": 0.1})
    claim(tmp_path, other).release()
    path = tmp_path / left
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    with pytest.raises(UserError, match=r"was made with another configuration"):
        claim(tmp_path, other)


def test_limits_and_logging_may_change(tmp_path: Path) -> None:
    step_done(tmp_path)
    write_config(tmp_path, tiny_config("pix2pix", tmp_path))
    changed = {"steps": 9, "max_minutes": 3, "checkpoint_every": 7, "keep": 1, "on_nonfinite": "skip", "max_skips": 2}
    claim(tmp_path, tiny_config("pix2pix", tmp_path, train=changed, logging={"every": 3, "alarm_after": 1})).release()


def test_a_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.warns(UserWarning, match="cannot be locked here"):
        FileLock(tmp_path / LOCK).acquire()


def test_a_folder_of_a_version_that_wrote_keys_of_every_architecture_goes_on(tmp_path: Path) -> None:
    config = tiny_config("pix2pix", tmp_path)
    tree = config.model_dump(mode="json")
    tree["method"]["generator"] |= {"num_blocks": 2, "num_enhancers": 1, "activation_checkpointing": False, "antialias": True}
    tree["method"]["discriminator"] |= {"num_scales": 2}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    step_done(tmp_path)
    claim(tmp_path, config).release()
    with pytest.raises(UserError, match=r"method\.generator\.num_downs: 5 -> 3; take the old values"):
        tree["method"]["generator"]["num_downs"] = 5
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
        claim(tmp_path, config)
