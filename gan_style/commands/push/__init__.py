"""`gan-style push`: a run's bundles, model card and configuration go to a repository of the Hugging Face hub."""

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from gan_style.bundles.hub import BUNDLES, is_revision, reference
from gan_style.commands.options import path
from gan_style.commands.parser import CommandParser, refuse_idle
from gan_style.errors import UserError, one_line
from gan_style.files import atomic
from gan_style.files.opening import refusal
from gan_style.machine.memory import room_for

Content = bytes | Path


def push_command(arguments: Sequence[str]) -> int:
    """Collect, check, write. Returns the exit code. Nothing is written to the hub before all files are complete, and the cards accepted."""
    options = push_parser().parse_args(arguments)
    repository = _checked(options)
    run_dir: Path = options.run_dir
    if why := refusal(str(run_dir)):
        raise UserError(f"RUN_DIR {str(run_dir)!r} {why}; give the run_dir of a training")
    if not run_dir.is_dir():
        raise UserError(f"RUN_DIR {run_dir}: no such folder; give the run_dir of a training")
    with room_for("no memory to read the bundles", "free some"):
        from gan_style.commands.push.files import model_files, run_bundles
        from gan_style.commands.push.space import space_files

        bundles = run_bundles(run_dir)
        files = model_files(run_dir, bundles, repository, options.license)
    directions = list(dict.fromkeys(info.direction for _, info in bundles.values()))
    page = space_files(repository, f"hf://{repository}", directions, options.license) if options.space else {}
    if options.output is not None:
        written = {f"model/{name}": content for name, content in files.items()}
        written |= {f"space/{name}": content for name, content in page.items()}
        _write(options.output, written)
        print(one_line(f"{options.output}: {len(written)} files; nothing was pushed"))
        return 0

    from gan_style.commands.push.upload import Upload

    model, space = (Upload(repository, kind, options.private) for kind in ("model", "space"))
    model.check(files)
    if options.space:
        space.check(page)
    there = model.make(options.revision)
    first = next(iter(bundles.values()))[1]
    message = options.message or f"{first.method}, step {first.step}"
    commit = model.commit(files, there.intersection(BUNDLES) - files.keys(), message, options.revision)
    if options.tag:
        model.tag(options.tag, commit)
    pinned = f"hf://{repository}@{commit}"
    print(f"pushed: {pinned}")
    if options.space:
        page = space_files(repository, pinned, directions, options.license)
        there = {name for name in space.make(None) if name.startswith("gan_style/")}
        print(f"space: {repository}, commit {space.commit(page, there - page.keys(), message, None)}")
    print(f"next: gan-style infer --model {pinned} --input PATH --output DIR")
    return 0


def push_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = CommandParser(
        prog="gan-style push",
        description="Push a run's bundles, a model card and its configuration, without local paths, to the Hugging Face hub.",
        epilog="The account is huggingface_hub's: hf auth login, or the environment variable HF_TOKEN.",
    )
    parser.add_argument("run_dir", type=path, metavar="RUN_DIR", help="the run_dir of a training")
    parser.add_argument("repository", metavar="USER/NAME", help="the repository; it is made if it is not there")
    parser.add_argument("--private", action="store_true", help="for its owner alone; refused for a repository that is public already")
    parser.add_argument("--revision", metavar="BRANCH", help="push to this branch; default: main")
    parser.add_argument("--tag", metavar="TAG", help="name the commit")
    parser.add_argument(
        "--license", metavar="ID", help="the licence of the bundles, by the hub's identifier, such as apache-2.0 or cc-by-4.0"
    )
    parser.add_argument("--message", metavar="TEXT", help="of the commit; default: method and step")
    parser.add_argument("--space", action="store_true", help="also push a Space of the same name, a page that translates pictures")
    parser.add_argument("--output", type=path, metavar="DIR", help="write the files into this new folder, and push nothing")
    return parser


def _checked(options: argparse.Namespace) -> str:
    """The repository. `UserError` for options that cannot be right."""
    named = reference("USER/NAME", options.repository)
    if named.file or named.revision:
        raise UserError(
            f"USER/NAME {options.repository}: is more than a repository; write {named.repository}, and --revision BRANCH for a branch"
        )
    for option in ("revision", "tag"):
        if (text := getattr(options, option)) is not None and not is_revision(text):
            raise UserError(
                f"--{option} {text}: is no name of a {'branch' if option == 'revision' else 'tag'}; take letters, digits, - . _ and /"
            )
    if options.license is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,60}", options.license):
        raise UserError(f"--license {options.license}: is no identifier of a licence; write it as in apache-2.0, mit, cc-by-4.0, other")
    if options.message is not None and not options.message.strip():
        raise UserError("--message: is empty; leave it out, or say what is pushed")
    for option in ("private", "revision", "tag", "message"):
        refuse_idle(f"--{option}", getattr(options, option) or None, options.output is None, "a push, which --output replaces")
    return named.repository


def _write(folder: Path, files: Mapping[str, Content]) -> None:
    """Write the files into a new folder."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"--output {folder}: is there already; choose a new folder")
        for name, content in files.items():
            with atomic.replacing(folder / name) as temporary:
                temporary.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    except OSError as refused:
        raise UserError(f"--output {folder}: cannot be written ({refused.strerror}); make room, or choose another folder") from None
