"""`gan-style evaluate`: the numbers of training, and of files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import warm
from evaluating import NETWORKS, evaluate, train

import infer
from gan_style.__main__ import run
from gan_style.files import atomic, images

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_a_bundle_has_the_numbers_of_training(trained: tuple[Path, dict[str, float]], data: Path) -> None:
    run_dir, expected = trained
    for model in (run_dir, run_dir / "bundles/a2b.safetensors", run_dir / "bundles/best_a2b.safetensors"):
        result = evaluate("--model", model, "--data", data, "--metrics", ",".join(expected), *NETWORKS)
        assert result["metrics"] == expected
        assert result["images"] == 4
    assert set(result["networks"]) == {"fid", "kid", "lpips", "structure"}


def test_both_ways_and_noise_have_the_numbers_of_training(data: Path, tmp_path: Path) -> None:
    expected = train("cyclegan", data, tmp_path / "cyclegan", "kid,structure,l1", "train.ema_decay=0.5", "data.domain_a.channels=1")
    for direction, prefix in (("a2b", ""), ("b2a", "b2a_")):
        got = evaluate(
            "--model", tmp_path / "cyclegan", "--data", data, "--direction", direction, "--metrics", "kid,structure,l1", *NETWORKS
        )
        assert got["metrics"] == {name: expected[f"{prefix}{name}"] for name in ("kid", "structure", "l1")}
    expected = train("gan", data, tmp_path / "gan", "kid,fid", "train.seed=3")
    got = evaluate("--model", tmp_path / "gan", "--data", data, "--metrics", "kid,fid", "--seed", 3, *NETWORKS)
    assert got["metrics"] == expected


def test_files_have_the_numbers_of_their_bundle(trained: tuple[Path, dict[str, float]], data: Path, tmp_path: Path) -> None:
    """What infer.py writes at training's size, against the truth at that size."""
    run_dir, expected = trained
    for path in (*(data / "valA").iterdir(), *(data / "valB").iterdir()):
        images.write(tmp_path / path.parent.name / path.name, images.resize(images.read(path, 3).pixels, 16, 16))
    command = [
        "--model",
        str(run_dir),
        "--input",
        str(data / "valA"),
        "--output",
        str(tmp_path / "out"),
        "--resize",
        "train",
        "--keep-resized",
    ]
    assert infer.main(command) == 0
    folders = ["--results", tmp_path / "out", "--truth", tmp_path / "valB", "--inputs", tmp_path / "valA"]
    assert evaluate(*folders, "--metrics", ",".join(expected), *NETWORKS)["metrics"] == expected
    (tmp_path / "out" / "002.png").rename(tmp_path / "out" / "two.png")
    unpaired = evaluate(*folders[:4], "--metrics", "fid,kid", *NETWORKS)["metrics"]
    assert unpaired["fid"] == pytest.approx(expected["fid"], rel=1e-6), "sets need no pairs"


def test_equal_folders_are_perfect_and_the_table_says_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluate("--results", data / "valA", "--truth", data / "valA")
    assert result["metrics"] == {"l1": 0.0, "psnr": 100.0, "ssim": pytest.approx(1.0)}
    said = capsys.readouterr().out
    assert "images     4" in said
    assert "psnr       100          higher is better: peak signal-to-noise ratio, dB" in said


def test_structure_needs_no_truth(data: Path) -> None:
    """As a stylizer's results are measured, which have none."""
    folders = ["--results", data / "valB", "--inputs", data / "valA"]
    expected = evaluate(*folders, "--metrics", "structure", *NETWORKS)["metrics"]
    assert set(expected) == {"structure"}
    assert evaluate(*folders, *NETWORKS)["metrics"] == expected
    result = evaluate(*folders, "--truth", data / "valB", *NETWORKS)
    assert set(result["metrics"]) == {"l1", "psnr", "ssim", "structure"}
    assert result["what"] == {"results": str(data / "valB"), "truth": str(data / "valB"), "inputs": str(data / "valA")}


def test_seams_need_nothing_to_compare_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ramp = np.arange(0, 80, 2, dtype=np.uint8)
    seamless = np.broadcast_to(ramp[:, None, None] + ramp[None, :, None], (40, 40, 3)).copy()
    tiled = seamless.copy()
    tiled[16:] += 10  # across this border of two it changes by 12, where it changes by 2
    images.write(tmp_path / "out/a.png", seamless)
    images.write(tmp_path / "out/b.png", tiled)
    result = evaluate("--results", tmp_path / "out", "--seams", 16)
    assert result["metrics"] == {}
    assert result["seam"] == {"tile": 16, "index": pytest.approx((1.0 + ((12 + 2) / 2 / 2 + 1) / 2) / 2)}
    assert "seam       1.625 " in capsys.readouterr().out
    assert evaluate("--results", tmp_path / "out", "--truth", tmp_path / "out")["seam"] is None


def test_the_domains_may_lie_apart(data: Path, tmp_path: Path) -> None:
    for domain in "AB":
        for split in ("train", "val"):
            shutil.copytree(data / f"{split}{domain}", tmp_path / domain / split)
    expected = train("cyclegan", tmp_path / "A", tmp_path / "run", "kid", f"data.root_b={tmp_path / 'B'}")
    got = evaluate("--model", tmp_path / "run", "--data", tmp_path / "A", "--data-b", tmp_path / "B", "--metrics", "kid", *NETWORKS)
    assert got["metrics"] == {"kid": expected["kid"]}


def test_the_numbers_are_kept_where_the_terminal_cannot_show_them(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "valA", tmp_path / "u_\u00e9")
    command = ["-m", "gan_style", "evaluate", "--results", "u_\u00e9", "--truth", "u_\u00e9", "--json", "scores.json"]
    done = warm.run(command, tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and "\\xe9" in done.stdout
    assert json.loads((tmp_path / "scores.json").read_text())["what"]["results"] == "u_\u00e9"


def test_a_disk_that_fills_meanwhile_leaves_the_table(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write_text", full)
    assert run(["evaluate", "--results", str(data / "valA"), "--truth", str(data / "valA"), "--json", "scores.json"]) == 2
    said = capsys.readouterr()
    assert "psnr       100" in said.out and "--json scores.json: cannot be written (No space left on device)" in said.err
