"""`gan-style prepare`: draws the demo sets, changes layouts, checks files. Layouts: data/README.md.

What works on images, and torch with it, is imported only after the command line has been checked.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from gan_style.commands.options import path, place, whole
from gan_style.commands.parser import CommandParser, refuse_idle
from gan_style.demo import sets as demo
from gan_style.errors import UserError, one_line
from gan_style.machine.memory import room_for
from gan_style.terminal.counted import counted

DEMO_SETS = {Path(root).name: draw for root, draw in demo.DEMO_ROOTS.items()}


def prepare_command(arguments: Sequence[str]) -> int:
    """Run the subcommand of the command line. Returns the exit code."""
    options = prepare_parser().parse_args(arguments)
    with room_for("no memory for this", "work on fewer or smaller pictures at once"):
        return options.command(options)


def _demo(options: argparse.Namespace) -> int:
    """Draw the demo sets that are missing."""
    for option, given in (("--train", options.train), ("--val", options.val)):
        refuse_idle(option, given, set(options.sets) != {"styles"}, "a set that has them (paired, unpaired, smoke)")
    for name in options.sets or DEMO_SETS:
        root = options.root / name
        if root.exists():
            print(f"{root} exists already: left as it is (delete it to draw it anew)")
            continue
        given = {key: getattr(options, key) for key in ("train", "val", "size") if getattr(options, key) is not None}
        if name == "styles":
            given = {key: value for key, value in given.items() if key == "size"}
        DEMO_SETS[name](root, seed=options.seed, **given)
        print(f"{root}")
    return 0


def _combine(options: argparse.Namespace) -> int:
    from gan_style.datasets.convert import combine
    from gan_style.datasets.sources import recognised

    count = combine(options.root, options.output, options.overwrite)
    print(f"{options.output}: {counted(count, 'side-by-side file')}")
    if not recognised(options.output, "aligned"):
        print("say what it is, for not every file is twice as wide as high: train with data.source=aligned, check with --source aligned")
    return 0


def _split(options: argparse.Namespace) -> int:
    for option, given in (("--domain", options.domain), ("--seed", options.seed)):
        refuse_idle(option, given, options.val is not None, "--val")
    from gan_style.datasets.convert import split_files, split_pairs

    if options.val is None:
        count = split_pairs(options.root, options.output, options.overwrite)
        print(f"{options.output}: {counted(count, 'pair')}")
    else:
        train, val = split_files(options.root, options.output, options.val, options.domain, options.seed or 0, options.overwrite)
        print(f"{options.output}: {train} files for training, {val} for validation")
    return 0


def _slices(options: argparse.Namespace) -> int:
    from gan_style.datasets.slices import cut_volumes

    volumes, slices = cut_volumes(options.root, options.output, options.overwrite)
    print(f"{options.output}: {counted(slices, 'slice')} of {counted(volumes, 'volume')}")
    return 0


def _to_parquet(options: argparse.Namespace) -> int:
    from gan_style.datasets.convert import to_parquet

    rows = to_parquet(options.root, options.output, options.source, options.shard_size * 2**20, options.overwrite)
    print(f"{options.output}: {counted(rows, 'row')}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from gan_style.datasets.check import check

    report = check(options.root, options.source, options.workers)
    print(report.table)
    for note in report.notes:
        print(one_line(note))
    for problem in report.problems:
        print(f"problem: {one_line(problem)}", file=sys.stderr)
    if report.no_pairs:
        raise UserError(
            f"{report.no_pairs}; if they are not pairs, check them with --source unpaired and train with cyclegan or cut "
            "(configs/cyclegan.yaml); else rename the files to match"
        )
    if report.problems:
        raise UserError(f"{options.root}: {len(report.problems)} problem(s), listed above; repair or remove what they name")
    left_out = sum("left out" in note for note in report.notes)
    warned = sum(note.startswith("warning: ") for note in report.notes)
    read = "no problems" + (" in what is read" if left_out else "") + (f", {counted(warned, 'warning')}" if warned else "")
    print(read + ("; what is left out stands above" if left_out else ""))
    return 0


def _compare(options: argparse.Namespace) -> int:
    from gan_style.datasets.compare import comparison_sheet

    comparison_sheet(options.folders, options.output, options.rows)
    print(f"comparison: {options.output} (columns: {' | '.join(map(str, options.folders))})")
    return 0


def prepare_parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="gan-style prepare",
        description="Draw the demo sets, change the layout of a data set, check its files. data/README.md describes the layouts.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: object, words: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=words, description=words)
        sub.set_defaults(command=command)
        return sub

    sub = add("demo", _demo, "Draw the procedural demo sets that are not there yet.")
    sub.add_argument("sets", nargs="*", metavar="SET", type=_demo_set, help=f"{', '.join(DEMO_SETS)}; default: all of them")
    sub.add_argument("--root", type=path, default=Path("data/demo"), help="folder that holds the sets (default: %(default)s)")
    sub.add_argument("--train", type=whole(1, 1_000_000), help="training pictures of a domain (the default depends on the set)")
    sub.add_argument("--val", type=whole(1, 1_000_000), help="validation pictures of a domain (the default depends on the set)")
    sub.add_argument("--size", type=whole(1, 1_000_000), help="side of the pictures in pixels (the default depends on the set)")
    sub.add_argument("--seed", type=int, default=0, help="another number draws other pictures (default: %(default)s)")

    sub = add("combine", _combine, "Join ROOT/{train,val}{A,B}/ to side-by-side files OUTPUT/{train,val}/ (PNG).")
    _add_folders(sub, "folder with trainA/ and trainB/ (and valA/, valB/), paired by stem")

    sub = add("split", _split, "Cut side-by-side files into two folders; or, with --val, share one folder of files out to train and val.")
    _add_folders(sub, "folder with train/ (and val/) of side-by-side files; with --val a folder of any images")
    sub.add_argument(
        "--val", type=_share, metavar="SHARE", help="share of the files for validation, such as 0.1: copy ROOT's files to OUTPUT/train, val"
    )
    sub.add_argument("--domain", choices=["A", "B"], default="", help="with --val: copy to OUTPUT/trainA, valA (or B) instead")
    sub.add_argument("--seed", type=int, help="with --val: another number holds out other files (default: 0)")

    sub = add("slices", _slices, "Cut NIfTI volumes into files of one slice, each in its place (needs gan_style[medical]).")
    _add_folders(sub, "folder of .nii and .nii.gz files; its tree is kept, such as trainA/ and trainB/")

    sub = add("to-parquet", _to_parquet, "Put the images, bytes untouched, into Parquet files OUTPUT/*.parquet (needs gan_style[parquet]).")
    _add_folders(sub, "the data set: folders or a manifest")
    sub.add_argument(
        "--source",
        choices=["auto", "folders", "unpaired", "manifest"],
        default="auto",
        help="as data.source; auto expects pairs, so say unpaired where there are none (default: %(default)s)",
    )
    sub.add_argument(
        "--shard-size", type=whole(1, 1_000_000), metavar="MB", default=512, help="about the size of a file (default: %(default)s)"
    )

    sub = add("check", _check, "Read every file of a data set with all cores, print what was found, name what is wrong (exit code 2).")
    sub.add_argument("root", type=place, metavar="ROOT", help="the data set, as in data.root")
    sub.add_argument(
        "--source",
        choices=["auto", "aligned", "folders", "unpaired", "labelled", "manifest", "parquet"],
        default="auto",
        help="as data.source; auto expects pairs, so say unpaired where there are none (default: %(default)s)",
    )
    sub.add_argument("--workers", type=whole(1, 1_000_000), help="processes (default: one for each core)")

    sub = add("compare", _compare, "Put pictures of equal stem from several folders side by side in one picture, to look at.")
    sub.add_argument("folders", nargs="+", type=path, metavar="FOLDER", help="one column each, such as inputs, translations, truths")
    sub.add_argument("--output", type=path, required=True, help="picture to write")
    sub.add_argument("--rows", type=whole(1, 1_000_000), default=6, help="most rows (default: %(default)s)")
    return parser


def _add_folders(sub: argparse.ArgumentParser, words: str) -> None:
    sub.add_argument("root", type=path, metavar="ROOT", help=words)
    sub.add_argument("--output", type=path, required=True, help="folder to write to")
    sub.add_argument("--overwrite", action="store_true", help="write over files that exist")


def _demo_set(text: str) -> str:
    if text not in DEMO_SETS:  # not argparse's `choices`, which would also refuse the empty list
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(DEMO_SETS)}")
    return text


def _share(text: str) -> Fraction:
    with suppress(ValueError, ZeroDivisionError):
        if 0 < (value := Fraction(text)) < 1:  # exact: 0.1 of 10 files is one file
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no number between 0 and 1, such as 0.1")
