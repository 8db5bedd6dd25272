"""configs/launch/slurm.sbatch under bash, with stand-ins for Slurm's commands that start two real trainings."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from launching import ENDLESS, LAUNCH, arguments, environment, free_port, newest, started, wait_for

SCRIPT = LAUNCH / "slurm.sbatch"

SRUN = """#!/bin/bash
# As srun: one process for each task, the highest exit code of all.
while [[ $1 == --* ]]; do shift; done
tasks=()
for number in $(seq 0 $((SLURM_NTASKS - 1))); do
    SLURM_PROCID=$number SLURM_LOCALID=$number "$@" &
    tasks+=($!)
done
echo "${tasks[@]}" > "$STAND_INS/starting" && mv "$STAND_INS/starting" "$STAND_INS/tasks"
highest=0
for task in "${tasks[@]}"; do
    wait "$task"
    code=$?
    if [ "$code" -gt "$highest" ]; then highest=$code; fi
done
exit "$highest"
"""

SCONTROL = """#!/bin/bash
if [ "$1 $2" = "show hostnames" ]; then echo localhost; else echo "$@" >> "$STAND_INS/asked"; fi
"""


class Cluster:
    """A folder with the stand-ins, and the job's environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.job = str(free_port() - 20000)  # the script makes its port of it
        slurm = {"SLURM_JOB_ID": self.job, "SLURM_JOB_NODELIST": "localhost", "SLURM_NTASKS": "2", "SLURM_CPUS_PER_TASK": "1"}
        self.environment = environment(folder, STAND_INS=str(folder), **slurm)

    def submit(self, *words: str, warn_when: Path | None = None) -> int:
        """The script's exit code; Slurm's warning goes to every task as soon as the file `warn_when` is there."""
        (self.folder / "tasks").unlink(missing_ok=True)
        (self.folder / "asked").unlink(missing_ok=True)
        log = self.folder / "log"
        with started(["bash", str(SCRIPT), *words], log, self.environment) as script:
            if warn_when:
                wait_for(warn_when, script, log)
                for task in (self.folder / "tasks").read_text().split():
                    os.kill(int(task), signal.SIGUSR1)
            return script.wait(timeout=240)

    @property
    def requeued(self) -> bool:
        asked = self.folder / "asked"
        return asked.exists() and asked.read_text() == f"requeue {self.job}\n"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    (tmp_path / "cluster").mkdir()
    return Cluster(tmp_path / "cluster")


def test_a_warned_job_is_saved_and_queued_again_until_it_is_done(cluster: Cluster, data: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    code = cluster.submit(*arguments(data, run_dir, f"train.steps={ENDLESS}"), warn_when=run_dir / "metrics.jsonl")
    said = (cluster.folder / "log").read_text()
    assert code == 143, said[-3000:]
    assert cluster.requeued
    assert "Traceback" not in said
    manifest = newest(run_dir)
    assert manifest["processes"] == 2
    done = manifest["step"]
    assert 0 < done < ENDLESS

    assert cluster.submit(*arguments(data, run_dir, f"train.steps={done + 2}")) == 0
    assert f"going on after step {done}" in (cluster.folder / "log").read_text()
    assert newest(run_dir)["step"] == done + 2
    assert not cluster.requeued


def test_a_warning_before_the_trainer_listens_queues_again(cluster: Cluster, data: Path, tmp_path: Path) -> None:
    assert cluster.submit(*arguments(data, tmp_path / "run"), warn_when=cluster.folder / "tasks") == 138
    assert cluster.requeued


def test_a_mistake_is_not_queued_again(cluster: Cluster, data: Path, tmp_path: Path) -> None:
    assert cluster.submit(*arguments(data, tmp_path / "run", "train.batch_size=0")) == 2
    assert "error: command line: train.batch_size: " in (cluster.folder / "log").read_text()
    assert not cluster.requeued


def test_the_options_fit_together() -> None:
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)=?(\S*)", SCRIPT.read_text(), re.MULTILINE))
    assert options["gres"] == f"gpu:{options['ntasks-per-node']}"
    assert "requeue" in options
    assert options["open-mode"] == "append", "a job that is queued again would lose its log"
    assert re.fullmatch(r"USR1@\d+", options["signal"]), "B: would tell the shell, not the trainer"


def test_bash_can_read_the_scripts() -> None:
    for script in (SCRIPT, LAUNCH / "torchrun_nodes.sh"):
        subprocess.run(["bash", "-n", str(script)], check=True)
