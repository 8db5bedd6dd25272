"""torchrun on one node and on two, which are two agents on this one."""

import os
import signal
import subprocess
from pathlib import Path

from launching import ENDLESS, LAUNCH, arguments, environment, free_port, newest, started, wait_for


def children(process: int) -> list[int]:
    """The processes that it started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == process]


def test_two_nodes_meet_and_go_on_when_one_trainer_is_killed(data: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    env = environment(HEAD="localhost", PORT=str(free_port()), NODES="2", GPUS="1")
    command = ["bash", str(LAUNCH / "torchrun_nodes.sh"), *arguments(data, run_dir, "train.steps=200", "train.checkpoint_every=20")]
    logs = [tmp_path / "node0.log", tmp_path / "node1.log"]
    with started(command, logs[0], env) as one, started(command, logs[1], env) as two:
        wait_for(run_dir / "checkpoints" / "step_0000020", one, logs[0])
        (trainer,) = children(two.pid)
        os.kill(trainer, signal.SIGKILL)
        codes = [agent.wait(timeout=240) for agent in (one, two)]
    said = "".join(log.read_text() for log in logs)
    assert codes == [0, 0], said[-3000:]
    assert "going on after step" in said
    assert "restarts on several nodes fail" not in said
    manifest = newest(run_dir)
    assert (manifest["step"], manifest["processes"]) == (200, 2)


def test_sigterm_to_torchrun_reaches_the_trainers(data: Path, tmp_path: Path) -> None:
    """The code is torchrun's own 1, whatever the trainers' are."""
    run_dir, log = tmp_path / "run", tmp_path / "log"
    torchrun = ["torchrun", "--standalone", "--nproc_per_node", "2"]
    command = [*torchrun, "train.py", *arguments(data, run_dir, f"train.steps={ENDLESS}")]
    with started(command, log, environment()) as agent:
        wait_for(run_dir / "metrics.jsonl", agent, log)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(timeout=60) == 1
    assert "a checkpoint is saved" in log.read_text()
    manifest = newest(run_dir)
    assert manifest["processes"] == 2
    assert 0 < manifest["step"] < ENDLESS
