"""What comments, guides and configurations point to is there: files of the repository, sections of a guide, messages of the program."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_FOLDERS = ("gan_style", "tests", "benchmarks", "configs", "docs")
_SUFFIXES = (".py", ".md", ".yaml", ".sh", ".sbatch", ".html", ".css", ".js")
_PATTERNS = ("*.py", "*.md", "*.toml", "*.txt", "Makefile", "data/*.py", "data/*.md", ".ci/*", "configs/launch/Dockerfile")
TEXTS = sorted(
    {
        *(path for folder in _FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in _SUFFIXES),
        *(path for pattern in _PATTERNS for path in ROOT.glob(pattern)),
    }
)
GUIDES = sorted(set((ROOT / "docs/guide").glob("*.md")) - {ROOT / "docs/guide/config.md"})  # that one is generated


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def there(place: str, beside: Path) -> bool:
    """Is it a file or a folder, from the root or from where it is named? A pattern must meet one; a number is enough for a decision."""
    place = re.sub(r"[{<][^}>]*[}>]|\bNAME\b", "*", place).rstrip("/.-")
    return any(list(folder.glob(pattern)) for folder in (ROOT, beside.parent, ROOT / "docs/guide") for pattern in (place, f"{place}-*.md"))


def test_no_file_holds_the_marks_of_a_merge() -> None:
    marks = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
    assert not [named(path) for path in TEXTS if marks.search(path.read_text(encoding="utf-8"))]


def test_every_file_that_is_named_is_there() -> None:
    missing = {named(path): absent for path in TEXTS if path != Path(__file__) and (absent := missing_places(path))}
    assert not missing, "what a file names is not in the repository"


def test_no_text_holds_both_sides_of_a_merge() -> None:
    marks = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
    assert not [named(path) for path in TEXTS if marks.search(path.read_text(encoding="utf-8"))]


def missing_places(path: Path) -> list[str]:
    """What the file names and the repository does not have."""
    text = path.read_text(encoding="utf-8")
    places = re.findall(r"(?<![\w./:-])(?:docs|configs|tests|gan_style|benchmarks)/[\w./*{}<>-]+", text)
    places += re.findall(r"(?<![\w./*-])(?:[\w-]+/)*[\w-]+\.md\b", text)
    places += [f"docs/decisions/{int(number):04d}" for number in re.findall(r"\bdecision (\d+)\b", text)]
    made = ("gan_style/index", "gan_style/recipes")  # a folder of the user's cache, one of the wheel
    return sorted({place for place in places if not place.startswith(made) and not there(place, path)})


def test_every_link_leads_somewhere() -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in TEXTS if path.suffix == ".md"}
    for path, target in [(path, target) for path, text in pages.items() for target in re.findall(r"\]\(([^)\s]+)\)", text)]:
        if "://" in target:
            continue
        file, _, section = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        assert page.exists() and page.is_relative_to(ROOT), f"{named(path)} leads to {target}"
        if section:
            titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            sections = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
            assert section in sections, f"{named(path)} leads to {target}"


@cache
def said_by_the_program() -> str:
    """Every text in the package's source, values left out."""
    sources = [*(ROOT / "gan_style").rglob("*.py"), ROOT / "data/prepare.py"]
    nodes = [node for path in sources for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_messages_in_guides_are_those_of_the_program(path: Path) -> None:
    """A quoted message is one that begins as the program's do, or that has `...` for what differs from case to case."""
    text = re.sub(r"^(?: {4}.*\n)+", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    begun = r"(?:error|warning|alarm|stopped|not finished|failed|finished|interrupted): [^`]+"
    for quoted in re.findall(rf"`({begun}|(?!python )[^`]* \.\.\. [^`]*)`", text):
        said = re.sub(r"^(error|warning|alarm): ", "", quoted)
        for fragment in re.split(r"\.\.\.|[:;,]|\([^)]*\)|\b(?:[A-Z]|\d+|cuda)\b", said):
            assert fragment.strip(" .") in said_by_the_program(), f"{named(path)} quotes {quoted!r}"


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs/decisions").glob("*.md")]
    assert len(numbers) == len(set(numbers))
    for path in (ROOT / "docs/decisions").glob("*.md"):
        assert path.read_text(encoding="utf-8").startswith(f"# {int(path.name[:4])}. "), path.name


@pytest.mark.parametrize("path", [path for path in TEXTS if path.suffix == ".md"], ids=named)
def test_pages_have_no_half_of_a_merge(path: Path) -> None:
    assert not re.findall(r"^(?:<{7} |={7}$|>{7} )", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_package_that_the_tests_need_has_its_version_in_the_constraints() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras, waiting, needed = project["optional-dependencies"], list(project["dependencies"]), set[str]()
    waiting += extras["dev"]
    while waiting:
        name = re.split(r"[^\w.\-\[\]]", waiting.pop())[0]
        if extra := re.fullmatch(r"gan_style\[(\w+)\]", name):
            waiting += extras[extra[1]]
        else:
            needed.add(_plain(name.split("[")[0]))
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert needed <= {_plain(line.split("==")[0]) for line in constraints if "==" in line}


def _plain(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
