"""Independent work is divided among the processes of a launch. tests/distributed has real ones."""

from collections.abc import Iterator

import pytest

from gan_style.errors import UserError
from gan_style.machine.share import ALONE, Share


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_item_is_one_processs(count: int) -> None:
    items = list(range(5))
    parts = [Share(rank, count).of(items) for rank in range(count)]
    assert sorted(item for part in parts for item in part) == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_process_alone_raises_its_own_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert Share.of_launch() is ALONE and ALONE.gathered(3) == [3]
    mistake = UserError("own")
    with pytest.raises(UserError) as caught, ALONE.together():
        raise mistake
    assert caught.value is mistake


@pytest.fixture
def incomplete(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a launch that does not say where the processes meet."""
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    yield


def test_an_incomplete_launch_is_refused(incomplete: None) -> None:
    with pytest.raises(UserError, match=r"2 processes were launched, but they do not find each other .*; launch with torchrun"):
        Share.of_launch()
