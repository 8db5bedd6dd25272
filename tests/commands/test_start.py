"""What a command loads before it answers: libraries take seconds, so none is loaded that the answer does not need."""

import subprocess
import sys
from pathlib import Path

import pytest
from pictures import draw_folders
from smoke import ROOT, smoke_arguments

SLOW = {
    "accelerate",
    "albumentations",
    "datasets",
    "huggingface_hub",
    "pandas",
    "pyarrow",
    "scipy",
    "tensorboard",
    "torch",
    "torchmetrics",
    "torchvision",
    "transformers",
}
IMAGES = {"PIL", "cv2", "numpy"}
OF_TRAINING = {
    "accelerate",
    "albumentations",
    "gan_style.build",
    "gan_style.datasets",
    "gan_style.demo",
    "gan_style.engine",
    "torch._dynamo",
}
PROGRAM = """
import sys
from gan_style.__main__ import run
code = run(sys.argv[2:])
print(f"{code} {sorted(set(sys.argv[1].split(',')) & set(sys.modules))}")
"""


def loaded(command: list[str], names: set[str], folder: Path, **variables: str) -> str:
    """The exit code of `gan-style COMMAND...` and those of the modules `names` that its process has loaded, as the last line.

    variables: of the environment
    """
    arguments = [sys.executable, "-c", PROGRAM, ",".join(names), *command]
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "command",
    [["--help"], ["--version"], *([verb, "--help"] for verb in ("train", "infer", "evaluate", "export", "serve", "push", "pull"))],
    ids=" ".join,
)
def test_help_loads_no_library(command: list[str], tmp_path: Path) -> None:
    assert loaded(command, SLOW | IMAGES, tmp_path) == "0 []"


@pytest.mark.parametrize("verb", ["report", "prepare"])
def test_help_of_verbs_about_pictures_loads_what_reads_them_at_most(verb: str, tmp_path: Path) -> None:
    assert loaded([verb, "--help"], SLOW, tmp_path) == "0 []"


@pytest.mark.parametrize(
    "command",
    [
        ["train"],
        ["train", "--confg", "cut"],
        ["train", "nowhere", "--minutes", "3"],
        ["train", "--config", "no_recipe"],
        ["train", "--config", "cut", "optim.lr=["],
        ["train", "--config", "cut", "--sweep", "optim.lr"],
        ["train", "--config", "cut", "--sweep", "optim.lr=1,["],
        ["prepare", "demo", "no_set"],
        ["prepare", "split", "ROOT", "--output", "OUT", "--val", "2"],
        ["serve", "--model", "nowhere"],
        ["serve", "--model", ".", "--host", "0.0.0.0"],
    ],
    ids=" ".join,
)
def test_mistakes_in_the_command_line_and_its_files_are_told_before_torch_is_loaded(command: list[str], tmp_path: Path) -> None:
    assert loaded(command, SLOW, tmp_path) == "2 []"


def test_drawing_demo_data_loads_no_torch(tmp_path: Path) -> None:
    assert loaded(["prepare", "demo", "smoke"], SLOW | {"gan_style.datasets"}, tmp_path) == "0 []"


def test_mistakes_in_a_file_are_told_before_torch_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: nowhere.yaml\n")
    assert loaded(["train", "--config", "mine.yaml"], SLOW, tmp_path) == "2 []"


def test_a_misspelt_key_is_told_before_the_trainer_is_loaded(tmp_path: Path) -> None:
    """In a sweep, which checks each of its runs as a run is checked."""
    assert loaded(["train", "--config", "cut", "optim.lrx=1", "--sweep", "train.seed=0,1"], OF_TRAINING, tmp_path) == "2 []"


def test_the_guide_to_the_keys_loads_no_trainer(tmp_path: Path) -> None:
    assert loaded(["keys"], OF_TRAINING | SLOW - {"torch"}, tmp_path) == "0 []"


def test_training_loads_nothing_that_this_run_does_not_use(tmp_path: Path) -> None:
    """torch.optim itself loads torch._dynamo and with it sympy; albumentations loads scipy."""
    others = {f"gan_style.commands.{name}" for name in ("convert", "evaluate", "infer", "prepare", "report", "train.sweep")}
    rooms = {"gan_style.datasets.parquet", "gan_style.evaluation.task", "gan_style.interop", "gan_style.translation.gatys"}
    command = ["train", *smoke_arguments("pix2pix", draw_folders(tmp_path / "data"), tmp_path / "run", "train.steps=1")]
    assert (
        loaded(command, others | rooms | SLOW - {"accelerate", "albumentations", "huggingface_hub", "scipy", "torch"}, tmp_path) == "0 []"
    )


def test_a_dry_run_in_a_fresh_process_leaves_no_folder_for_temporary_files(tmp_path: Path) -> None:
    """torch makes a folder for compiled code when torchvision, which VGG needs, is imported."""
    (tmp_path / "temporary").mkdir()
    command = ["train", *smoke_arguments("adain", draw_folders(tmp_path / "data"), tmp_path / "run", "--dry-run")]
    assert loaded(command, {"torchvision"}, tmp_path, TMPDIR=str(tmp_path / "temporary")) == "0 ['torchvision']"
    assert list((tmp_path / "temporary").iterdir()) == []
