"""data/prepare.py as a user runs it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import warm
from pictures import draw_folders
from smoke import smoke_arguments

from gan_style.__main__ import run
from gan_style.commands.train import train_command
from gan_style.files import images

SCRIPT = Path(__file__).parents[2] / "data" / "prepare.py"


@dataclass
class Done:
    returncode: int | str | None
    stdout: str
    stderr: str


class Prepare:
    """Runs the command line in this process, which saves the seconds that importing torch takes."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture

    def __call__(self, *arguments: object) -> Done:
        try:
            code = run(["prepare", *map(str, arguments)])
        except SystemExit as exit:  # argparse
            code = exit.code
        output = self.capture.readouterr()
        return Done(code, output.out, output.err)


@pytest.fixture
def prepare(capsys: pytest.CaptureFixture[str]) -> Prepare:
    return Prepare(capsys)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for index in range(4):
        for domain, value in (("A", 10), ("B", 200)):
            images.write(tmp_path / "set" / f"train{domain}" / f"{index}.png", np.full((6, 8, 3), value + index, np.uint8))
    return tmp_path / "set"


def test_combine_split_and_check(prepare: Prepare, pairs: Path, tmp_path: Path) -> None:
    done = prepare("combine", pairs, "--output", tmp_path / "ab")
    assert done.returncode == 0, done.stderr
    assert images.read(tmp_path / "ab" / "train" / "2.png", 3).pixels[0, :, 0].tolist() == [12] * 8 + [202] * 8
    again = prepare("combine", pairs, "--output", tmp_path / "ab")
    assert again.returncode == 2 and "exists already" in again.stderr and "Traceback" not in again.stderr
    assert prepare("combine", pairs, "--output", tmp_path / "ab", "--overwrite").returncode == 0
    assert prepare("split", tmp_path / "ab", "--output", tmp_path / "back").returncode == 0
    checked = prepare("check", tmp_path / "back")
    assert checked.returncode == 0, checked.stderr
    assert "no problems" in checked.stdout and checked.stderr == "", "a table on stdout, and nothing more where nobody watches"


def test_combine_tells_how_its_result_is_read_where_auto_does_not_see_it(prepare: Prepare, pairs: Path, tmp_path: Path) -> None:
    said = prepare("combine", pairs, "--output", tmp_path / "wide").stdout
    assert "4 side-by-side files" in said and "data.source=aligned" in said and "check with --source aligned" in said
    assert prepare("check", tmp_path / "wide", "--source", "aligned").returncode == 0
    for domain in "AB":
        images.write(tmp_path / "squares" / f"train{domain}" / "1.png", np.zeros((8, 8, 3), np.uint8))
    said = prepare("combine", tmp_path / "squares", "--output", tmp_path / "halves").stdout
    assert said == f"{tmp_path}/halves: 1 side-by-side file\n"
    assert prepare("check", tmp_path / "halves").returncode == 0


def test_check_counts_warnings_and_what_is_left_out_in_its_last_line(prepare: Prepare, pairs: Path) -> None:
    assert prepare("check", pairs).stdout.splitlines()[-1] == "no problems, 2 warnings", "4 values of 256 in either domain"
    (pairs / "trainA" / "notes.txt").touch()
    assert prepare("check", pairs).stdout.splitlines()[-1] == "no problems in what is read, 2 warnings; what is left out stands above"
    images.write(pairs / "trainA" / "0.png", np.tile(np.arange(0, 256, 32, dtype=np.uint8)[None, :, None], (6, 1, 3)))
    assert "1 warning;" in prepare("check", pairs).stdout.splitlines()[-1]


