"""Where the processes of a torchrun restart need help to find each other. That they do is shown by tests/distributed and tests/launch."""

import warnings

import pytest
import torch.distributed as dist

from gan_style.engine.rejoin import rejoin

RESTARTED = {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "1", "TORCHELASTIC_MAX_RESTARTS": "3", "RANK": "0"}


@pytest.mark.parametrize(
    ("changed", "warned"),
    [
        ({"GROUP_WORLD_SIZE": "2"}, True),
        ({"GROUP_WORLD_SIZE": "2", "RANK": "1"}, False),  # once is enough
        ({"GROUP_WORLD_SIZE": "2", "TORCHELASTIC_USE_AGENT_STORE": "False"}, False),  # a store for each attempt
        ({"GROUP_WORLD_SIZE": "2", "TORCHELASTIC_MAX_RESTARTS": "0"}, False),
        ({"GROUP_WORLD_SIZE": "1", "TORCHELASTIC_RESTART_COUNT": "0"}, False),  # the first attempt has an empty store
    ],
)
def test_restarts_on_several_nodes_are_warned_of(changed: dict[str, str], warned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**RESTARTED, **changed}.items():
        monkeypatch.setenv(name, value)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rejoin()
    assert [str(warning.message) for warning in caught if "TORCH_DISABLE_SHARE_RDZV_TCP_STORE" in str(warning.message)] == (
        [str(caught[0].message)] if warned else []
    )
    assert not dist.is_initialized()


def test_without_torchrun_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_USE_AGENT_STORE", raising=False)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    rejoin()
    assert not dist.is_initialized()
