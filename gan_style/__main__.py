"""The command line: `gan-style VERB ...`, or `python -m gan_style VERB ...`."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from gan_style.commands.running import leave, run_command
from gan_style.errors import UserError, nearest
from gan_style.version import VERSION

VERBS = {
    "train": "train on folders of images; the same command goes on with a run",
    "infer": "translate pictures, or stylise them by optimisation",
    "serve": "translate pictures over HTTP",
    "evaluate": "measure results, or a bundle over a data set",
    "convert": "make bundles of other projects' weights, and weights of bundles",
    "export": "write a network as one file for other programs: ONNX, .pt2, TorchScript",
    "report": "write one page about a run, or about several",
    "prepare": "draw the demo sets, change layouts of data sets, check files",
    "push": "push a run's bundles and model card to the Hugging Face hub",
    "pull": "fetch bundles from the Hugging Face hub",
    "keys": "print the guide to every configuration key",
}
GO_ON = {"train", "infer"}  # the same command goes on where Ctrl-C stopped it


def main() -> None:
    """Run the verb that the command line names, and end the process with its exit code."""
    leave(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code of `gan-style ARGUMENTS...`. Only the verb's own module is loaded, and none to report a mistake."""
    verb = arguments[0] if arguments else ""
    return run_command(lambda: _command(verb)(arguments[1:]), goes_on=verb in GO_ON)


def _command(verb: str) -> Callable[[Sequence[str]], int]:
    if verb in VERBS:
        return getattr(import_module(f"gan_style.commands.{verb}"), f"{verb}_command")
    if verb in ("", "-h", "--help"):
        return _help
    if verb == "--version":
        return _version
    raise UserError(f"{verb!r} is no verb of gan-style{nearest(verb, [*VERBS, '--help', '--version'])}; there are {', '.join(VERBS)}")


def _help(_: Sequence[str]) -> int:
    print("usage: gan-style VERB ...\n")
    for verb, meaning in VERBS.items():
        print(f"  {verb:10}{meaning}")
    print("\ngan-style VERB --help tells the options of a verb, gan-style --version the version.")
    return 0


def _version(_: Sequence[str]) -> int:
    print(f"gan_style {VERSION}")
    return 0


if __name__ == "__main__":  # data loading processes may import this file
    main()
