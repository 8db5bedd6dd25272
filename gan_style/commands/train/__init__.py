"""`gan-style train`: begins or resumes a run, by a recipe or by the rules for a folder; with `--sweep`, several runs.

Mistakes are told before what the next stage needs is loaded: nothing for the command line and the files, the methods (and torch) for
the keys, the rest for the training.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan_style.commands.options import number, place
from gan_style.commands.parser import CommandParser, refuse_idle
from gan_style.commands.train.axes import members
from gan_style.config.load import read_config
from gan_style.config.recipes import recipe_names, recipes
from gan_style.config.schema import RunConfig
from gan_style.errors import UserError, nearest, short
from gan_style.files.opening import refusal
from gan_style.files.places import expanded
from gan_style.machine.memory import room_for
from gan_style.terminal.progress import say
from gan_style.terminal.streams import check_written


def train_command(arguments: Sequence[str]) -> int:
    """Parse, build, train. Returns the exit code."""
    options = train_parser().parse_intermixed_args(arguments)
    folder, options.overrides = _folder(options.overrides)
    _check_one_source(options, folder)
    if folder is not None:
        code = _without_recipe(options, folder)
    else:
        code = _sweep(options) if options.sweep else _one_run(options)
    if options.dry_run:
        check_written()
    return code


def _folder(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The word that is no override, of which there is one at most, and the overrides."""
    folders = [word for word in words if "=" not in word]
    for word in folders[1:]:
        raise UserError(f"{short(word)} is not an override: write dotted.key=value, for example train.steps=1000; there is one FOLDER")
    try:
        return expanded(folders[0]) if folders else None, [word for word in words if "=" in word]
    except ValueError as problem:
        raise UserError(f"FOLDER: {problem}") from None


def _check_one_source(options: argparse.Namespace, folder: str | None) -> None:
    """`UserError` unless the recipe, or the folder for which one is chosen, is given."""
    if options.config is None and (folder is None or (folder in recipes() and not Path(folder).is_dir())):
        meant = f"--config {folder}" if folder else f"{recipe_names()}; or give FOLDER, for which one is chosen"
        raise UserError(f"--config: give a YAML file or the name of a recipe: {meant}")
    if options.config is not None and folder is not None:
        raise UserError(f"{short(folder)} is not an override: write dotted.key=value; with --config, a folder is data.root={short(folder)}")
    refuse_idle("--minutes", options.minutes, folder is not None, "FOLDER (with --config: train.minutes)")
    if folder is not None and options.sweep:
        raise UserError("--sweep: needs --config; write the choice for a folder with --dry-run, and sweep that file")
    if folder is not None:
        _check_folder(folder)


def _check_folder(folder: str) -> None:
    """`UserError` unless it is a folder, or the place of a demo set, which is drawn when it is missing."""
    if why := refusal(folder):
        raise UserError(f"{short(folder)} {why}; give a folder")
    if Path(folder).is_dir():
        return

    from gan_style.demo.sets import is_demo

    if Path(folder).exists():
        raise UserError(f"{short(folder)}: is no folder; if it is a manifest, train by --config RECIPE data.root={short(folder)}")
    if not is_demo(folder):
        raise UserError(f"{short(folder)}: no such folder{nearest(folder, recipes())}; check the path (layouts: data/README.md)")


def _without_recipe(options: argparse.Namespace, folder: str) -> int:
    from gan_style.commands.train.folder import chosen_config

    config = chosen_config(folder, options.minutes, options.overrides, _commented if options.dry_run else say)
    code = _trained(config, options.dry_run)
    if code == 0 and not options.dry_run:
        from gan_style.commands.train.told import closing_lines

        for line in closing_lines(config):
            say(line)
    return code


def _one_run(options: argparse.Namespace) -> int:
    written = read_config(options.config, options.overrides)

    from gan_style.methods import CONFIGS

    return _trained(written.checked(CONFIGS), options.dry_run)


def _trained(config: RunConfig[Any], dry_run: bool) -> int:
    from gan_style.build import describe, train
    from gan_style.engine.folder import begun
    from gan_style.engine.micro_batches import step_advice

    with room_for("no memory to begin", step_advice(begun(Path(config.run_dir)), divisible=False)):
        if not dry_run:
            return train(config)
        resolved, summary = describe(config)
        print(resolved)
        for line in summary:
            _commented(line)
        return 0


def _commented(line: str) -> None:
    """Print a line of a dry run, whose output so is a configuration: `--dry-run > my.yaml`."""
    say(f"# {line}")


def train_parser() -> argparse.ArgumentParser:
    """The options of the verb."""
    parser = CommandParser(
        prog="gan-style train",
        description="Train an image-to-image translator. The same command goes on with a run that was interrupted.",
        epilog="Keys: gan-style keys, or docs/guide/config.md. Examples: gan-style train my_folder --minutes 60; gan-style train --config "
        "pix2pix data.root=my_pairs",
        usage="gan-style train (FOLDER [--minutes M] | --config FILE|RECIPE [--sweep KEY=VALUE,VALUE]) [dotted.key=value ...] [--dry-run]",
    )
    parser.add_argument("--minutes", type=number(1e-3, 1e6), metavar="M", help="with FOLDER: how long training takes (default: 60)")
    parser.add_argument("--config", type=place, metavar="FILE|RECIPE", help=f"your YAML file, or a recipe: {recipe_names()}")
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, print what would be trained, leave nothing behind but demo data"
    )
    parser.add_argument(
        "--sweep",
        action="append",
        default=[],
        metavar="KEY=VALUE,VALUE",
        help="train once with each value, such as optim.lr=1e-4,2e-4 or train.seed=0..4, in folders below run_dir, and compare; given "
        "several times: every combination",
    )
    words = "FOLDER: look at it, and choose method, size and schedule; dotted.key=value: values that replace the recipe's, or the choice's"
    parser.add_argument("overrides", nargs="*", metavar="FOLDER | dotted.key=value", help=words)
    return parser


def _sweep(options: argparse.Namespace) -> int:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("--sweep: runs follow each other in one process; leave torchrun out, or start the runs one by one")
    every = members(options.sweep, options.overrides)
    written = [read_config(options.config, [*options.overrides, *member.overrides]) for member in every]

    from gan_style.methods import CONFIGS

    configs = [each.checked(CONFIGS) for each in written]
    names: dict[str, str] = {}  # by configuration
    for member, config in zip(every, configs, strict=True):
        if (same := names.setdefault(config.model_dump_json(), member.name)) is not member.name:
            raise UserError(f"--sweep: {same} and {member.name} would be the same run; give each value once")

    from gan_style.commands.train.sweep import SweptRun, list_runs, train_all

    run_dir = Path(configs[0].run_dir)  # the key is no sweep's
    runs = [
        SweptRun(member, config.model_copy(update={"run_dir": str(run_dir / member.name)}))
        for member, config in zip(every, configs, strict=True)
    ]
    return list_runs(runs) if options.dry_run else train_all(runs, run_dir)
