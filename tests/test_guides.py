"""The guides can be found, and what they name is in the code."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from gan_style.commands.prepare import DEMO_SETS
from gan_style.methods import CONFIGS
from gan_style.methods.auxiliary import AuxiliaryConfig

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs/guide"
PAGES = sorted(GUIDE.glob("*.md"))


def linked(page: Path) -> set[Path]:
    """The repository's Markdown pages that a page links to."""
    targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return {(page.parent / target).resolve() for target in targets if target.endswith(".md") and "://" not in target}


def reached(start: Path) -> set[Path]:
    """All pages that links lead to from `start`."""
    found, waiting = {start}, [start]
    while waiting:
        new = linked(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def places(page: Path) -> set[tuple[str, str]]:
    """(file, name) of each place that a page gives as `file.py: Name` or `file.py: Class.name`."""
    return set(re.findall(r"`([\w/]+\.py): ([\w.]+)`", page.read_text(encoding="utf-8")))


@cache
def defined(file: str) -> set[str]:
    """The classes, functions and `Class.method` names that a file of the package defines."""
    kinds = ast.ClassDef | ast.FunctionDef
    tree = ast.parse((ROOT / "gan_style" / file).read_text(encoding="utf-8"))
    tops = [node for node in tree.body if isinstance(node, kinds)]
    inner = {f"{top.name}.{node.name}" for top in tops if isinstance(top, ast.ClassDef) for node in top.body if isinstance(node, kinds)}
    return {top.name for top in tops} | inner


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_index_links_to_every_guide(page: Path) -> None:
    assert page in linked(GUIDE / "README.md") | {GUIDE / "README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_guide_is_reached_from_the_readme(page: Path) -> None:
    assert page in reached(ROOT / "README.md")


@pytest.mark.parametrize("page", [page for page in PAGES if places(page)], ids=lambda page: page.stem)
def test_every_place_in_the_code_that_a_guide_names_is_there(page: Path) -> None:
    missing = [f"{file}: {name}" for file, name in sorted(places(page)) if name not in defined(file)]
    assert not missing, f"{page.name} names what is not in the code"


def test_the_page_on_style_names_the_methods_with_style_terms() -> None:
    [sentence] = re.findall(r"^(.*) take, beside their own losses,$", (GUIDE / "style.md").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"\w+", sentence)) - {"and"} == {
        name for name, section in CONFIGS.items() if issubclass(section, AuxiliaryConfig)
    }


def test_the_page_on_data_names_every_demo_set() -> None:
    [row] = re.findall(r"^\| `python data/prepare.py demo.*$", (ROOT / "data/README.md").read_text(encoding="utf-8"), re.M)
    assert set(DEMO_SETS) <= set(re.findall(r"`([\w-]+)`", row))


def test_a_place_that_is_gone_is_found() -> None:
    assert places(GUIDE / "how_a_step_runs.md")
    assert "Trainer.step" in defined("engine/trainer.py") and "Trainer.leap" not in defined("engine/trainer.py")
