"""`gan-style export --web DIR`: a folder whose page translates in the browser."""

import argparse
from pathlib import Path

from gan_style.errors import UserError, one_line
from gan_style.machine.memory import room_for


def export_page(options: argparse.Namespace, bundle: Path) -> int:
    """Write the folder, the network compared with torch as for --output. Returns the exit code."""
    folder: Path = options.web
    _check_folder(folder, options.overwrite)
    with room_for(f"no memory to export {bundle}", "free some, or export on a larger machine"):
        from gan_style.bundles.file import load_bundle
        from gan_style.exporting.runtime import runtime_files
        from gan_style.exporting.web import NETWORK, check_web, page_files, write_files
        from gan_style.exporting.write import export

        check_web(load_bundle(bundle)[0])
        runtime = runtime_files(options.ort)
        _make(folder)
        info = export(bundle, folder / NETWORK, "uint8", direction=options.direction, say=lambda line: print(one_line(line), flush=True))
        name = options.model.absolute().name if options.model.is_dir() else options.model.stem
        write_files(folder, page_files(name, info, runtime))
    print(one_line(f"{folder}: a page of {name}; python -m http.server --directory {folder} shows it"))
    return 0


def _check_folder(folder: Path, overwrite: bool) -> None:
    """`UserError` if the folder holds files that would be mixed with the page's."""
    try:
        used = any(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as failure:
        raise UserError(f"--web {folder}: cannot be read ({failure.strerror}); choose another folder") from failure
    if used and not overwrite:
        raise UserError(f"--web {folder}: is not empty; choose another folder, or take --overwrite")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise UserError(f"--web {folder}: cannot be made ({failure.strerror}); choose another place") from failure
