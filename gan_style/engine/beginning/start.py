"""The first start of a run with `train.init_from`: which network begins from which weights, and a record of it.

Checkpoints hold the record, so a resumed run neither loads the weights again nor needs their file.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from gan_style.bundles.file import Ancestor, digest
from gan_style.bundles.place import name_of, without_place
from gan_style.config.network import NetworkConfig
from gan_style.config.schema import RunConfig, TrainConfig
from gan_style.engine.agreement import Agreement
from gan_style.engine.beginning.fitting import Fit, fit, lay_over
from gan_style.engine.beginning.settings import other_settings
from gan_style.engine.beginning.sources import Stored, networks_in
from gan_style.engine.naming import named, two_way_name
from gan_style.errors import UserError, nearest, short
from gan_style.files.opening import refusal
from gan_style.methods.base import Method
from gan_style.terminal.counted import counted
from gan_style.types import Direction, Kept, Task

KEY = "train.init_from"
RECORD = "begun from"  # of the kept values: no key of the configuration, whose file may be another one later


class ForeignNetwork(Protocol):
    """A network of another project: its section here, and its weights under the names of that network."""

    @property
    def config(self) -> NetworkConfig: ...
    @property
    def weights(self) -> Mapping[str, Tensor]: ...


Reader = Callable[[Path], ForeignNetwork]  # of a file; `UserError` if it is none of a project that is known
_WRAPPED = "generator."  # before the names of a generator that takes more than an image


def begin(config: RunConfig[Any], method: Method, task: Task, kept: Kept, read: Reader) -> list[str]:
    """Load the weights that the configuration names, at the first start of a run; returns lines about them for the user.

    `UserError` in one line for files that are missing, damaged or of no network of this run, and for weights that do not fit.

    read: reads a network of another project
    """
    if config.train.init_from is None:
        return []
    if (record := kept.get(RECORD)) is not None:
        kept.keep(RECORD, record)
        return []
    _check_not_twice(config)
    lines: list[str] = []
    begun: dict[str, Stored] = {}
    for key, targets, path in _wanted(config.train, method):
        if why := refusal(str(path)):
            raise UserError(f"{key} {path}: {why}; give a bundle, a run folder, a checkpoint or a file of weights")
        if Path(config.run_dir).resolve() in (path.resolve(), *path.resolve().parents):
            raise UserError(f"{key} {path}: lies in this run's own folder; leave {KEY} out to go on, or take another run_dir")
        found = _chosen(key, path, targets, method, read)
        if twice := sorted(found.keys() & begun.keys()):
            raise UserError(f"{key}: {', '.join(twice)} gets weights from two files; name each network once")
        lines += _loaded(key, found, config.train, method, task)
        begun |= found
    if rest := [name for name in method.networks if name not in begun]:
        lines.append(f"begin anew  {', '.join(rest)}")
    kept.keep(RECORD, {name: stored.ancestor.model_dump() for name, stored in begun.items()})
    return lines


def check_same_everywhere(kept: Kept, agreement: Agreement) -> None:
    """`UserError` if the processes began from different files. Called by every process."""
    records = agreement.gathered(kept.now.get(RECORD))
    with agreement.together():
        if agreement.main and any(record != records[0] for record in records):
            raise UserError(f"{KEY}: not all processes have read the same file; give every node one copy of it")


def ancestor(kept: Kept, network: str) -> Ancestor | None:
    """The record of the weights that a network began with, for its bundle; None for random ones."""
    record = kept.now.get(RECORD, {}).get(network)
    return Ancestor.model_validate({**record, "path": without_place(record["path"])}) if record else None


def _wanted(train: TrainConfig, method: Method) -> Iterator[tuple[str, list[str], Path]]:
    """(key, the networks that it names, path)."""
    if isinstance(train.init_from, str):
        yield KEY, list(method.networks), Path(train.init_from)
        return
    for name, place in (train.init_from or {}).items():
        if not (targets := named(name, method.networks)):
            beginnings = [each.rpartition("_")[0] for each in method.networks if "_" in each]
            hint = nearest(name, [*method.networks, *beginnings]) or f"; there are {', '.join(method.networks)}"
            raise UserError(f"{KEY}.{short(name)[1:-1]}: {method.config.name} has no such network{hint}")
        yield f"{KEY}.{name}", targets, Path(place)


def _chosen(key: str, path: Path, targets: list[str], method: Method, read: Reader) -> dict[str, Stored]:
    """Network -> its weights in `path`, for those of `targets` that it holds."""
    alone = key != KEY and len(targets) == 1  # the user names one network
    if (stored := networks_in(key, path)) is None:
        generators = [name for name in targets if name in method.translators.values()]
        if not alone and len(generators) != 1:
            raise UserError(f"{key} {path}: holds one network; name it: {KEY}={{{targets[0]}: {path}}}")
        name = targets[0] if alone else generators[0]
        return {name: _foreign(key, path, name, method, read)}
    found = {name: stored[called] for name in targets if (called := _called(name, method)) in stored}
    if alone and not found:
        alike = [each for name, each in stored.items() if name.split("_")[0] == targets[0].split("_")[0]]
        found = {targets[0]: alike[0]} if len(alike) == 1 else {}
    if not found:
        raise UserError(
            f"{key} {path}: holds {', '.join(stored)}, but this run asks for {', '.join(_called(name, method) for name in targets)}; "
            f"name the network and a file for it, such as {KEY}={{{targets[0]}: FILE}}"
        )
    return found


def _foreign(key: str, path: Path, name: str, method: Method, read: Reader) -> Stored:
    """The network of another project in `path`, for the network `name`."""
    try:
        found = read(path)
    except UserError as mistake:
        raise UserError(f"{key} {mistake}") from None
    section = {name.split("_")[0]: found.config.model_dump(mode="json")}
    wrapped = all(each.startswith(_WRAPPED) for each in method.networks[name].state_dict())
    weights = {f"{_WRAPPED}{each}": value for each, value in found.weights.items()} if wrapped else found.weights
    return Stored(Ancestor(path=name_of(path), sha256=digest(path)), weights, section)


def _called(name: str, method: Method) -> str:
    """The name of one of the method's networks among those of `networks_in`."""
    only: Direction = next(iter(method.translators))
    return two_way_name(name, only)


