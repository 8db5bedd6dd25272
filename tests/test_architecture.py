"""House rules that a reader would notice being broken; the layers themselves are held by import-linter in `make check`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "gan_style").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"), *ROOT.glob("*.py"), ROOT / "data/prepare.py"])
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize("name", ["train.py", "infer.py"])
def test_the_commands_are_thin(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) < 80


def test_a_file_is_one_idea_with_a_name() -> None:
    assert [str(path) for path in (*SOURCES, *TESTS) if len(path.read_text().splitlines()) > 310] == []
    assert [str(path) for path in (*SOURCES, *TESTS) if re.fullmatch(r"(utils?|helpers?|common|misc|manager)", path.stem)] == []


def test_nothing_is_unpickled() -> None:
    for path in SOURCES:
        text = re.sub(r"torch\.load\([^()\n]*weights_only=True[^()\n]*\)", "", path.read_text())  # reads tensors alone
        if path.name == "loading_process.py":  # reads what a process of ours sent, through a socket that nobody else can open
            text = text.replace("pickle.loads(head, buffers=buffers)", "", 1)
        assert not re.search(r"\b(torch|np|yaml|pickle|accelerator)\.(load|loads|load_state)\(", text), path


def test_accelerate_and_albumentations_stay_where_they_belong() -> None:
    users = {
        name: {path.relative_to(ROOT).as_posix() for path in SOURCES if re.search(rf"^\s*(from|import) {name}\b", path.read_text(), re.M)}
        for name in ("accelerate", "albumentations")
    }
    assert users["albumentations"] == {"gan_style/datasets/transforms.py"}
    package = {path for path in users["accelerate"] if path.startswith("gan_style/")}
    assert package and all(path.startswith("gan_style/engine/") or path == "gan_style/build.py" for path in package)


def test_bars_are_drawn_in_one_place() -> None:
    """Elsewhere a bar would fill a log file with carriage returns, or stand before a message."""
    users = [path.relative_to(ROOT).as_posix() for path in SOURCES if re.search(r"^\s*(from|import) tqdm\b", path.read_text(), re.M)]
    assert [path for path in users if not path.startswith("benchmarks/")] == ["gan_style/terminal/progress.py"]


def test_torchmetrics_and_torchvision_are_loaded_by_what_measures_or_has_a_vgg_alone() -> None:
    """Each takes a second and more: neither a mistake in a command nor a training without validation should wait for them."""
    modules = "gan_style.build, gan_style.commands.evaluate.bundle, gan_style.commands.evaluate.folders, gan_style.commands.infer.gatys"
    program = f"""
import sys, {modules}
from gan_style.config.load import load_config
from gan_style.methods import CONFIGS
load_config("configs/cyclegan.yaml", ["method.style_weight=1", "method.vgg.weights=random"], CONFIGS)
print([name for name in ("torchmetrics", "torchvision") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    eager = [
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if re.search(r"^(from|import) (torchmetrics|torchvision)\b", path.read_text(), re.M)
    ]
    assert [path for path in eager if not path.startswith("benchmarks/")] == []


def test_ruff_says_the_same_where_runs_were_trained(tmp_path: Path) -> None:
    """A folder runs/ beside tests/runs.py does not make `import runs` first-party."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text("import pytest\nfrom runs import STEPS\n\nfrom gan_style import build\n")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select=I", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_method_has_one_file() -> None:
    from gan_style.methods import METHODS

    for name, method in METHODS.items():
        assert method.__module__ == f"gan_style.methods.{name}"
