"""Checkpoints: folders that exist only when they are complete, with a manifest of every file's size and checksum.

run_dir/checkpoints/step_0000100/
    networks.safetensors     every network's weights, as <network>/<parameter>
    training.safetensors     optimizers, moving average, loss scaler, counts of skips and alarms
    inputs.safetensors       what the method read from files when the run began (style pictures, names of styles)
    process_0000.safetensors the state of one process (replay buffers, means of the log); one file for each process
    manifest.json            step, samples seen, files with sizes and SHA-256; written last, when all others are on the disk
"""

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from gan_style.bundles.file import check_header
from gan_style.engine.agreement import Agreement
from gan_style.engine.tree import MAX_HEADER_BYTES, load_tree, save_tree
from gan_style.errors import UserError
from gan_style.files import atomic
from gan_style.files.opening import open_regular, read_regular
from gan_style.machine.memory import room_for

NETWORKS, TRAINING, INPUTS, MANIFEST = "networks.safetensors", "training.safetensors", "inputs.safetensors", "manifest.json"
_MAX_MANIFEST_BYTES = 2**24  # an entry has some 130 bytes, and each process a file
_SEALERS = 2  # threads that hash: two files hold almost all of a checkpoint, and SHA-256 takes longer than writing

Entry = dict[str, int | str]  # of a file in the manifest: `bytes` and `sha256`


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint that was verified. digests: the SHA-256 of each of its files"""

    folder: Path
    step: int
    samples: int
    processes: int
    digests: Mapping[str, str]

    def networks(self) -> dict[str, dict[str, Tensor]]:
        """Every network's weights by name."""
        check_header(self.folder / NETWORKS, MAX_HEADER_BYTES)
        stored: dict[str, dict[str, Tensor]] = {}
        with safe_open(self.folder / NETWORKS, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118
                name, _, parameter = key.partition("/")
                stored.setdefault(name, {})[parameter] = file.get_tensor(key)
        return stored

    def load_networks(self, networks: Mapping[str, nn.Module]) -> None:
        """Load every network's weights by name. `UserError` if a network or parameter is missing or left over."""
        stored = self.networks()
        if stored.keys() != networks.keys():
            raise UserError(
                f"{self.folder}: holds the networks {sorted(stored)}, but this run has {sorted(networks)}; take another run_dir"
            )
        for name, network in networks.items():
            try:
                network.load_state_dict(stored[name])
            except RuntimeError as mismatch:
                raise UserError(f"{self.folder}: {name} does not fit this run's network ({mismatch}); take another run_dir") from None

    def training_state(self) -> dict[str, Any]:
        """The state that is the same on every process."""
        return load_tree(self.folder / TRAINING)

    def process_states(self) -> list[Any]:
        """The own state of each process that took part in saving."""
        return [load_tree(self.folder / process_file(rank)) for rank in range(self.processes)]


def process_file(rank: int) -> str:
    """The name of one process's file."""
    return f"process_{rank:04d}.safetensors"


class Checkpointer:
    """Saves and finds the checkpoints of one run folder. Every process has one, and all processes call its methods together."""

    def __init__(self, run_dir: Path, accelerator: Accelerator, agreement: Agreement, keep: int) -> None:
        self.root = run_dir / "checkpoints"
        self.accelerator = accelerator
        self.agreement = agreement
        self.keep = keep

    def save(self, step: int, samples: int, networks: Mapping[str, nn.Module], training: Any, own: Any, inputs: Any) -> None:
        """Save a checkpoint atomically, then delete the oldest ones beyond `keep`.

        The main process writes `training` and `inputs`; each process writes its `own`. If the disk refuses on any process, all raise a
        `UserError`, the incomplete checkpoint is removed, and older ones stay.
        """
        temporary = self.root / f".saving_{step:07d}"
        main = self.accelerator.is_main_process
        try:
            with self._written_together(step):
                if main:
                    self._sweep()
                    temporary.mkdir(parents=True)
            sealing: dict[str, Callable[[], Entry]] = {}
            with self._written_together(step), ThreadPoolExecutor(_SEALERS) as pool:

                def seal(name: str) -> None:  # while the next file is written
                    try:
                        sealing[name] = pool.submit(_sealed, temporary / name).result
                    except RuntimeError:  # the system refuses a thread
                        sealing[name] = partial(_sealed, temporary / name)

                if main:
                    save_tree(temporary / TRAINING, training)  # the largest first
                    seal(TRAINING)
                    weights = {
                        f"{name}/{key}": value.detach().cpu().contiguous()
                        for name, network in networks.items()
                        for key, value in network.state_dict().items()
                    }
                    save_file(weights, temporary / NETWORKS)
                    seal(NETWORKS)
                    save_tree(temporary / INPUTS, inputs)
                    seal(INPUTS)
                save_tree(temporary / process_file(self.accelerator.process_index), own)
                sealed = {name: entry() for name, entry in sealing.items()}
            with self._written_together(step):
                if main:
                    _write_manifest(temporary, step, samples, self.accelerator.num_processes, sealed)
                    self._put_in_place(temporary, step)
        except UserError:
            if main:
                shutil.rmtree(temporary, ignore_errors=True)
            raise

    def newest(self) -> Checkpoint | None:
        """The newest complete checkpoint; None if none was ever saved.

        An incomplete one is skipped with a warning. `UserError` if all are incomplete, so that nothing is overwritten. Only the main
        process verifies, so that each file is read once.
        """
        found = None
        with self.agreement.together():
            if self.accelerator.is_main_process:
                found = newest_complete(self.root, "choose another run_dir to start anew")
        return self.agreement.from_main(found)

    def _put_in_place(self, temporary: Path, step: int) -> None:
        """Rename a finished checkpoint, then delete the oldest ones. A folder is renamed before it is deleted, so none is seen in part."""
        final = self.root / f"step_{step:07d}"
        if final.exists():  # it is torn, or the run would have resumed from it
            final.rename(self.root / f".deleting_{final.name}")
        temporary.rename(final)
        atomic.flush(self.root)
        # Checkpoints of later steps can only be torn, so they do not count.
        for old in [folder for folder in self._folders() if _step(folder) <= step][self.keep :]:
            old.rename(self.root / f".deleting_{old.name}")
        self._sweep()

    def _sweep(self) -> None:
        """Remove folders that a killed run had saved or deleted in part."""
        for leftover in (*self.root.glob(".saving_*"), *self.root.glob(".deleting_*")):
            shutil.rmtree(leftover, ignore_errors=True)

    @contextmanager
    def _written_together(self, step: int) -> Iterator[None]:
        """A disk error of one process becomes a `UserError` on all."""
        with self.agreement.together():
            try:
                with room_for(f"{self.root}: no memory to write the checkpoint of step {step}", "free some, then the same command goes on"):
                    yield
            except (OSError, SafetensorError) as refusal:
                why = getattr(refusal, "strerror", None) or refusal
                kept = "the older ones stay" if self._folders() else "and there is no older one"
                raise UserError(
                    f"{self.root}: the checkpoint of step {step} cannot be saved ({why}), {kept}; make room, then the same command "
                    f"{'goes on' if self._folders() else 'begins anew'}"
                ) from None

    def _folders(self) -> list[Path]:
        """Checkpoint folders, newest first."""
        return _newest_first(self.root)


def newest_complete(root: Path, otherwise: str) -> Checkpoint | None:
    """The newest complete checkpoint in a folder of checkpoints, see `Checkpointer.newest`. otherwise: what else to do than restore one"""
    folders = _newest_first(root)
    for folder in folders:
        try:
            return verified(folder)
        except (OSError, ValueError) as problem:
            warnings.warn(f"{folder}: incomplete checkpoint passed over ({problem})", stacklevel=2)
    if folders:
        raise UserError(f"{root}: no complete checkpoint among {len(folders)}; restore one, or {otherwise}")
    return None


def earlier_inputs(run_dir: Path) -> Any | None:
    """The inputs in the newest readable checkpoint of a run; they are the same in all. None if there is no checkpoint, or none has them.

    Nothing is verified here: the run does that after it has locked the folder.
    """
    for folder in _newest_first(run_dir / "checkpoints"):
        with suppress(OSError, ValueError):
            return load_tree(folder / INPUTS)
    return None


def is_complete(run_dir: Path, step: int) -> bool:
    """Has a run a checkpoint of this step? It has its name only once it is whole; its files are not verified."""
    return (run_dir / "checkpoints" / f"step_{step:07d}" / MANIFEST).is_file()


def _newest_first(root: Path) -> list[Path]:
    """Checkpoint folders, newest first."""
    return sorted((folder for folder in root.glob("step_*") if _step(folder) >= 0), key=_step, reverse=True)


def _step(folder: Path) -> int:
    """The step in a checkpoint folder's name; -1 for any other name, such as a copy's."""
    match = re.fullmatch(r"step_(\d{7,18})", folder.name)
    return int(match[1]) if match else -1


def _write_manifest(folder: Path, step: int, samples: int, processes: int, sealed: Mapping[str, Entry]) -> None:
    """List every file of `folder` in its manifest. sealed: the entries of those that are flushed already; the others are flushed now"""
    manifest = {
        "step": step,
        "samples": samples,
        "processes": processes,
        "files": {file.name: sealed.get(file.name) or _sealed(file) for file in sorted(folder.iterdir())},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    atomic.flush(folder / MANIFEST)
    atomic.flush(folder)


def verified(folder: Path) -> Checkpoint:
    """The checkpoint in `folder`, every file checked against the manifest. `OSError` or `ValueError` if one does not match."""
    try:
        manifest = json.loads(read_regular(folder / MANIFEST, _MAX_MANIFEST_BYTES))
        step, samples, processes = (int(manifest[key]) for key in ("step", "samples", "processes"))
        sizes = {str(name): (int(entry["bytes"]), str(entry["sha256"])) for name, entry in manifest["files"].items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        raise ValueError(f"{MANIFEST} is damaged: {type(problem).__name__} {problem}") from None
    if step != _step(folder):
        raise ValueError(f"{MANIFEST} is of step {step}")
    present = (NETWORKS, TRAINING, *map(process_file, range(min(processes, len(sizes)))))
    if missing := sorted(set(present) - sizes.keys()):
        raise ValueError(f"{MANIFEST} lacks {', '.join(missing)}")
    for name, (size, digest) in sizes.items():
        file = folder / Path(name).name
        if file.stat().st_size != size:
            raise ValueError(f"{name} has {file.stat().st_size} bytes, not {size}")
        if _sha256(file) != digest:
            raise ValueError(f"{name} does not have the checksum of the manifest")
    return Checkpoint(folder, step, samples, processes, {name: digest for name, (_, digest) in sizes.items()})


def _sealed(file: Path) -> Entry:
    """Flush a whole file to the disk and hash it; its entry in the manifest."""
    atomic.flush(file)
    return {"bytes": file.stat().st_size, "sha256": _sha256(file)}


def _sha256(file: Path) -> str:
    with open_regular(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
