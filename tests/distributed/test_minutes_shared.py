"""Several processes of a run of `train.minutes` have one number of steps, the main process's."""

import json
from pathlib import Path

import warm
from pictures import draw_folders
from smoke import ROOT, smoke_arguments


def test_two_processes_fix_the_same_number(tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data")
    length = ["train.steps=null", "train.minutes=0.02", "optim.schedule=linear", "logging.samples=0"]
    length += [f"method.{network}.norm=instance" for network in ("generator", "discriminator")]  # batch statistics are of a process alone
    command = [ROOT / "tests/distributed/worker.py", tmp_path, *smoke_arguments("pix2pix", data, tmp_path / "run", *length)]
    assert warm.run_ranks(command, 2, tmp_path, tmp_path / "log") == [0, 0], (tmp_path / "log").read_text()[-3000:]
    reports = [json.loads((tmp_path / f"rank_{rank}.json").read_text()) for rank in range(2)]
    assert reports[0]["hash"] == reports[1]["hash"]
    assert [report["processes"] for report in reports] == [2, 2]
    taken = [len((tmp_path / f"samples_{rank}.jsonl").read_text().splitlines()) for rank in range(2)]
    assert taken[0] == taken[1] == json.loads((tmp_path / "run" / "run.json").read_text())["steps"]
