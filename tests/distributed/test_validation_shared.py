"""Two processes share the validation images, count each once, and find the numbers of one to the bit."""

import json
from pathlib import Path

import pytest
import warm
from pictures import draw_folders
from smoke import ROOT, smoke_arguments

from gan_style.bundles.file import load_bundle

EXACT = ["method.generator.norm=instance", "method.discriminator.norm=instance", "method.generator.dropout=false", "logging.samples=0"]
RANDOM = ["validation.features=random", "validation.structure=random"]


def train(name: str, processes: int, data: Path, folder: Path, *overrides: str) -> list[int]:
    """The exit codes of the processes; what they say goes to folder/log."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [ROOT / "train.py", *smoke_arguments(name, data, folder / "run", *EXACT, *RANDOM, "data.workers=0", *overrides)]
    return warm.run_ranks(command, processes, folder, folder / "log")


def scores(run_dir: Path, step: int) -> dict[str, float]:
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return {key: value for line in lines for key, value in line.items() if key.startswith("val/") and line["step"] == step}


@pytest.mark.parametrize(("name", "metrics"), [("pix2pix", "l1,ssim,fid,structure"), ("cyclegan", "kid,structure")])
def test_two_processes_count_each_image_once(name: str, metrics: str, tmp_path: Path) -> None:
    """Five images for two processes, of which the second has one less. With a learning rate of nearly 0 the weights are those of one."""
    data = draw_folders(tmp_path / "data", val=5)
    best = metrics.split(",")[0]
    settings = [f"validation.metrics=[{metrics}]", f"validation.best={best}", "train.steps=2", "train.validate_every=1", "optim.lr=1e-30"]
    for processes in (1, 2):
        codes = train(name, processes, data, tmp_path / str(processes), *settings)
        assert codes == [0] * processes, (tmp_path / str(processes) / "log").read_text()[-3000:]
    for step in (1, 2):
        expected, got = (scores(tmp_path / str(processes) / "run", step) for processes in (1, 2))
        assert got == expected
        assert len(got) == len(metrics.split(",")) * (2 if name == "cyclegan" else 1)
    bundle = "bundles/best_a2b.safetensors"
    infos = [load_bundle(tmp_path / str(processes) / "run" / bundle)[0] for processes in (1, 2)]
    assert infos[0].scores == infos[1].scores


def test_a_broken_validation_image_of_the_other_process_ends_both(tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data", val=3)
    broken = data / "valB" / "001.png"  # the second process has it
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    settings = ["train.steps=4", "train.validate_every=2", "train.checkpoint_every=100"]
    codes, said = train("pix2pix", 2, data, tmp_path, *settings), (tmp_path / "log").read_text()
    assert codes == [2, 2], said[-3000:]
    assert "001.png: damaged or cut short" in said
    (checkpoint,) = (tmp_path / "run/checkpoints").iterdir()
    assert checkpoint.name == "step_0000002"
    broken.write_bytes(whole)
    assert train("pix2pix", 2, data, tmp_path, *settings) == [0, 0], (tmp_path / "log").read_text()[-3000:]
    assert scores(tmp_path / "run", 4)
