"""`gan-style train FOLDER`: a training whose recipe is chosen by the rules of `rules.py`.

The choice is made once. It becomes config.yaml of the run, from which the same command goes on.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from gan_style.commands.train import rules
from gan_style.commands.train.pace import seconds_a_step
from gan_style.commands.train.told import lines_of
from gan_style.commands.train.wish import Wish
from gan_style.config.base import read_config_file
from gan_style.config.load import config_of, read_config
from gan_style.config.overrides import Override, apply_override, parse_overrides
from gan_style.config.recipes import find_recipe
from gan_style.config.schema import RunConfig
from gan_style.datasets.facts import facts_of
from gan_style.demo.sets import ensure_demo
from gan_style.engine.folder import begun
from gan_style.errors import UserError
from gan_style.machine.inventory import this_machine
from gan_style.machine.memory import OutOfMemory
from gan_style.methods import CONFIGS, METHODS
from gan_style.terminal.progress import say


def chosen_config(folder: str, minutes: float | None, overrides: Sequence[str], tell: Callable[[str], None] = say) -> RunConfig[Any]:
    """The configuration for a folder: of the run that was begun for it, else by the rules, which are told in five lines.

    tell: prints a line
    `UserError` for a folder that cannot be trained on, and for keys that do not fit.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("FOLDER: one process chooses a recipe; write it with --dry-run, then give --config FILE to all processes")
    given = parse_overrides(overrides)
    wish = Wish(minutes, _tree(given))
    if wish.sets("data.root"):
        raise UserError(f"data.root: the folder {folder} is data.root; leave one of them out")
    if minutes is not None and (fixed := [key for key in ("steps", "epochs", "minutes") if wish.get(f"train.{key}")]):
        raise UserError(f"--minutes: train.{fixed[0]} sets the length too; leave one of them out")
    run_dir = wish.get("run_dir") or f"runs/{Path(folder).resolve().name}"
    if begun(Path(run_dir)) and (Path(run_dir) / "config.yaml").is_file():
        here = [] if wish.sets("run_dir") else parse_overrides({"run_dir": run_dir})
        config = _going_on(folder, run_dir, minutes, [*given, *here])
        tell(f"goes on by {run_dir}/config.yaml; the folder is not looked at again")
        return config
    ensure_demo(folder)
    config, lines = _chosen(folder, run_dir, wish, given)
    for line in lines:
        tell(line)
    return config


def _going_on(folder: str, run_dir: str, minutes: float | None, given: Sequence[Override]) -> RunConfig[Any]:
    """The configuration of a run that has begun. A new number of minutes makes it longer."""
    file = Path(run_dir) / "config.yaml"
    root = read_config(file, []).checked(CONFIGS).data.root
    if Path(folder).resolve() not in [Path(root).resolve(), Path(root).parent.resolve()]:  # the photographs may be a folder in it
        raise UserError(f"run_dir {run_dir}: holds a run on {root}; add run_dir=runs/NAME for a run on {folder}")
    longer = parse_overrides({"train.minutes": minutes}, "--minutes") if minutes is not None else []
    return read_config(file, [*longer, *given]).checked(CONFIGS)


def _chosen(folder: str, run_dir: str, wish: Wish, given: Sequence[Override]) -> tuple[RunConfig[Any], list[str]]:
    """The configuration by the rules, and the lines that tell it."""
    if wish.method and wish.method not in METHODS:
        config_of({}, given, CONFIGS, "the choice")  # names the nearest method
    measured = [domain for domain in "ab" if wish.get(f"data.domain_{domain}.range")]
    slices = {domain: count for domain in "ab" if isinstance(count := wish.get(f"data.domain_{domain}.slices"), int) and count % 2}
    needs = METHODS[wish.method].needs if wish.method else None
    facts = facts_of(folder, needs, wish.method, wish.get("data.root_b"), measured, slices)
    machine = this_machine()
    recipe, why = rules.recipe_for(facts, machine, wish)

    def config_at(pace: rules.Pace) -> RunConfig[Any]:
        keys = rules.keys_for(recipe, facts, machine, wish, pace)
        return with_keys(recipe, {**keys, "run_dir": run_dir}, wish, given)

    def seconds(size: rules.Size) -> float:
        try:
            return seconds_a_step(config_at(rules.Pace(size, 1.0)))
        except OutOfMemory:
            if size == sizes[0]:
                raise
            return float("inf")

    sizes = rules.sizes_for(recipe, facts, machine, wish)
    pace = rules.affordable(sizes, wish, seconds)
    config = config_at(pace)
    return config, lines_of(recipe, why, facts, machine, wish, pace, config)


def with_keys(recipe: str, keys: Mapping[str, Any], wish: Wish, given: Sequence[Override]) -> RunConfig[Any]:
    """A recipe with the keys of the rules, and then with those of the user. keys: by dotted names"""
    tree = deepcopy(read_config_file(find_recipe(recipe)).tree)
    for key, value in keys.items():
        if not wish.sets(key):
            apply_override(tree, Override("", tuple(key.split(".")), value))
    for network in ("generator", "discriminator"):
        named = wish.get(f"method.{network}.name")
        if named and named != tree["method"].get(network, {}).get("name"):
            tree["method"][network] = {}  # the keys are another network's
    return config_of(tree, given, CONFIGS, "the choice")


def _tree(overrides: Sequence[Override]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for override in overrides:
        apply_override(tree, override)
    return tree
