"""Finding a bundle: a path names a bundle, or a run folder that holds one; hf://user/name names one on the Hugging Face hub."""

import re
from pathlib import Path

from gan_style.errors import UserError

DIRECTIONS = ("a2b", "b2a")
_CACHED = re.compile(r"/models--([^/]+?)--([^/]+)/snapshots/([0-9a-f]{40})/(.+)$")  # huggingface_hub's cache


def find_bundle(key: str, path: Path, direction: str | None = None) -> Path:
    """The bundle that `path` is, or that it holds as a run folder, or that is fetched from the hub into the cache.

    key: the option, key or argument that names it
    """
    if is_remote(path):
        from gan_style.bundles.hub import fetch_bundle

        return fetch_bundle(key, f"hf://{'/'.join(path.parts[1:])}", direction)
    option = "--direction" if key.startswith("--") else "direction"
    if not path.is_dir():
        if not path.exists():
            raise UserError(f"{key} {path}: no such file or folder; give a .safetensors bundle or a run folder")
        return path
    present = [name for name in DIRECTIONS if (path / "bundles" / f"{name}.safetensors").is_file()]
    if not present:
        raise UserError(f"{key} {path}: a folder without bundles/a2b.safetensors or b2a; training writes them with its first checkpoint")
    if direction not in (None, *present):
        raise UserError(f"{option} {direction}: {path} has only a bundle for {present[0]}; leave {option} out")
    return path / "bundles" / f"{direction or present[0]}.safetensors"


def name_of(path: Path) -> str:
    """The path, or what it is on the hub if it lies in the hub's cache: `hf://user/name@COMMIT/FILE`."""
    found = _CACHED.search(path.as_posix())
    return "hf://{}/{}@{}/{}".format(*found.groups()) if found else str(path)


def without_place(name: str) -> str:
    """What `name_of` gives, from the run folder on: what lies above it says who and where its owner is."""
    if name.startswith("hf://"):
        return name
    path = Path(name)
    return Path(*path.parts[-3 if path.parent.name in ("bundles", "checkpoints") else -1 :]).as_posix()


def is_remote(path: Path) -> bool:
    """Is it the path that `Path` makes of hf://user/name?"""
    return path.parts[:1] == ("hf:",)
