"""train.py with validation as a user meets it: what it writes, and what it says to mistakes before anything is trained."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from pictures import draw_folders
from smoke import smoke_arguments

from gan_style.commands.train import train_command
from gan_style.errors import UserError

RANDOM = ["validation.features=random", "validation.structure=random", "validation.lpips=random"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"), val=3)


def log(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def test_values_stand_in_the_log_of_their_step_and_in_the_report(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = tmp_path / "run"
    changes = ["train.steps=6", "train.validate_every=3", "logging.every=2", "train.checkpoint_every=3"]
    assert train_command(smoke_arguments("pix2pix", data, run_dir, *changes)) == 0
    lines = {line["step"]: line for line in log(run_dir)}
    assert sorted(lines) == [1, 2, 3, 4, 6]
    assert {step: sorted(key for key in line if key.startswith("val/")) for step, line in lines.items()} == {
        1: [],
        2: [],
        3: ["val/l1", "val/psnr", "val/ssim"],
        4: [],
        6: ["val/l1", "val/psnr", "val/ssim"],
    }
    assert 0 < lines[3]["val/l1"] < 1
    assert "step 3: validation: l1 " in capsys.readouterr().out
    assert "Validation" in (run_dir / "report.html").read_text()
    assert sorted(path.name for path in (run_dir / "bundles").iterdir()) == ["a2b.safetensors"]


def test_both_directions_are_measured(data: Path, tmp_path: Path) -> None:
    changes = ["train.steps=2", "train.validate_every=2", *RANDOM]
    assert train_command(smoke_arguments("cyclegan", data, tmp_path / "run", *changes, "validation.metrics=[l1,fid,structure]")) == 0
    values = {key: value for key, value in log(tmp_path / "run")[-1].items() if key.startswith("val/")}
    assert list(values) == [f"val/{prefix}{name}" for prefix in ("", "b2a_") for name in ("l1", "fid", "structure")]
    assert values["val/fid"] != values["val/b2a_fid"]


@pytest.mark.parametrize("name", ["fast_style", "adain", "gan"])
def test_methods_that_translate_otherwise_have_the_metrics_that_make_sense(name: str, data: Path, tmp_path: Path) -> None:
    expected = {"fast_style": ["structure"], "adain": ["kid", "structure"], "gan": ["kid"]}[name]
    assert train_command(smoke_arguments(name, data, tmp_path / "run", "train.steps=2", "train.validate_every=1", *RANDOM)) == 0
    for line in log(tmp_path / "run"):
        assert [key for key in line if key.startswith("val/")] == [f"val/{metric}" for metric in expected]


@pytest.mark.parametrize(
    ("name", "overrides", "said"),
    [
        ("pix2pix", ["validation.metrics=[l1,psnrr]"], "'psnrr' is no metric, did you mean 'psnr'?"),
        ("pix2pix", ["validation.metrics=[]"], "validation.metrics"),
        ("pix2pix", ["validation.best=sim"], "'sim' is no metric, did you mean 'ssim'?"),
        ("pix2pix", ["validation.metrics=[l1]", "validation.best=ssim"], "best is ssim, which is not among metrics (l1)"),
        ("pix2pix", ["validation.best=lpips"], "validation.best: lpips is not among the metrics l1, psnr, ssim"),
        ("pix2pix", ["train.validate_every=null", "validation.best=l1"], "validation.best: has no effect with train.validate_every null"),
        ("pix2pix", ["train.validate_every=0"], "train.validate_every"),
        (
            "pix2pix",
            ["validation.metrics=[fid]", "validation.features=nowhere.pth"],
            "nowhere.pth: no such file of feature network weights",
        ),
        ("pix2pix", ["validation.metrics=[ms_ssim]"], "valA/000.png: 16 x 16 pixels are too small for ms_ssim, which needs 176"),
        (
            "pix2pix",
            ["validation.metrics=[fid]", "validation.images=1", *RANDOM],
            "fid and kid need two images of each domain or more; raise validation.images",
        ),
        ("gan", ["validation.metrics=[l1]"], "l1 compares with true outputs, and the translations of gan have none; take fid, kid"),
        ("fast_style", ["validation.metrics=[fid]", *RANDOM], "the translations of fast_style have none; take structure"),
    ],
)
def test_mistakes_are_said_before_anything_is_trained(name: str, overrides: list[str], said: str, data: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with pytest.raises(UserError) as mistake:
        train_command(smoke_arguments(name, data, run_dir, "train.steps=1", "train.validate_every=1", *overrides))
    assert said in str(mistake.value)
    assert "\n" not in str(mistake.value)
    assert not run_dir.exists()


def test_missing_weights_and_pairs_are_said_by_a_dry_run(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    run = smoke_arguments("cyclegan", data, tmp_path / "run", "train.validate_every=5", "--dry-run")
    with pytest.raises(UserError, match=r"validation\.features: the weights of FID's Inception are missing.*or take `random`"):
        train_command(run)
    unpaired = draw_folders(tmp_path / "unpaired", train=2, val=2)
    (unpaired / "valA/001.png").rename(unpaired / "valA/other.png")
    with pytest.raises(UserError, match=r"validation\.metrics: ssim need validation images in pairs"):
        train_command(
            [*smoke_arguments("cyclegan", unpaired, tmp_path / "run", "train.validate_every=5", "validation.metrics=[ssim]"), "--dry-run"]
        )
    none = draw_folders(tmp_path / "none", train=2, val=0)
    with pytest.raises(UserError, match=r"has no validation images to measure"):
        train_command(smoke_arguments("pix2pix", none, tmp_path / "run", "train.validate_every=5"))
    assert not (tmp_path / "run").exists()


def test_random_weights_are_told_once(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ["train.steps=4", "train.validate_every=2", "logging.samples=0", *RANDOM]
    for arguments, metrics in ((["--dry-run"], "kid, structure"), ([], "kid, structure"), (["validation.metrics=[l1]"], "")):
        assert train_command([*smoke_arguments("cyclegan", data, tmp_path / metrics, *changes), *arguments]) == 0
        said = capsys.readouterr().out
        assert said.count("random weights") == bool(metrics)
        assert f"warning     {metrics}: by a network with random weights" in said or not metrics


def test_a_yaml_switch_is_no_metric(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="validation"):
        train_command(smoke_arguments("pix2pix", data, tmp_path / "run", "validation.best=yes"))


def test_a_validation_image_that_is_not_decoded_at_once_stops_no_training(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = shutil.copytree(data, tmp_path / "data")
    huge = copied / "valA" / "001.tif"
    (copied / "valA" / "001.png").unlink()
    tifffile.imwrite(huge, shape=(11000, 10000, 3), dtype=np.uint8, photometric="rgb", rowsperstrip=64)
    changes = ["train.steps=4", "train.validate_every=2", "validation.metrics=[l1]", "logging.samples=0"]
    assert train_command(smoke_arguments("pix2pix", copied, tmp_path / "run", *changes)) == 0
    assert f"validation left out, training goes on: {huge}: " in capsys.readouterr().err