def test_split_of_one_folder(prepare: Prepare, pairs: Path, tmp_path: Path) -> None:
    done = prepare("split", pairs / "trainA", "--val", "0.25", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert len(images.find_images(tmp_path / "out" / "train")) == 3 and len(images.find_images(tmp_path / "out" / "val")) == 1
    assert prepare("split", pairs / "trainA", "--val", "1.5", "--output", tmp_path / "out").returncode == 2


def test_check_names_the_bad_file_and_exits_2(prepare: Prepare, pairs: Path) -> None:
    (pairs / "trainB" / "1.png").write_text("not a picture")
    done = prepare("check", pairs)
    assert done.returncode == 2
    assert "trainB/1.png: is a text, not an image" in done.stderr and "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "1 problem(s)" in errors[0]
    assert "train  B       4      1" in done.stdout


def test_check_of_unpaired_domains_says_so_in_one_line(prepare: Prepare, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for domain in "AB":
            for index in range(3):
                noise = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
                images.write(tmp_path / "horses" / f"{split}{domain}" / f"{domain}{index}.png", noise)
    done = prepare("check", tmp_path / "horses")
    assert done.returncode == 2 and "train  A       3      0" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path}/horses: has 0 pairs of one stem among 3 images in trainA/ and 3 in trainB/")
    assert "--source unpaired" in line and "configs/cyclegan.yaml" in line and "remove" not in line
    assert prepare("check", tmp_path / "horses", "--source", "unpaired").returncode == 0
    (tmp_path / "horses" / "trainA" / "A1.png").write_text("not a picture")
    both = prepare("check", tmp_path / "horses").stderr.splitlines()
    assert len(both) == 2 and both[0].startswith("problem: ") and "A1.png: is a text" in both[0] and "--source unpaired" in both[1]


def test_as_a_script(tmp_path: Path) -> None:
    done = warm.run([SCRIPT, "check", tmp_path / "nowhere"], tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}/nowhere: ") and done.stderr.count("\n") == 1


def test_check_of_nothing_exits_2(prepare: Prepare, tmp_path: Path) -> None:
    done = prepare("check", tmp_path / "nowhere")
    assert done.returncode == 2 and str(tmp_path / "nowhere") in done.stderr


def test_demo_draws_what_is_missing(prepare: Prepare, tmp_path: Path) -> None:
    done = prepare("demo", "paired", "unpaired", "--root", tmp_path, "--train", 2, "--val", 1, "--size", 64)
    assert done.returncode == 0, done.stderr
    assert prepare("check", tmp_path / "paired").returncode == 0
    assert prepare("check", tmp_path / "unpaired", "--source", "unpaired").returncode == 0
    assert len(images.find_images(tmp_path / "paired")) == 6 and len(images.find_images(tmp_path / "unpaired")) == 6
    again = prepare("demo", "paired", "--root", tmp_path)
    assert again.returncode == 0 and "left as it is" in again.stdout
    assert prepare("demo", "portraits", "--root", tmp_path).returncode == 2


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_training_on_tables_equals_training_on_their_folders(
    prepare: Prepare, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folders, tables = draw_folders(tmp_path / "folders", train=5), tmp_path / "tables"
    source = "unpaired" if name == "cyclegan" else "auto"
    done = prepare("to-parquet", folders, "--output", tables, "--source", source)
    assert done.returncode == 0 and f"{tables}: {14 if name == 'cyclegan' else 7} rows" in done.stdout, done.stderr
    again = prepare("to-parquet", folders, "--output", tables, "--source", source, "--shard-size", 1)
    assert again.returncode == 2 and "exists already" in again.stderr
    assert prepare("check", tables).returncode == 0
    weights = []
    for root, steps in ((folders, (4,)), (tables, (3, 4))):
        run_dir = tmp_path / "runs" / root.name
        for step in steps:  # the tables' run is stopped in the middle of an epoch
            assert train_command([*smoke_arguments(name, root, run_dir), "logging.samples=1", f"train.steps={step}"]) == 0
        weights.append((run_dir / "checkpoints" / "step_0000004" / "networks.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_to_parquet_names_what_is_missing(prepare: Prepare, tmp_path: Path) -> None:
    done = prepare("to-parquet", tmp_path / "nowhere", "--output", tmp_path / "out")
    assert done.returncode == 2 and "no such folder" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["split", "in", "--output", "out", "--seed", "0"], "--seed: has no effect without --val; leave it out"),
        (["split", "in", "--output", "out", "--domain", "A"], "--domain: has no effect without --val"),
        (["demo", "styles", "--train", "3"], "--train: has no effect without a set that has them"),
        (["demo", "styles", "--val", "3"], "--val: has no effect without a set that has them"),
        (["check", "a", "--workers", "1", "--workers", "2"], "--workers: given twice"),
        (["chekc", "a"], "'chekc' is none of demo, combine, split, slices, to-parquet, check, compare, did you mean 'check'?"),
    ],
)
def test_options_without_effect_and_words_that_there_are_not(prepare: Prepare, arguments: list[str], said: str) -> None:
    done = prepare(*arguments)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1
