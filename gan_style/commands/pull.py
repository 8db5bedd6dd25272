"""`gan-style pull`: a repository's bundles, card and configuration come from the Hugging Face hub, from one commit."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from gan_style.bundles.hub import FILES, RECORD, Snapshot, reference
from gan_style.commands.options import path
from gan_style.commands.parser import CommandParser
from gan_style.errors import UserError, one_line
from gan_style.files import atomic
from gan_style.machine.memory import room_for
from gan_style.terminal.counted import counted


def pull_command(arguments: Sequence[str]) -> int:
    """Fetch, check, copy. Returns the exit code. Nothing is copied before all bundles are read."""
    parser = CommandParser(
        prog="gan-style pull",
        description="Fetch a repository's bundles, model card and configuration from the Hugging Face hub, all from one commit.",
    )
    parser.add_argument("repository", metavar="USER/NAME[@REVISION]", help="a repository, and a branch, tag or commit of it; default: main")
    parser.add_argument("--output", type=path, metavar="DIR", help="copy the files into this folder; default: the cache alone has them")
    options = parser.parse_args(arguments)
    wanted = reference("USER/NAME", options.repository)
    if wanted.file:
        raise UserError(f"USER/NAME {options.repository}: names one file; pull takes the repository, --model hf://... takes one file")
    output: Path | None = options.output
    if output is not None:
        _check_output(output)
    snapshot = Snapshot.of(str(wanted), wanted)
    if not any(name in snapshot.sizes for name in FILES if name.endswith(".safetensors")):
        raise UserError(f"{wanted}: no bundles/a2b.safetensors or b2a; give a repository that gan-style push wrote")
    fetched = {name: snapshot.fetch(name, limit) for name, limit in FILES.items() if name in snapshot.sizes}
    with room_for("no memory to read the bundles", "free some"):
        from gan_style.bundles.file import about, load_bundle

        told = {name: about(load_bundle(file)[0]) for name, file in fetched.items() if name.endswith(".safetensors")}
    if output is not None:
        _copy(output, fetched, {"repository": wanted.repository, "revision": wanted.revision or "main", "commit": snapshot.commit})
    snapshot.tell()
    folder = output or next(iter(fetched.values())).parents[1]
    for name, words in told.items():
        print(one_line(f"{folder / name}: {words}"))
    if others := len(snapshot.sizes) - len(fetched):
        print(f"left out: {counted(others, 'other file')}")
    print(one_line(f"next: gan-style infer --model {folder} --input PATH --output DIR"))
    return 0


def _check_output(folder: Path) -> None:
    """`UserError` unless the folder is new, empty, or of an earlier pull."""
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"--output {folder}: a file, not a folder; give a folder")
        if folder.is_dir() and not (folder / RECORD).is_file() and any(folder.iterdir()):
            raise UserError(f"--output {folder}: holds files that pull did not write; choose a new folder")
        atomic.check_writable(folder / RECORD)
    except OSError as refused:
        raise UserError(f"--output {folder}: cannot be written ({refused.strerror}); choose another folder") from None


def _copy(folder: Path, files: dict[str, Path], record: dict[str, str]) -> None:
    """Copy the files, and remove those of an earlier pull that this commit does not have.

    The record comes first: where a pull was cut short, the next one finds a folder of its own.
    """
    try:
        atomic.write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")
        for name, file in files.items():
            with atomic.replacing(folder / name) as temporary:
                shutil.copyfile(file, temporary)
        for name in FILES.keys() - files.keys():
            (folder / name).unlink(missing_ok=True)
    except OSError as refused:
        raise UserError(f"--output {folder}: cannot be written ({refused.strerror}); make room, then pull again") from None
