"""configs/launch/kubernetes.yaml and the Dockerfile of its image: what a cluster would refuse, and the command itself."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import warm
import yaml
from launching import LAUNCH, TORCHRUN, arguments, environment, free_port
from smoke import ROOT

# The keys of the operator's custom resource; those of a pod that a training can use.
SPEC = {"runPolicy", "elasticPolicy", "pytorchReplicaSpecs", "nprocPerNode"}
RUN_POLICY = {"cleanPodPolicy", "ttlSecondsAfterFinished", "activeDeadlineSeconds", "backoffLimit", "schedulingPolicy", "suspend"}
ELASTIC_POLICY = {"minReplicas", "maxReplicas", "rdzvBackend", "rdzvPort", "rdzvHost", "rdzvId", "rdzvConf", "standalone", "maxRestarts"}
REPLICA = {"replicas", "restartPolicy", "template"}
POD = {"containers", "volumes", "terminationGracePeriodSeconds", "nodeSelector", "tolerations", "priorityClassName", "imagePullSecrets"}
CONTAINER = {"name", "image", "imagePullPolicy", "command", "args", "env", "resources", "volumeMounts", "workingDir"}


@pytest.fixture
def spec() -> dict[str, Any]:
    job = yaml.safe_load((LAUNCH / "kubernetes.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", job["metadata"]["name"])
    assert job.keys() == {"apiVersion", "kind", "metadata", "spec"}
    return job["spec"]


@pytest.fixture
def pod(spec: dict[str, Any]) -> dict[str, Any]:
    return spec["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    assert only["name"] == "pytorch", "the name the operator looks for"
    return only


def test_the_operator_knows_every_key(spec: dict[str, Any], pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert spec.keys() <= SPEC
    assert spec["runPolicy"].keys() <= RUN_POLICY
    assert spec["runPolicy"]["cleanPodPolicy"] in ("All", "Running", "None")
    assert spec["elasticPolicy"].keys() <= ELASTIC_POLICY
    assert spec["elasticPolicy"]["rdzvBackend"] in ("c10d", "etcd", "etcd-v2")
    assert spec["pytorchReplicaSpecs"].keys() == {"Worker"}, "with a Master, its rank would be set besides torchrun's rendezvous"
    worker = spec["pytorchReplicaSpecs"]["Worker"]
    assert worker.keys() <= REPLICA
    assert worker["restartPolicy"] == "OnFailure"
    assert spec["elasticPolicy"]["minReplicas"] <= worker["replicas"] <= spec["elasticPolicy"]["maxReplicas"]
    assert pod.keys() <= POD
    assert container.keys() <= CONTAINER
    assert all(isinstance(word, str) for word in [*container["command"], *container["args"]])
    assert all(isinstance(variable["value"], str) for variable in container["env"])


def test_the_parts_fit_together(spec: dict[str, Any], pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["shm"] == "/dev/shm"
    values = dict(word.split("=", 1) for word in container["args"])
    assert all(values[key].startswith(mounts["shared"] + "/") for key in ("run_dir", "data.root"))
    wait = {variable["name"]: variable["value"] for variable in container["env"]}["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"]
    assert pod["terminationGracePeriodSeconds"] > int(wait), "the pod would be gone before torchrun has waited for the checkpoint"
    processes = spec["elasticPolicy"]["maxReplicas"] * container["resources"]["limits"]["nvidia.com/gpu"]
    assert int(values["train.batch_size"]) % processes == 0


def test_the_command_runs_with_what_the_operator_sets(spec: dict[str, Any], container: dict[str, Any], data: Path, tmp_path: Path) -> None:
    """One pod, without a GPU. The rendezvous' address is worker 0's name and the operator's port in a cluster."""
    pets = {"PET_RDZV_BACKEND": "c10d", "PET_RDZV_ENDPOINT": f"localhost:{free_port()}", "PET_NNODES": "1:1", "PET_MAX_RESTARTS": "3"}
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    torchrun, *options = (word.replace("=gpu", "=1") for word in container["command"])
    assert torchrun == "torchrun"
    command = [*TORCHRUN, *options, *container["args"], f"data.root={data}", f"run_dir={tmp_path / 'run'}", "--dry-run"]
    done = warm.run(command, ROOT, env=environment(PYTHONUNBUFFERED="0", **pets, **given))
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"method      cyclegan, run folder {tmp_path / 'run'}" in done.stdout


def test_the_image_holds_what_training_needs(data: Path, tmp_path: Path) -> None:
    """The files that the Dockerfile copies are enough for the command; it is not built here."""
    image = tmp_path / "image"
    image.mkdir()
    for line in (LAUNCH / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            *sources, target = shlex.split(line)[1:]
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, image / target)
                else:
                    shutil.copy(ROOT / source, image / target)
    command = [sys.executable, "train.py", *arguments(data, tmp_path / "run")]
    command[2] = "--config=configs/smoke/pix2pix.yaml"
    done = subprocess.run([*command, "--dry-run"], cwd=image, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert {"pyproject.toml", "constraints.txt"} <= {path.name for path in image.iterdir()}, "pip install reads them"
