"""The wheel in a folder of its own, run from an empty one: recipes, report and command line come with it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pictures import draw_folders
from PIL import Image
from tiny import ROOT

from gan_style.config.recipes import recipes

SOURCES = ("gan_style", "configs", "setup.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: building leaves folders behind."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        copy = folder / "source" / name
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(folder / "source")], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip makes of a wheel without compiled code, but for the script."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.unpack_archive(wheel, folder, "zip")
    return folder


PROGRAM = """
import sys
from gan_style.__main__ import run
smaller, source = sys.argv[1:-1], sys.argv[-1]
assert run(["train", "--config", "smoke/pix2pix", "run_dir=run", *smaller]) == 0
assert run(["infer", "--model", "run", "--input", source, "--output", "out"]) == 0
print("num_blocks", flush=True)
assert run(["train", "--config", "cyclegan", smaller[0], "method.generator.base_channels=8", "--dry-run"]) == 0
assert run(["train", "--config", "cyclgan"]) == 2
import gan_style
print(gan_style.__file__)
"""  # in one process, for each loads torch


def python(installed: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Python with the installed package alone, in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_holds_the_recipes_and_nothing_beside_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    assert {f"gan_style/recipes/{name}.yaml" for name in recipes()} <= set(names)
    assert {"gan_style/py.typed", "gan_style/report/run.html", "gan_style/report/script.js"} <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"gan_style"}


def test_recipes_train_and_translate_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    data, folder = draw_folders(tmp_path / "data"), tmp_path / "empty"
    folder.mkdir()
    source = data / "valA/000.png"
    smaller = [f"data.root={data}", "data.load_size=20", "data.crop_size=16", "method.generator.num_downs=3", "train.steps=2"]
    done = python(installed, folder, "-c", PROGRAM, *smaller, str(source))
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[-1]).is_relative_to(installed), "else this shows nothing of the wheel"
    assert {path.name for path in folder.iterdir()} == {"run", "out"} and (folder / "run/report.html").exists()
    assert Image.open(folder / "out/000.png").size == Image.open(source).size
    assert "num_blocks: 9" in done.stdout.partition("\nnum_blocks\n")[2]
    assert "did you mean 'cyclegan'?" in done.stderr.splitlines()[-1]


def test_the_package_runs_as_a_command(installed: Path, tmp_path: Path) -> None:
    assert python(installed, tmp_path, "-m", "gan_style", "--version").stdout.startswith("gan_style 0.")
    mistaken = python(installed, tmp_path, "-m", "gan_style", "trian")
    assert mistaken.returncode == 2 and mistaken.stderr.count("\n") == 1 and "did you mean 'train'?" in mistaken.stderr
