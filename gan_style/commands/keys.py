"""`gan-style keys`: the guide to every configuration key, which docs/guide/config.md holds."""

from collections.abc import Sequence

from gan_style.commands.parser import CommandParser
from gan_style.config.reference import config_reference
from gan_style.methods import CONFIGS


def keys_command(arguments: Sequence[str]) -> int:
    """Print the guide as Markdown."""
    CommandParser(prog="gan-style keys", description="Print the guide to every configuration key, as Markdown.").parse_args(arguments)
    print(config_reference(CONFIGS), end="")
    return 0
