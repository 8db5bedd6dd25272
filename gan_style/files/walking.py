"""Walking the folders below a folder.

Every search for pictures has one rule: hidden names are left out, links are followed, and each folder is entered once, because a link may
lead back up. `walk` lists a folder at a time, for searches of infer, evaluate and prepare. Surveys of training sets have a walk of their
own, `datasets.folders.ImageTree`: it yields the files of the whole tree in one order of stems, notes a stamp of each folder, and collects
problems where `walk` ends. It holds the folders of one path alone, so it needs no bound of the depth but the system's for a path.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from gan_style.errors import UserError
from gan_style.files.kinds import is_store_name
from gan_style.files.left_out import is_hidden

MAX_DEPTH = 100  # nobody nests folders deeper, and Python's walk ends at a thousand


def walk(root: Path, seen: set[Path] | None = None, patient: bool = False) -> Iterator[tuple[str, Path, list[str]]]:
    """Yield (folder, its real path, sorted names of its files) for `root` and every folder below it that is not hidden. Follows links.

    seen: collects real paths; each one is visited once, because a link may lead back up
    patient: skip a folder that cannot be read
    A folder that is one picture (`kinds.is_store_name`) counts as a file.
    `UserError` if folders are nested more than `MAX_DEPTH` deep, and, unless `patient`, if one cannot be read.
    """
    seen = set() if seen is None else seen

    def refuse(failure: OSError) -> None:
        if not patient:
            raise UserError(f"{failure.filename}: cannot be read ({failure.strerror}); check its permissions") from failure

    for folder, subfolders, names in os.walk(root, onerror=refuse, followlinks=True):
        if len(Path(folder).parts) > len(root.parts) + MAX_DEPTH:
            raise UserError(f"{root}: has folders nested more than {MAX_DEPTH} deep; give a folder further down")
        real = Path(os.path.realpath(folder))
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        stores = [name for name in subfolders if is_store_name(name)]
        subfolders[:] = sorted(name for name in subfolders if not is_hidden(name) and not is_store_name(name))
        yield folder, real, sorted(names + stores)
