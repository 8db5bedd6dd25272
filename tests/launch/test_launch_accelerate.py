"""The configurations of `accelerate launch`, and the launches that are refused."""

from pathlib import Path

import pytest
import warm
from accelerate.commands.config.config_args import load_config_from_file
from launching import ACCELERATE, LAUNCH, arguments, environment, free_port, newest
from smoke import ROOT


@pytest.mark.parametrize(
    ("name", "kind", "machines", "processes"),
    [("one_gpu", "NO", 1, 1), ("many_gpus", "MULTI_GPU", 1, 4), ("many_nodes", "MULTI_GPU", 2, 8)],
)
def test_accelerate_knows_every_key(name: str, kind: str, machines: int, processes: int) -> None:
    config = load_config_from_file(str(LAUNCH / f"{name}.yaml"))
    assert (config.distributed_type, config.num_machines, config.num_processes) == (kind, machines, processes)
    assert config.mixed_precision == "no", "the recipe decides"


@pytest.mark.parametrize(("name", "processes"), [("one_gpu", 1), ("many_gpus", 2)])
def test_one_machine_trains(name: str, processes: int, data: Path, tmp_path: Path) -> None:
    options = ["--config_file", str(LAUNCH / f"{name}.yaml"), "--num_processes", str(processes)]
    done = warm.run([*ACCELERATE, *options, "train.py", *arguments(data, tmp_path / "run", "train.steps=2")], ROOT, env=environment())
    assert done.returncode == 0, done.stderr[-3000:]
    manifest = newest(tmp_path / "run")
    assert (manifest["step"], manifest["processes"]) == (2, processes)


def test_two_machines_train(data: Path, tmp_path: Path) -> None:
    options = ["--main_process_ip", "localhost", "--main_process_port", str(free_port()), "--num_processes", "2"]
    launch = [*ACCELERATE, "--config_file", str(LAUNCH / "many_nodes.yaml"), *options]
    trained = ["train.py", *arguments(data, tmp_path / "run", "train.steps=2")]
    log = tmp_path / "log"
    machines = [warm.start([*launch, "--machine_rank", rank, *trained], ROOT, environment(), stdout=log, stderr=log) for rank in "01"]
    with warm.ended(*machines):
        assert [machine.wait() for machine in machines] == [0, 0], log.read_text()[-3000:]
    manifest = newest(tmp_path / "run")
    assert (manifest["step"], manifest["processes"]) == (2, 2)


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"ACCELERATE_USE_FSDP": "true"}, "FSDP splits one network"),
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "DeepSpeed splits one network"),
        ({"ACCELERATE_USE_MEGATRON_LM": "true"}, "Megatron-LM splits one network"),
        ({"ACCELERATE_USE_PARALLELISM_CONFIG": "true"}, "parallelism_config splits one network"),
        ({"WORLD_SIZE": "2", "ACCELERATE_USE_CPU": "false", "CUDA_VISIBLE_DEVICES": ""}, "2 processes were launched, but"),
    ],
)
def test_a_launch_that_cannot_work_is_refused(variables: dict[str, str], reason: str, data: Path, tmp_path: Path) -> None:
    done = warm.run([ROOT / "train.py", *arguments(data, tmp_path / "run")], ROOT, env=environment(**variables))
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: {reason}")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_accelerate_launch_with_fsdp_is_refused(data: Path, tmp_path: Path) -> None:
    options = ["--use_fsdp", "--num_processes", "1", "--num_machines", "1", "--main_process_port", "0"]
    options += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    done = warm.run([*ACCELERATE, *options, "train.py", *arguments(data, tmp_path / "run")], ROOT, env=environment())
    assert done.returncode == 1, "the launcher's own code"
    assert "error: FSDP splits one network" in done.stderr
    assert "exitcode  : 2" in done.stderr
    assert not (tmp_path / "run").exists()
