"""Trains smoke recipes in many settings in one process: python benchmarks/tools/combinations.py TASKS.json RESULTS.jsonl.

benchmarks/gpu.py starts it in a folder of its own. TASKS is a list of objects: {"method": NAME, "keys": {KEY: VALUE}}, or with "resume":
true. A line of RESULTS is {"task": PLACE} when a task begins, and its result when it ends:

  a training   {"task": PLACE, "seconds": of a step, "notes": [warnings]}
  a resume     {"task": PLACE, "resumed": largest difference of a weight from an unbroken run, "again": the same of another unbroken run}
  a failure    {"task": PLACE, "failure": one line}

After an error of CUDA the process ends, because no later task can succeed in it.
"""

import json
import statistics
import sys
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

import gan_style

STEPS, WARM_UP = 8, 3
LENGTHS = ("logging.every=1", "logging.samples=0", "train.checkpoint_every=1000", "data.workers=0")


def main() -> None:
    """Run the tasks in order."""
    tasks, results = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    for place, task in enumerate(tasks):
        note(results, {"task": place})
        try:
            outcome = resumed(place, task) if task.get("resume") else trained(f"runs/{place}", task)
        except (Exception, SystemExit) as failure:
            outcome = {"failure": in_one_line(failure)}
        note(results, {"task": place, **outcome})
        if "CUDA error" in outcome.get("failure", ""):
            sys.exit(1)


def trained(folder: str, task: dict[str, Any], steps: int = STEPS) -> dict[str, Any]:
    """Train for `steps` steps; the median time of a step after the first ones. An error if a loss is not finite."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        keys = [f"{key}={value}" for key, value in task["keys"].items()]
        run = gan_style.train(f"smoke/{task['method']}", [f"run_dir={folder}", f"train.steps={steps}", *LENGTHS, *keys])
    bad = sorted({name for line in run.metrics for name, value in line.items() if name.startswith("loss/") and value is None})
    if bad:
        raise ValueError(f"{', '.join(bad)} not finite")
    times = [line["time"] for line in run.metrics][WARM_UP:]
    notes = dict.fromkeys(str(each.message).splitlines()[0] for each in told if "compile" in str(each.message))
    return {"seconds": statistics.median(after - before for before, after in pairwise(times)), "notes": list(notes)}


def resumed(place: int, task: dict[str, Any]) -> dict[str, Any]:
    """Two unbroken runs, and one that stops after 3 steps and goes on."""
    for name, lengths in (("straight", (STEPS,)), ("again", (STEPS,)), ("resumed", (3, STEPS))):
        for steps in lengths:
            trained(f"runs/{place}/{name}", task, max(steps, WARM_UP + 2))
    straight, again, stopped = (
        load_file(f"runs/{place}/{name}/checkpoints/step_{STEPS:07d}/networks.safetensors") for name in ("straight", "again", "resumed")
    )
    return {
        name: max((other[key].double() - value.double()).abs().max().item() for key, value in straight.items())
        for name, other in (("resumed", stopped), ("again", again))
    }


def in_one_line(failure: BaseException) -> str:
    """The kind and the first line of a failure."""
    lines = [line.strip() for line in str(failure).splitlines() if line.strip()]
    return f"{type(failure).__name__}: {lines[0][:200]}" if lines else type(failure).__name__


def note(results: Path, line: dict[str, Any]) -> None:
    """Append a line."""
    with results.open("a") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
