"""pull after something went wrong, and pull once more: what a folder holds then."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from full_disk import files_of_at_most
from hub_server import Hub, running_hub
from tiny_bundles import tiny_bundle

from gan_style.commands.pull import pull_command
from gan_style.commands.push import push_command
from gan_style.errors import UserError

A2B, BEST = "bundles/a2b.safetensors", "bundles/best_a2b.safetensors"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub() as running:
        yield running.use(monkeypatch, tmp_path / "cache")


@pytest.fixture
def pushed(hub: Hub, tmp_path: Path) -> Path:
    """A run of two bundles, which the hub has as me/horses."""
    for name in (A2B, BEST):
        tiny_bundle(tmp_path / "run" / name)
    push_command([str(tmp_path / "run"), "me/horses"])
    return tmp_path / "run"


def pull(folder: Path) -> None:
    assert pull_command(["me/horses", "--output", str(folder)]) == 0


def test_a_hostile_bundle_is_not_copied(hub: Hub, pushed: Path, tmp_path: Path) -> None:
    horses = hub.model("me/horses")
    horses.commit({**horses.files(), BEST: b"\x80\x04evil pickle" * 50})
    with pytest.raises(UserError, match="not a gan_style bundle"):
        pull(tmp_path / "got")
    assert not (tmp_path / "got").exists()


def test_pull_again_follows_the_repository(pushed: Path, tmp_path: Path) -> None:
    pull(tmp_path / "got")
    tiny_bundle(tmp_path / "other" / A2B, seed=1)
    push_command([str(tmp_path / "other"), "me/horses"])
    pull(tmp_path / "got")
    assert (tmp_path / "got" / A2B).read_bytes() == (tmp_path / "other" / A2B).read_bytes() != (pushed / A2B).read_bytes()
    assert not (tmp_path / "got" / BEST).exists()


def test_a_pull_that_a_full_disk_has_cut_short_can_be_repeated(pushed: Path, tmp_path: Path) -> None:
    pull(tmp_path / "cached")
    with files_of_at_most(1000), pytest.raises(UserError, match=r"cannot be written \(File too large\); make room, then pull again"):
        pull(tmp_path / "got")
    pull(tmp_path / "got")
    assert (tmp_path / "got" / A2B).read_bytes() == (pushed / A2B).read_bytes()
