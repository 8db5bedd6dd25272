"""torchrun on one node and on two, which are two agents on this one."""

import signal
from pathlib import Path

import warm
from launching import ENDLESS, LAUNCH, TORCHRUN, arguments, environment, free_port, newest, started, wait_for
from smoke import ROOT


def test_two_nodes_meet_and_go_on_when_one_trainer_is_killed(data: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    nodes = {"HEAD": "localhost", "PORT": str(free_port()), "NODES": "2", "GPUS": "1"}
    env = environment(KILLED=str(tmp_path / "killed"), KILLED_BEFORE="4", **nodes)
    (tmp_path / "train.py").symlink_to(ROOT / "tests/mortal.py")
    command = ["bash", str(LAUNCH / "torchrun_nodes.sh"), *arguments(data, run_dir, "train.steps=6", "train.checkpoint_every=3")]
    logs = [tmp_path / "node0.log", tmp_path / "node1.log"]
    with started(command, logs[0], env, tmp_path) as one, started(command, logs[1], env, tmp_path) as two:
        codes = [agent.wait(timeout=240) for agent in (one, two)]
    said = "".join(log.read_text() for log in logs)
    assert codes == [0, 0], said[-3000:]
    assert (tmp_path / "killed").exists() and "going on after step 3" in said
    assert "restarts on several nodes fail" not in said
    manifest = newest(run_dir)
    assert (manifest["step"], manifest["processes"]) == (6, 2)


def test_sigterm_to_torchrun_reaches_the_trainers(data: Path, tmp_path: Path) -> None:
    """The code is torchrun's own 1, whatever the trainers' are."""
    run_dir, log = tmp_path / "run", tmp_path / "log"
    options = ["--standalone", "--nproc_per_node", "2"]
    command = [*TORCHRUN, *options, "train.py", *arguments(data, run_dir, f"train.steps={ENDLESS}")]
    agent = warm.start(command, ROOT, environment(), stdout=log, stderr=log)
    with warm.ended(agent):
        wait_for(run_dir / "metrics.jsonl", agent, log)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(timeout=60) == 1
    assert "a checkpoint is saved" in log.read_text()
    manifest = newest(run_dir)
    assert manifest["processes"] == 2
    assert 0 < manifest["step"] < ENDLESS
