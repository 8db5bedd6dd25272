"""Claiming a run folder: it is locked against other runs, and refused to a run with another configuration."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gan_style.config.continuing import differences
from gan_style.config.load import dump_config, parse_config
from gan_style.config.schema import RunConfig
from gan_style.config.yaml_file import read_yaml
from gan_style.engine.agreement import Agreement
from gan_style.errors import UserError
from gan_style.files import atomic
from gan_style.files.lock import FileLock, Held
from gan_style.methods import CONFIGS

LOCK = ".lock"


def claim(folder: Path, config: RunConfig[Any], divisible: bool = False, kept: Collection[str] = ()) -> FileLock:
    """Lock `folder`. `UserError` if steps of another configuration were done in it. Called by the main process.

    divisible, kept: see `config.continuing.differences`
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        check_same(folder, config, divisible, kept)
    except Held as owner:
        raise UserError(f"run_dir {folder}: in use by {owner}; wait for it, stop it, or take another run_dir") from None
    except OSError as problem:
        lock.release()
        raise _unwritable(folder, problem) from None
    except UserError:
        lock.release()
        raise
    return lock


def check_same(folder: Path, config: RunConfig[Any], divisible: bool = False, kept: Collection[str] = ()) -> None:
    """`UserError` that lists the differing keys if steps of another configuration were done in `folder`. Nothing is written."""
    path = folder / "config.yaml"
    if not (begun(folder) and path.exists()):
        return
    before, now = _configuration_at(path), config.model_dump(mode="json")
    changed = differences(before, now, divisible, kept)
    if before.get("method", {}).get("name") != now["method"]["name"]:  # its other keys differ too, so the message names the method alone
        changed = [each for each in changed if each.startswith("method.name:") or not each.startswith("method.")]
    if changed:
        what = "the old values"
        if any(each.startswith("method.domain_names:") for each in changed):
            what += ", for domain_names the old folders of training images,"
        raise UserError(f"run_dir {folder} was made with another configuration: {'; '.join(changed)}; take {what} or another run_dir")


@contextmanager
def claimed(
    folder: Path, config: RunConfig[Any], agreement: Agreement, divisible: bool = False, kept: Collection[str] = ()
) -> Iterator[None]:
    """While entered, `folder` belongs to this run alone. Every process enters it. Arguments as in `claim`."""
    lock = None
    with agreement.together():
        if agreement.main:
            lock = claim(folder, config, divisible, kept)
    try:
        yield
    finally:
        if lock:
            lock.release()


def begun(folder: Path) -> bool:
    """Does a run folder hold any result of a step?"""
    log = folder / "metrics.jsonl"
    written = [path for name in ("checkpoints", "bundles", "samples") for path in (folder / name).glob("*")]
    return bool(written) or (log.exists() and log.stat().st_size > 0)


def written_training(folder: Path) -> Mapping[str, Any]:
    """The section `train` of a run folder's configuration; empty if it has none."""
    path = folder / "config.yaml"
    return _configuration_at(path).get("train", {}) if path.exists() else {}


def write_config(folder: Path, config: RunConfig[Any]) -> None:
    """Write `config` into its run folder."""
    try:
        atomic.write_text(folder / "config.yaml", dump_config(config))
    except OSError as problem:
        raise _unwritable(folder, problem) from None


def _unwritable(folder: Path, problem: OSError) -> UserError:
    return UserError(f"run_dir {folder}: cannot be written ({problem.strerror}); make room or choose another run_dir")


def _configuration_at(path: Path) -> dict[str, Any]:
    """The folder's configuration, with today's defaults for keys that did not exist when it was written."""
    tree = read_yaml(path)
    try:
        return parse_config(tree, str(path), CONFIGS).model_dump(mode="json")
    except UserError:  # it has keys that no longer exist: compare the file as it is
        return tree
