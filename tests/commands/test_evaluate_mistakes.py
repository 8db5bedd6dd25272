"""What `gan-style evaluate` says to mistakes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from smoke import ROOT, smoke_arguments

from gan_style.__main__ import run
from gan_style.commands.train import train_command
from gan_style.files import images

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "give --model and --data, or --results and --truth"),
        ("--model {run} --results {a} --data {data}", "give --model and --data, or --results and --truth"),
        ("--model {run}", "--model: needs --data"),
        ("--results {a}", "--results: needs --truth or --inputs"),
        (
            "--results {a} --seams 24",
            "--seams 24: {a}/000.png: 24 x 24 pixels lie in one tile of 24, which has no borders; take smaller tiles",
        ),
        ("--results {a} --seams 1", "'1' is no whole number from 2"),
        ("--model {run} --data {data} --seams 8", "--seams: has no effect without --results"),
        ("--results {a} --truth {b} --images 1", "--images: has no effect without --model; leave it out"),
        ("--results {a} --truth {b} --seed 0", "--seed: has no effect without --model"),
        ("--results {a} --truth {b} --labels nearest", "--labels: has no effect without --segmenter"),
        ("--results {a} --truth {b} --output-labels auto", "--output-labels: has no effect without --model"),
        ("--results {a} --truth {b} --data nowhere", "--data: has no effect without --model or --segmenter"),
        ("--results {a} --truth {b} --source auto", "--source: has no effect without --model or --segmenter"),
        ("--results {a} --truth {b} --direction a2b", "--direction: has no effect without --model or --segmenter"),
        ("--results {a} --truth {b} --segmenter-steps 1000", "--segmenter-steps: has no effect without --segmenter"),
        ("--model {run} --data {data} --ignore-color 1,2,3", "--ignore-color: has no effect without --segmenter"),
        ("--results {a} --data-b {b} --segmenter s.safetensors --data {data}", "--data-b: has no effect without --model"),
        ("--results {a} --inputs {b} --metrics l1", "--metrics: l1 compares with what results should be like; give them as --truth"),
        ("--results {a} --inputs {b} --metrics fid", "give them as --truth"),
        ("--results {a} --inputs {b} --truth {b} --metrics l1,kid", "--inputs: none of the metrics l1, kid compares with it"),
        ("--model {run} --data {data} --seed 1", "--seed: pix2pix takes no noise; leave it out"),
        (
            "--model {run} --data {data} --metrics kid --features random --images 1",
            "fid and kid need two images of each domain or more; raise --images",
        ),
        ("--model {run} --data {data} --metrics ms_ssim", "valA/000.png: 16 x 16 pixels are too small for ms_ssim"),
        ("--results {a} --truth {b} --segmenter s.safetensors", "--segmenter: needs --data"),
        ("--model {run} --data {data} --truth {b}", "--truth: has no effect without --results"),
        ("--model nowhere --data {data}", "--model nowhere: no such file or folder"),
        ("--model {run} --data nowhere", "nowhere: no such folder"),
        ("--model {run} --data {data} --direction b2a", "has only a bundle for a2b"),
        ("--model {run} --data {data} --metrics l1,sim", "'sim' is no metric, did you mean 'ssim'?"),
        ("--model {run} --data {data} --metrics fid --features nowhere.pth", "nowhere.pth: no such file of feature network weights"),
        ("--model {run} --data {data} --images 0", "'0' is no whole number from 1"),
        ("--model {run} --data {data} --ignore-color 1,2", "'1,2' is no colour"),
        ("--results nowhere --truth {b}", "nowhere: no such folder"),
        ("--results {a} --truth {empty}", "--truth {empty}: holds no images"),
        ("--results {a} --truth {few}", "has no picture for {a}/001.png and 2 more"),
        ("--results {few} --truth {b}", "{b}/001.png and 2 more: without a result"),
        ("--results {a} --truth {small}", "the translation has 24 x 24 pixels in 3 channel(s), its true output 9 x 9"),
        ("--results {a} --truth {b} --metrics structure", "give them as --inputs"),
        ("--results {twice} --truth {b}", "have one stem"),
        (
            "--results {few} --truth {b} --metrics fid --features random",
            "--metrics: fid and kid need two results and two real pictures or more",
        ),
        ("--results {a} --truth {b} --json {data}", "--json {data}: cannot be written"),
        ("--results nowhere --truth {b} --json /proc/x.json", "--json /proc/x.json: cannot be written"),
        ("--results {a} --data {data} --segmenter {run}/bundles/a2b.safetensors", "a safetensors file, but no segmenter"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments: str, said: str, trained: tuple[Path, dict[str, float]], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"run": trained[0], "data": data, "a": data / "valA", "b": data / "valB"}
    for name in ("empty", "few", "small", "twice"):
        places[name] = tmp_path / name
        places[name].mkdir()
    shutil.copy(data / "valA/000.png", places["few"])
    shutil.copy(data / "valA/000.png", places["twice"] / "x.png")
    shutil.copy(data / "valA/000.png", places["twice"] / "x.jpg")
    for path in (data / "valB").iterdir():
        images.write(places["small"] / path.name, images.read(path, 3).pixels[:9, :9])
    capsys.readouterr()
    assert run(["evaluate", *arguments.format(**places).split()]) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(error) == 1
    assert said.format(**places) in error[0]


def test_a_stylizer_is_sent_to_its_files(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command(smoke_arguments("adain", data, tmp_path / "run", "train.steps=1", "logging.samples=0")) == 0
    assert run(["evaluate", "--model", str(tmp_path / "run"), "--data", str(data)]) == 2
    assert "adain needs styles; stylise with infer.py" in capsys.readouterr().err


def test_the_command_is_there_and_quick_to_refuse(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "gan_style", "evaluate", "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and "--segmenter" in done.stdout
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gan_style", "evaluate", "--metrics", "x"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert not any(line.endswith(" torch") for line in done.stderr.splitlines()), "a mistake should be reported at once"
