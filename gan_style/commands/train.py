"""`gan-style train`: a run begins, or goes on."""

from collections.abc import Sequence
from pathlib import Path

from gan_style.build import describe, train
from gan_style.commands.options import place
from gan_style.commands.parser import CommandParser
from gan_style.config.load import load_config
from gan_style.config.recipes import named
from gan_style.engine.folder import begun
from gan_style.engine.micro_batches import step_advice
from gan_style.errors import UserError
from gan_style.machine.memory import room_for
from gan_style.methods import CONFIGS


def train_command(arguments: Sequence[str]) -> int:
    """Parse, build, train. Returns the exit code."""
    parser = CommandParser(
        prog="gan-style train",
        description="Train an image-to-image translator. The same command goes on with a run that was interrupted.",
        epilog="Keys: docs/guide/config.md. Example: gan-style train --config pix2pix data.root=my_pairs train.batch_size=4",
    )
    parser.add_argument("--config", type=place, metavar="FILE|RECIPE", help=f"your YAML file, or a recipe: {named()}")
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, print what would be trained, leave nothing behind but demo data"
    )
    parser.add_argument("overrides", nargs="*", metavar="dotted.key=value", help="values that replace the file's")
    options = parser.parse_intermixed_args(arguments)
    if options.config is None:
        raise UserError(f"--config: give a YAML file or the name of a recipe: {named()}")
    config = load_config(options.config, options.overrides, CONFIGS)
    with room_for("no memory to begin", step_advice(begun(Path(config.run_dir)), divisible=False)):
        return describe(config) if options.dry_run else train(config)
