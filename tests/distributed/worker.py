"""One process of a distributed run: train.py's own command, then this process's weights as a hash in a file of its own.

samples_<process>.jsonl gets a line for each step: which samples this process had in which slots of the global batch.

Usage: worker.py HASHES_FOLDER [train.py's arguments ...]
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch.distributed import distributed_c10d

from gan_style.commands.train import train_command
from gan_style.engine.health import StepResult
from gan_style.engine.run import Run
from gan_style.engine.trainer import Trainer
from gan_style.types import Batch


def main() -> int:
    folder = Path(sys.argv[1])
    fit, step = Run.fit, Trainer.step

    def step_and_list(trainer: Trainer, number: int, batches: list[Batch], *rest: Any) -> StepResult:
        samples = {slot: sample for batch in batches for slot, *sample in zip(batch.slots, *batch.keys.values(), strict=True)}
        with (folder / f"samples_{trainer.accelerator.process_index}.jsonl").open("a") as file:
            file.write(json.dumps({"step": number, "samples": samples}) + "\n")
        return step(trainer, number, batches, *rest)

    def fit_and_hash(run: Run) -> int:
        groups = [distributed_c10d._get_default_group(), run.agreement._group] if run.accelerator.num_processes > 1 else []
        patience = [group._get_backend(torch.device("cpu")).options._timeout.total_seconds() for group in groups]
        code = fit(run)
        digest = hashlib.sha256()
        for name, network in sorted(run.trainer.networks.items()):
            for key, value in network.state_dict().items():
                digest.update(f"{name}/{key}".encode())
                digest.update(value.cpu().contiguous().numpy().tobytes())
        state = run.accelerator.state
        report = {"processes": state.num_processes, "hash": digest.hexdigest(), "device": state.device.type, "patience": patience}
        (folder / f"rank_{state.process_index}.json").write_text(json.dumps(report))
        return code

    Run.fit = fit_and_hash  # type: ignore[method-assign]
    Trainer.step = step_and_list  # type: ignore[method-assign]
    return train_command(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
