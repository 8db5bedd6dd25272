"""Checkpoints: folders that are complete or not there, with a manifest of every file's size and checksum.

run_dir/checkpoints/step_0000100/
    networks.safetensors     every network's weights, as <network>/<parameter>
    training.safetensors     optimizers, moving average, loss scaler, running means of the log
    process_0000.safetensors what one process remembers of its own (replay buffers), one file a process
    manifest.json            step, samples seen, files with sizes and SHA-256; written last
"""

import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from gan_style.atomic import flush
from gan_style.engine.tree import load_tree, save_tree
from gan_style.errors import UserError

NETWORKS, TRAINING, MANIFEST = "networks.safetensors", "training.safetensors", "manifest.json"


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint that was verified."""

    folder: Path
    step: int
    samples: int
    processes: int

    def load_networks(self, networks: Mapping[str, nn.Module]) -> None:
        """Load every network's weights by name; a network or parameter that is missing or left over is an error."""
        with safe_open(self.folder / NETWORKS, framework="pt") as file:
            stored: dict[str, dict] = {}
            for key in file.keys():  # noqa: SIM118
                name, _, parameter = key.partition("/")
                stored.setdefault(name, {})[parameter] = file.get_tensor(key)
        if stored.keys() != networks.keys():
            raise UserError(f"{self.folder}: holds the networks {sorted(stored)}, but this run has {sorted(networks)}")
        for name, network in networks.items():
            try:
                network.load_state_dict(stored[name])
            except RuntimeError as mismatch:
                raise UserError(f"{self.folder}: {name} does not fit this run's network ({mismatch})") from None

    def training_state(self) -> dict[str, Any]:
        """What is the same on every process."""
        return load_tree(self.folder / TRAINING)

    def process_states(self) -> list[Any]:
        """What each process of the run that saved remembered of its own."""
        return [load_tree(self.folder / process_file(rank)) for rank in range(self.processes)]


def process_file(rank: int) -> str:
    """The file of one process."""
    return f"process_{rank:04d}.safetensors"


class Checkpointer:
    """Saves and finds the checkpoints of one run folder."""

    def __init__(self, run_dir: Path, accelerator: Accelerator, keep: int) -> None:
        self.root = run_dir / "checkpoints"
        self.accelerator = accelerator
        self.keep = keep

    def save(self, step: int, samples: int, networks: Mapping[str, nn.Module], training: Any, own: Any) -> None:
        """Save as a whole or not at all, then delete the oldest beyond `keep`. Called by every process.

        training is written by the main process, own by each.
        """
        final = self.root / f"step_{step:07d}"
        temporary = self.root / f".saving_{step:07d}"
        main = self.accelerator.is_main_process
        if main:
            self.root.mkdir(parents=True, exist_ok=True)
            for leftover in self.root.glob(".saving_*"):
                shutil.rmtree(leftover)
            temporary.mkdir()
        self.accelerator.wait_for_everyone()
        save_tree(temporary / process_file(self.accelerator.process_index), own)
        if main:
            weights = {
                f"{name}/{key}": value.detach().cpu().contiguous()
                for name, network in networks.items()
                for key, value in network.state_dict().items()
            }
            save_file(weights, temporary / NETWORKS)
            save_tree(temporary / TRAINING, training)
        self.accelerator.wait_for_everyone()
        if main:
            files = sorted(temporary.iterdir())
            for file in files:
                flush(file)
            manifest = {
                "step": step,
                "samples": samples,
                "processes": self.accelerator.num_processes,
                "files": {file.name: {"bytes": file.stat().st_size, "sha256": _sha256(file)} for file in files},
            }
            (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            flush(temporary / MANIFEST)
            flush(temporary)
            if final.exists():
                shutil.rmtree(final)
            temporary.rename(final)
            flush(self.root)
            for old in self._folders()[self.keep :]:
                shutil.rmtree(old)
        self.accelerator.wait_for_everyone()

    def newest(self) -> Checkpoint | None:
        """The newest complete checkpoint; None where none was ever saved.

        A torn one is passed over with a warning; where all are torn `UserError` is raised, so that nothing is overwritten.
        """
        folders = self._folders()
        for folder in folders:
            try:
                return _verify(folder)
            except (OSError, ValueError, KeyError, TypeError, SafetensorError) as problem:
                warnings.warn(f"{folder}: incomplete checkpoint passed over ({problem})", stacklevel=2)
        if folders:
            raise UserError(
                f"{self.root}: no complete checkpoint among {len(folders)}; restore one, or choose another run_dir to start anew"
            )
        return None

    def _folders(self) -> list[Path]:
        """Checkpoint folders, newest first."""
        return sorted(self.root.glob("step_*"), reverse=True)


def _verify(folder: Path) -> Checkpoint:
    """Check every file against the manifest; raises what reading it raises, or ValueError."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for name, expected in manifest["files"].items():
        file = folder / name
        if file.stat().st_size != expected["bytes"]:
            raise ValueError(f"{name} has {file.stat().st_size} bytes, not {expected['bytes']}")
        if _sha256(file) != expected["sha256"]:
            raise ValueError(f"{name} does not have the checksum of the manifest")
    needed = {NETWORKS, TRAINING, *(process_file(rank) for rank in range(manifest["processes"]))}
    if missing := needed - manifest["files"].keys():
        raise ValueError(f"the manifest lacks {', '.join(sorted(missing))}")
    return Checkpoint(folder, manifest["step"], manifest["samples"], manifest["processes"])


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
