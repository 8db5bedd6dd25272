"""A recipe by its name, where no file is in the way."""

from pathlib import Path

import pytest
from tiny import ROOT

from gan_style.config import recipes as module
from gan_style.config.load import load_config
from gan_style.config.recipes import find_recipe, recipes
from gan_style.errors import UserError
from gan_style.methods import CONFIGS


def test_each_file_of_configs_is_a_recipe_by_its_name() -> None:
    files = [*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs/smoke").glob("*.yaml")]
    assert recipes() == {path.relative_to(ROOT / "configs").with_suffix("").as_posix(): path for path in files}
    assert {"cyclegan", "smoke/pix2pix", "demo"} <= recipes().keys() and not any(name.startswith("launch") for name in recipes())


def test_a_name_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config("smoke/cyclegan", ["run_dir=here"], CONFIGS).run_dir == "here"
    (tmp_path / "cyclegan").mkdir()
    assert find_recipe("cyclegan") == ROOT / "configs/cyclegan.yaml", "a folder is no configuration"


def test_a_file_wins_over_a_recipe_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cyclegan").write_text("run_dir: mine\nmethod: {name: gan}\ntrain: {steps: 3}\n", encoding="utf-8")
    assert load_config("cyclegan", [], CONFIGS).run_dir == "mine"


@pytest.mark.parametrize(
    ("text", "near"),
    [("cyclgan", "cyclegan"), ("smoke/pix2pixx", "smoke/pix2pix"), ("configs/cut.yaml", "cut"), ("Fast-Style", "fast_style")],
)
def test_a_wrong_name_lists_the_nearest(text: str, near: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"^{text}: no such file, and no recipe of that name, did you mean '{near}'"):
        find_recipe(text)


def test_what_no_path_can_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in ("a\0b", "x" * 5000, "../../etc", ".."):
        with pytest.raises(UserError):
            find_recipe(text)


def test_an_installed_wheel_has_them_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipes/smoke").mkdir(parents=True)
    (tmp_path / "recipes/mine.yaml").touch()
    monkeypatch.setattr(module, "_FOLDERS", (tmp_path / "recipes", ROOT / "configs"))
    assert list(recipes()) == ["mine"]
