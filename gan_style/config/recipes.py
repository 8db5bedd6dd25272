"""The recipes of gan_style: configs/ in the repository, gan_style/recipes/ in the wheel."""

from pathlib import Path

from gan_style.errors import UserError, nearest, short
from gan_style.files.opening import refusal

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "recipes", _PACKAGE.parent / "configs")  # of an installed wheel; of a checkout


def recipes() -> dict[str, Path]:
    """name -> file of each recipe, such as `cyclegan` or `smoke/cyclegan`, sorted by name with the smoke recipes last."""
    folder = next((folder for folder in _FOLDERS if (folder / "smoke").is_dir()), _FOLDERS[0])
    files = [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("smoke/*.yaml"))]
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}


def find_recipe(text: str, beside: Path = Path()) -> Path:
    """The file that `text` names: a path, or, if there is no such file, the name of a recipe.

    beside: the folder of relative paths
    `UserError` if `text` is neither; the message names the nearest recipe.
    """
    path = beside / text
    if why := refusal(str(path) if text else text):
        raise UserError(f"{short(text)} {why}; give a YAML file or the name of a recipe ({recipe_names()})")
    if path.exists() and not path.is_dir():
        return path
    known = recipes()
    if text in known:
        return known[text]
    if path.is_dir():
        raise UserError(f"{path}: a folder, not a configuration; give a YAML file or the name of a recipe ({recipe_names()})")
    like = nearest(text, known) or nearest(path.stem, known)
    raise UserError(f"{path}: no such file, and no recipe of that name{like}; the recipes are {recipe_names()}")


def recipe_names() -> str:
    """The names of the recipes, for a message."""
    return ", ".join(name for name in recipes() if "/" not in name) + " (and smoke/NAME, the same in seconds)"
