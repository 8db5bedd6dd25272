"""`base: OTHER.yaml`: a configuration that takes the keys of another file and changes some of them."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan_style.config.recipes import find_recipe
from gan_style.config.yaml_file import BASE, YamlFile, read_yaml_file
from gan_style.errors import UserError, short
from gan_style.files.places import expanded

MAX_BASES = 8  # files below one another


def read_config_file(path: Path) -> YamlFile:
    """Read a YAML file and its bases into one mapping; a file's values replace those of its base.

    A `base` is a path relative to the file that names it, or the name of a recipe; `merged` says how the mappings become one. The key
    `base` itself is left out. `UserError` if a base does not exist, if files are based on each other, and for more than MAX_BASES bases.
    """
    return _read(path, ())


def _read(path: Path, above: tuple[Path, ...]) -> YamlFile:
    """As `read_config_file`. above: the files that are based on this one, the nearest last"""
    file = read_yaml_file(path)
    if BASE not in file.tree:
        return file
    chain = (*above, path)
    blamed = f"{path}: {BASE} (line {file.line((BASE,))})"
    other = _named(file.tree[BASE], path, blamed)
    if any(os.path.realpath(other) == os.path.realpath(each) for each in chain):
        circle = " -> ".join(map(str, (*chain, other)))
        raise UserError(f"{blamed}: these files are based on each other: {circle}; take one {BASE} out")
    if len(chain) > MAX_BASES:
        raise UserError(f"{blamed}: more than {MAX_BASES} files are based on one another; write the keys of some into one file")
    base = _read(other, chain)
    own = {key: value for key, value in file.tree.items() if key != BASE}
    return replace(file, tree=merged(base.tree, own), base=base)


def _named(given: Any, path: Path, blamed: str) -> Path:
    if not isinstance(given, str) or not given:
        raise UserError(f"{blamed}: names one file or recipe, not {short(given)}; write {BASE}: OTHER.yaml")
    try:
        return find_recipe(expanded(given), path.parent)
    except ValueError as problem:
        raise UserError(f"{blamed}: {problem}") from None
    except UserError as problem:
        raise UserError(f"{blamed}: {problem}") from None


def merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Merge two trees key by key; if both have a value, `own` counts. Neither is changed.

    A section below `method` that names another network than the base's replaces it: the other keys are of the base's network.
    """
    result = dict(base)
    for key, value in own.items():
        below = result.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and (key == "method" or not _of_another(below, value)):
            value = merged(below, value)
        result[key] = value
    return result


def _of_another(base: dict[str, Any], own: dict[str, Any]) -> bool:
    """Do two sections describe different networks?"""
    return "name" in own and "name" in base and own["name"] != base["name"]
