"""The files of a Hugging Face Space that runs a translator: the page, this package, what it needs, and the Space's card."""

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import yaml

import gan_style
from gan_style.errors import UserError

GRADIO = "6.31.0"


def space_files(repository: str, model: str, directions: Sequence[str], license: str | None) -> dict[str, bytes | Path]:
    """Name in the Space -> content. repository: user/name; model: the reference that the page loads; directions: of its bundles"""
    return {
        "README.md": _card(repository, license).encode(),
        "app.py": _page(model, directions).encode(),
        "requirements.txt": "\n".join([*_needed(), "huggingface_hub>=2.4", ""]).encode(),
        **_package(),
    }


def _page(model: str, directions: Sequence[str]) -> str:
    text = Path(__file__).with_name("app.py").read_text(encoding="utf-8")
    for name, value in (("MODEL", model), ("DIRECTIONS", tuple(directions))):
        text = re.sub(rf"^{name} = .*$", lambda _, name=name, value=value: f"{name} = {value!r}", text, count=1, flags=re.MULTILINE)
    return text


def _card(repository: str, license: str | None) -> str:
    name = repository.partition("/")[2]
    tree = {"title": name, "sdk": "gradio", "sdk_version": GRADIO, "python_version": "3.11", "app_file": "app.py", "models": [repository]}
    tree |= {"license": license} if license else {}
    text = f"Translates a picture with `{repository}`. If that is private, the Space needs a secret HF_TOKEN that may read it."
    return f"---\n{yaml.safe_dump(tree, sort_keys=False)}---\n\n{text}\n"


def _needed() -> list[str]:
    """What the package requires, without its extras."""
    try:
        lines = requires("gan_style") or []
    except PackageNotFoundError:
        raise UserError("--space: gan_style is not installed, so what it requires is unknown; pip install -e . in its folder") from None
    return [line for line in lines if "extra ==" not in line]


def _package() -> dict[str, bytes | Path]:
    """The files of this package: a Space runs the very code that made the bundle."""
    root = Path(gan_style.__file__).parent
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(root.parent).as_posix(): path for path in files}
