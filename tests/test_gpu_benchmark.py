"""`make bench-gpu` rehearsed on the CPU: each of its parts runs, and a failure is a row."""

import json
import subprocess
import sys
from pathlib import Path

import warm
from tiny import ROOT


def test_a_rehearsal_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page"
    command = [sys.executable, ROOT / "benchmarks/gpu.py", "--rehearse", f"--output={page}"]
    environment = {"PYTHONPATH": warm.PYTHONPATH, "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    text = page.read_text(encoding="utf-8")
    parts = text.split("\n## ")
    named = {part.splitlines()[0]: part for part in parts}
    titles = [*named][1:]
    assert (titles[0], {*titles[1:4]}) == ("Machine", {"Tests", "Resumed runs", "One process and two"}), done.stderr
    assert titles[4:] == ["Every method: uncompiled", "Translating", "Left out for want of time"]
    assert "| a step that is not logged never waits |" in named["Tests"]
    assert "| pix2pix | bf16 | channels last | 0." in named["Every method: uncompiled"]
    assert "- FAILED: pix2pix, fp16, channels last, compile off: UserError: train.mixed_precision: fp16 needs a GPU" in text
    assert "| pix2pix | the same bits | the same bits |" in named["Resumed runs"]
    assert "| pix2pix | " in named["One process and two"] and "| bf16 | " in named["Translating"]
    assert text.count("FAILED") == 2, "the cell and the reason of fp16, which a CPU does not have"
    assert done.returncode == 1


def test_without_a_gpu_the_command_says_how_to_rehearse_it() -> None:
    command = [sys.executable, ROOT / "benchmarks/gpu.py"]
    environment = {"PYTHONPATH": warm.PYTHONPATH, "CUDA_VISIBLE_DEVICES": "", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "gpu.py: error: torch sees no CUDA GPU here; --rehearse runs a small part on a CPU"


WORKER = """
import json, sys, time
from pathlib import Path

def note(line):
    with open(sys.argv[2], "a") as file:
        file.write(json.dumps(line) + "\\n")

for place, task in enumerate(json.loads(Path(sys.argv[1]).read_text())):
    note({"task": place})
    if task == "hangs":
        time.sleep(60)
    if task == "dies":
        sys.exit("a wound")
    note({"task": place, "seconds": 1.0})
"""
PARENT = """
import json, os, sys
from pathlib import Path
import gpu
from page import Page

gpu.ROOT, gpu.PATIENCE = Path(sys.argv[1]), 2
page = Page(gpu.ROOT / "page", 60, gpu.ROOT, dict(os.environ))
tasks = ["fine", "dies", "fine", "hangs", "fine", "dies"]
print(json.dumps([gpu.outcomes(page, tasks, 60), gpu.outcomes(page, ["hangs", "fine"], 1)]))
"""


def test_a_combination_that_kills_or_hangs_its_process_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "benchmarks/tools").mkdir(parents=True)
    (tmp_path / "benchmarks/tools/combinations.py").write_text(WORKER)
    environment = {"PYTHONPATH": f"{ROOT / 'benchmarks'}:{warm.PYTHONPATH}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", PARENT, tmp_path], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, nothing = json.loads(done.stdout)
    died, hung = "the process ended: a wound", "took longer than 2 s"
    assert {place: result.get("failure") for place, result in found.items()} == dict(
        zip("012345", [None, died, None, hung, None, died], strict=True)
    )
    assert nothing == {}, "what has found no time has no result"
