"""`gan-style train`: begins or resumes a run; with `--sweep`, several runs.

Mistakes are told before what the next stage needs is loaded: nothing for the command line and the files, the methods (and torch) for
the keys, the rest for the training.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from gan_style.commands.options import place
from gan_style.commands.parser import CommandParser
from gan_style.commands.train.axes import members
from gan_style.config.load import read_config
from gan_style.config.recipes import recipe_names, recipes
from gan_style.errors import UserError
from gan_style.machine.memory import room_for
from gan_style.terminal.progress import say
from gan_style.terminal.streams import check_written


def train_command(arguments: Sequence[str]) -> int:
    """Parse, build, train. Returns the exit code."""
    options = train_parser().parse_intermixed_args(arguments)
    if options.config is None:
        meant = next((word for word in options.overrides if word in recipes()), None)
        raise UserError(f"--config: give a YAML file or the name of a recipe: {f'--config {meant}' if meant else recipe_names()}")
    code = _sweep(options) if options.sweep else _one_run(options)
    if options.dry_run:
        check_written()
    return code


def _one_run(options: argparse.Namespace) -> int:
    written = read_config(options.config, options.overrides)

    from gan_style.methods import CONFIGS

    config = written.checked(CONFIGS)

    from gan_style.build import describe, train
    from gan_style.engine.folder import begun
    from gan_style.engine.micro_batches import step_advice

    with room_for("no memory to begin", step_advice(begun(Path(config.run_dir)), divisible=False)):
        if not options.dry_run:
            return train(config)
        resolved, summary = describe(config)
        print(resolved)
        for line in summary:
            say(line)
        return 0


def train_parser() -> argparse.ArgumentParser:
    """The options of the verb."""
    parser = CommandParser(
        prog="gan-style train",
        description="Train an image-to-image translator. The same command goes on with a run that was interrupted.",
        epilog="Keys: gan-style keys, or docs/guide/config.md. Example: gan-style train --config pix2pix data.root=my_pairs",
    )
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
    parser.add_argument("overrides", nargs="*", metavar="dotted.key=value", help="values that replace the file's")
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
