"""docs/guide/distributed.md: its commands name files and keys that exist."""

import re
import shlex

import pytest
from smoke import ROOT

from gan_style.config.load import load_config
from gan_style.datasets.sampling import slots_of
from gan_style.methods import CONFIGS

GUIDE = (ROOT / "docs/guide/distributed.md").read_text()
COMMANDS = re.findall(r"^    (\S.*)$", re.sub(r" \\\n +", " ", GUIDE), re.MULTILINE)


def test_every_way_to_launch_is_shown() -> None:
    for file in (ROOT / "configs/launch").iterdir():
        assert any(f"configs/launch/{file.name}" in command for command in COMMANDS), file.name


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_can_be_given_as_it_stands(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    words = shlex.split(command)
    for word in words:
        if word.startswith("configs/") or word == "train.py":
            assert (ROOT / word).is_file(), word
    if "--config" in words:
        config, *overrides = words[words.index("--config") + 1 :]
        train = load_config(config, overrides, CONFIGS).train
        if any(word.startswith("train.batch_size=") for word in overrides):
            slots_of(train.batch_size, 0, 8, train.accumulate)  # the largest launch shown: two nodes with four GPUs
