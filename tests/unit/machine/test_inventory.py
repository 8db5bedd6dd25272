"""What a training would compute with."""

from pathlib import Path

import pytest
import torch

from gan_style.machine.free_memory import free_memory
from gan_style.machine.inventory import this_machine


def test_a_cpu_has_its_threads_memory_and_files_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert this_machine().weights == frozenset()
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    (tmp_path / "hub/checkpoints/vgg16-397923af.pth").touch()
    found = this_machine()
    assert (found.device, found.name.split()[0], found.weights) == ("cpu", str(torch.get_num_threads()), {"vgg16-397923af.pth"})
    assert 0.2 < found.memory / (free_memory() / 2**30) < 5, "in GiB"