def _loaded(key: str, found: Mapping[str, Stored], train: TrainConfig, method: Method, task: Task) -> list[str]:
    """Load weights into the method's networks; returns lines about them."""
    fits = {name: fit(method.networks[name], stored.weights, _channels(name, method, task)) for name, stored in found.items()}
    for name, each in fits.items():
        path = found[name].ancestor.path
        if each.broken:
            raise UserError(f"{key} {path}: {name}: {each.broken[0]} is not finite: its training went wrong; give earlier weights")
        if not (each.exact or train.init_partial):
            count = counted(len(each.unfit) + len(each.left_over), "tensor")
            raise UserError(
                f"{key} {path}: does not fit {name} in {count}: {each.in_words()}; take the settings that it was trained "
                f"with, name fewer networks ({KEY}={{NETWORK: FILE}}), or take what fits with train.init_partial=true"
            )
        if not each.taken:
            raise UserError(f"{key} {path}: fits {name} in no tensor: {each.in_words()}; give weights of such a network")
    for name, each in fits.items():
        lay_over(method.networks[name], each)
    return [line for name, each in fits.items() for line in _told(name, found[name], each, method)]


def _told(name: str, stored: Stored, found: Fit, method: Method) -> Iterator[str]:
    step = "" if stored.ancestor.step is None else f", step {stored.ancestor.step}"
    average = ", the moving average" if stored.averaged else ""
    yield f"begins from {name}: {stored.ancestor.path}{step}{average}"
    if others := list(other_settings(stored.section, method.config.model_dump(mode="json"), name.split("_")[0])):
        yield f"differs     {name}: {'; '.join(others)}"
    if found.widened:
        yield f"adapted     {name}: {', '.join(found.widened)}"
    if not found.exact:
        yield f"begins anew {name}, in part: {'; '.join([*found.unfit, *(f'it has no {each}' for each in found.left_over)])}"


def _channels(name: str, method: Method, task: Task) -> int:
    """Channels of the images that a generator translates, or that a discriminator of single images judges."""
    called = _called(name, method)
    return task.channels_a if called in ("generator_ab", "discriminator_a") else task.channels_b


def _check_not_twice(config: RunConfig[Any]) -> None:
    for key in ("add_to", "coarse_from"):
        if getattr(config.method, key, None):
            raise UserError(f"{KEY}: method.{key} gives the generator its weights too; leave one of them out")
