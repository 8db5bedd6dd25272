"""The files that a training begins from: a bundle, a checkpoint, a run folder; and what networks they hold.

A generator of a checkpoint with a moving average is the average: the weights that infer runs, and that the bundle of the same step holds.
The other networks have no average.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from gan_style.bundles.file import METADATA_KEY, Ancestor, digest, load_bundle, opened
from gan_style.bundles.place import DIRECTIONS, find_bundle, name_of
from gan_style.config.yaml_file import read_yaml
from gan_style.engine.checkpoint import MANIFEST, NETWORKS, TRAINING, Checkpoint, newest_complete, verified
from gan_style.engine.naming import two_way_name
from gan_style.engine.tree import load_tree
from gan_style.errors import UserError
from gan_style.types import Direction

_BROKEN = (OSError, SafetensorError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Stored:
    """The weights of one network in a file, by name.

    section: the section `method` of the training that made them, as far as it is known; averaged: are they a moving average?
    """

    ancestor: Ancestor
    weights: Mapping[str, Tensor]
    section: Mapping[str, Any]
    averaged: bool = False


def networks_in(key: str, path: Path) -> dict[str, Stored] | None:
    """The networks in a bundle, checkpoint or run folder by their `two_way_name`; None for a file of another project.

    key: the configuration key that names `path`, for messages. `UserError` if there is no such file, or it is damaged.
    """
    path = path.parent if path.name == NETWORKS and (path.parent / MANIFEST).is_file() else path
    try:
        if not path.is_dir():
            path = find_bundle(key, path)
            if not path.is_file():
                raise UserError(f"{path}: not a regular file; give a file of weights")
            return _of_bundle(path) if _is_bundle(path) else None
        if (path / MANIFEST).exists():
            return _of_checkpoint(_verified(path))
        if checkpoint := newest_complete(path / "checkpoints", "give one of its bundles"):
            return _of_checkpoint(checkpoint)
    except UserError as mistake:
        raise UserError(f"{key} {str(mistake).removeprefix(f'{key} ')}") from None
    bundles = [path / "bundles" / f"{direction}.safetensors" for direction in DIRECTIONS]
    if not any(bundle.is_file() for bundle in bundles):
        raise UserError(f"{key} {path}: a folder without checkpoints and bundles; give a run folder, a checkpoint or a file of weights")
    return {name: each for bundle in bundles if bundle.is_file() for name, each in (networks_in(key, bundle) or {}).items()}


def _is_bundle(path: Path) -> bool:
    """Is a file a bundle, whole or damaged?"""
    if path.suffix != ".safetensors":
        return False
    try:
        with opened(path, METADATA_KEY):
            return True
    except KeyError:
        return False
    except _BROKEN:
        return True


def _of_bundle(path: Path) -> dict[str, Stored]:
    info, weights = load_bundle(path)
    if tuple(info.value_range) != (-1.0, 1.0):
        raise UserError(f"{path}: its images are in {list(info.value_range)}, not in [-1, 1]; give another bundle")
    ancestor = Ancestor(path=name_of(path), sha256=digest(path), step=info.step)
    return {two_way_name("generator", info.direction): Stored(ancestor, weights, info.translator)}


def _verified(folder: Path) -> Checkpoint:
    try:
        return verified(folder)
    except (OSError, ValueError) as problem:
        raise UserError(f"{folder}: not a complete checkpoint ({problem}); give another one") from None


def _of_checkpoint(checkpoint: Checkpoint) -> dict[str, Stored]:
    folder = checkpoint.folder
    section = _section(folder.parent.parent)
    direction: Direction = "b2a" if section.get("direction") == "b2a" else "a2b"
    try:
        averages = load_tree(folder / TRAINING, "ema") or {}
        every = {name: Stored(_ancestor(checkpoint, NETWORKS), weights, section) for name, weights in checkpoint.networks().items()}
        every |= {name: Stored(_ancestor(checkpoint, TRAINING), {**weights}, section, averaged=True) for name, weights in averages.items()}
    except _BROKEN as problem:
        raise UserError(f"{folder}: not a checkpoint of gan_style ({' '.join(str(problem).split())[:200]}); give another one") from None
    return {two_way_name(name, direction): each for name, each in every.items()}


def _ancestor(checkpoint: Checkpoint, file: str) -> Ancestor:
    return Ancestor(path=str(checkpoint.folder), sha256=checkpoint.digests[file], step=checkpoint.step)


def _section(run_dir: Path) -> Mapping[str, Any]:
    """The section `method` of a run's configuration; empty if there is none."""
    try:
        section = read_yaml(run_dir / "config.yaml").get("method")
    except UserError:
        return {}
    return section if isinstance(section, dict) else {}
