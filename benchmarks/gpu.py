"""What the owner of a GPU runs first: python benchmarks/gpu.py [--minutes 10] [--output FILE].

It proves on this GPU what was written without one, and measures, within the minutes, and writes one page:

  the tests of tests/gpu: no step waits for the device, steps are the CPU's, runs go on, compiled networks learn the same; beside them
  resumed runs beside unbroken ones; two processes beside one (on two GPUs where there are two, else on the CPU)
  the tables of benchmarks/step.py, infer.py and input.py
  every method x precision x memory format x compilation: smoke recipes, their losses finite, and the seconds of a step

What fails is a line with its reason and ends nothing. What finds no time is named at the end. `--rehearse` runs a small part on a CPU.
"""

import argparse
import datetime
import itertools
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from page import Page, last_line, rows_of, started
from safetensors.torch import load_file

from gan_style.methods import METHODS
from gan_style.version import VERSION

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
PATIENCE = 120  # seconds for one combination
ALONE = ("method.generator.norm=instance", "method.discriminator.norm=instance", "train.dtype=float64")  # no batch is mixed
TABLES = [  # options of benchmarks/step.py, the most wanted first
    *([work, 1, "float32", "bf16", "bf16 compiled", "bf16 graphs"] for work in ("pix2pix-256", "cyclegan-256")),
    *([work, batch, "float32", "bf16"] for work, batch in (("cyclegan-256", 4), ("pix2pix-256", 16))),
    *([work, 1, "float32", "bf16"] for work in ("cut-256", "pix2pixhd-256", "pix2pix-128")),
    *([work, 1, "float32 NCHW", "float32 NHWC", "bf16 NCHW", "bf16 NHWC"] for work in ("pix2pix-256", "cyclegan-256")),
    *([work, batch, "float32", "bf16"] for work, batch in (("cut-256", 4), ("pix2pixhd-256", 4), ("pix2pix-256", 4), ("cyclegan-256", 16))),
]


def main() -> int:
    """Measure and write the page. Returns the exit code: 1 if something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="for all parts together (default: %(default)g)")
    parser.add_argument("--output", type=Path, help="the page (default: one of today in docs/results)")
    parser.add_argument("--rehearse", action="store_true", help="a small part on a CPU, to see that this program works")
    options = parser.parse_args()
    if not options.rehearse and not torch.cuda.is_available():
        parser.error("torch sees no CUDA GPU here; --rehearse runs a small part on a CPU")
    output = options.output or (ROOT / "docs/results" / f"{datetime.date.today()}-gpu").with_suffix(".md")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, **({"ACCELERATE_USE_CPU": "true"} if options.rehearse else {})}
    with tempfile.TemporaryDirectory() as folder:
        page = Page(output.absolute(), 60 * options.minutes, Path(folder), environment)
        try:
            measure(page, options.rehearse)
        finally:
            page.write()
    print(f"{output}: written")
    return 1 if "FAILED" in output.read_text(encoding="utf-8") else 0


def measure(page: Page, rehearse: bool) -> None:
    """All parts, the most wanted first."""
    methods = ["pix2pix"] if rehearse else list(METHODS)
    machine(page, rehearse)
    with ThreadPoolExecutor() as pool:  # no part of these is timed
        proofs = [
            pool.submit(tests, page, rehearse),
            pool.submit(resumes, page, methods, 0.3),
            pool.submit(two_processes, page, methods[:1] if rehearse else ["pix2pix", "cyclegan"], rehearse, 0.3),
        ]
    for proof in proofs:
        proof.result()
    if rehearse:
        combinations(page, "Uncompiled", methods, ["true"], ["no", "bf16", "fp16"], ["off"], 0.25)
        table(page, "Translating", ["infer.py", "--pictures", "1", "--rounds", "1", "--base-channels", "8", "--device", "cpu"])
        page.left_out += ["compiled combinations and tests, benchmarks/step.py and input.py: this is a rehearsal"]
        return
    steps(page, TABLES[:4])
    table(page, "Translating", ["infer.py", "--pictures", "16", "--device", "cuda", "--compile"])
    combinations(page, "Uncompiled", methods, ["false", "true"], ["bf16", "no", "fp16"], ["off"], 0.2)
    steps(page, TABLES[4:])
    table(page, "Input", ["input.py", "--rounds", "3", "--pairs", "12"])
    combinations(page, "Compiled", methods, ["true"], ["bf16", "no", "fp16"], ["on", "graphs"], 1.0)


def machine(page: Page, rehearse: bool) -> None:
    """The hardware and the versions."""
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    gpus = [] if rehearse else [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    rows = [
        ("GPU", "none: a rehearsal on a CPU" if rehearse else ", ".join(f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB" for gpu in gpus)),
        ("compute capability", ", ".join(f"{gpu.major}.{gpu.minor}" for gpu in gpus) or "-"),
        ("CPU", f"{os.cpu_count()} cores, {platform.machine()}"),
        ("torch, CUDA, cuDNN", f"{torch.__version__}, {torch.version.cuda}, {torch.backends.cudnn.version()}"),
        ("Python", platform.python_version()),
        ("gan_style", f"{VERSION} {commit}"),
    ]
    page.parts.append(f"# {'A rehearsal without a GPU' if rehearse else gpus[0].name} ({datetime.date.today()})\n")
    page.add(
        "Machine",
        f"`python benchmarks/gpu.py --minutes {page.seconds / 60:g}{' --rehearse' if rehearse else ''}`",
        "",
        *rows_of(["", ""], rows),
    )


def tests(page: Page, rehearse: bool) -> None:
    """The outcome of tests/gpu, by test. Several processes run them where pytest-xdist is there."""
    command = [PYTHON, "-m", "pytest", ROOT / "tests/gpu", f"--rootdir={ROOT}", f"--config-file={ROOT}/pyproject.toml"]
    device = "cpu" if rehearse else "cuda"
    options = ["-vv", "--tb=line", "-p", "no:cacheprovider", f"--gpu-tests-on={device}"]
    if rehearse:
        options += ["-k", "not compiled and pix2pix and not fp16"]
    if find_spec("xdist"):
        options += ["-n", str(min(8, max(1, (os.cpu_count() or 1) // 2))), "--dist", "worksteal"]
    code, said, _ = page.run([*command, *options], page.left(0.35), OMP_NUM_THREADS="2", TORCHINDUCTOR_COMPILE_THREADS="2")
    ended = re.findall(r"^\S*tests/gpu/\S+::test_(\w+)\S* (PASSED|FAILED|SKIPPED|ERROR)", said, re.MULTILINE)
    ended += [
        (name, outcome)
        for outcome, name in re.findall(r"^\[gw\d+\].*? (PASSED|FAILED|SKIPPED|ERROR) \S*tests/gpu/\S+::test_(\w+)", said, re.MULTILINE)
    ]
    counts = Counter(ended)
    names = dict.fromkeys(name for name, _ in ended)
    rows = [(name.replace("_", " "), *(counts[name, outcome] for outcome in ("PASSED", "SKIPPED", "FAILED", "ERROR"))) for name in names]
    reasons = re.findall(r"^(FAILED|ERROR) \S*?::(\S+)(?: - (.*))?$", said, re.MULTILINE)
    lines = rows_of(["test", "passed", "skipped", "failed", "error"], rows) if rows else ["FAILED: " + last_line(said)]
    page.add("Tests", *lines, "", *(f"- FAILED: {test}: {reason}" for _, test, reason in reasons))
    if code is None:
        page.left_out.append(f"tests: those after the first {len(ended)}")


def combinations(
    page: Page, title: str, methods: list[str], formats: list[str], precisions: list[str], compiled: list[str], share: float
) -> None:
    """A row for each method, precision and memory format, with the seconds of a step for each way to compile."""
    settings = [*itertools.product(precisions, formats, methods)]
    keys = ("train.mixed_precision", "train.channels_last", "train.compile")
    tasks = [
        {"method": method, "keys": dict(zip(keys, (precision, layout, way), strict=True))}
        for (precision, layout, method), way in itertools.product(settings, compiled)
    ]
    results = outcomes(page, tasks, page.left(share))
    rows, remarks, without = [], list[str](), list[str]()
    for place, (precision, layout, method) in enumerate(settings):
        cells = []
        for offset, way in enumerate(compiled):
            result = results.get(place * len(compiled) + offset)
            what = f"{method}, {precision}, {'channels last' if layout == 'true' else 'NCHW'}, compile {way}"
            if result is None:
                without.append(what)
            elif "failure" in result:
                remarks.append(f"- FAILED: {what}: {result['failure']}")
            else:
                remarks += [f"- {what}: {note}" for note in result["notes"]]
            cells.append("-" if result is None else "FAILED" if "failure" in result else f"{result['seconds']:.4f}")
        if {*cells} != {"-"}:
            rows.append((method, precision, "channels last" if layout == "true" else "NCHW", *cells))
    if not rows:
        page.left_out.append(f"every method, {title.lower()}")
        return
    if without:
        page.left_out.append(f"{len(without)} of {len(tasks)} combinations: {'; '.join(without)}")
    heads = ["method", "precision", "format", *(f"s a step, compile {way}" for way in compiled)]
    about = "Smoke recipes by `gan_style.train`, data and log included; every loss is finite unless a row says otherwise."
    page.add(f"Every method: {title.lower()}", about, "", *rows_of(heads, rows), "", *remarks)


def resumes(page: Page, methods: list[str], share: float) -> None:
    """How far resumed runs and second runs are from unbroken ones."""
    tasks = [{"method": method, "keys": {"train.compile": "off", "train.cudnn_benchmark": "off"}, "resume": True} for method in methods]
    results = outcomes(page, tasks, page.left(share))
    rows = []
    for place, method in enumerate(methods):
        result = results.get(place)
        if result is None:
            page.left_out.append(f"{method}, resumed")
        elif "failure" in result:
            rows.append((method, "FAILED", result["failure"]))
        else:
            rows.append((method, *("the same bits" if result[name] == 0 else f"{result[name]:.1e}" for name in ("resumed", "again"))))
    about = "The largest difference of a weight from an unbroken run. Where a second one differs too, the device sums in any order."
    page.add("Resumed runs", about, "", *rows_of(["method", "stopped and resumed", "another unbroken run"], rows))


def outcomes(page: Page, tasks: list[dict[str, Any]], seconds: float) -> dict[int, dict[str, Any]]:
    """The results of tasks of benchmarks/tools/combinations.py by their places; those without a result found no time.

    A process that ends, or that takes too long for a task, is followed by another one, which begins with the next task.
    """
    end, found, first = time.monotonic() + seconds, dict[int, dict[str, Any]](), 0
    while first < len(tasks) and time.monotonic() < end:
        folder = Path(tempfile.mkdtemp(dir=page.folder))
        results = folder / "results.jsonl"
        (folder / "tasks.json").write_text(json.dumps(tasks[first:]))
        command = [PYTHON, ROOT / "benchmarks/tools/combinations.py", "tasks.json", results]
        with started(command, folder, page.environment, folder / "output", folder / "errors") as process:
            running, since = 0, time.monotonic()
            while (code := process.poll()) is None and time.monotonic() < min(end, since + PATIENCE):
                time.sleep(0.2)
                if (now := max((line["task"] for line in results_of(results)), default=0)) != running:
                    running, since = now, time.monotonic()
        found |= {first + line["task"]: line for line in results_of(results) if len(line) > 1}
        last = max((first + line["task"] for line in results_of(results)), default=first)
        if last not in found and code is not None:
            found[last] = {"failure": f"the process ended: {last_line((folder / 'errors').read_text(errors='replace'))}"}
        elif last not in found and time.monotonic() < end:
            found[last] = {"failure": f"took longer than {PATIENCE} s"}
        first = last + 1
    return found


def results_of(path: Path) -> list[dict[str, Any]]:
    """The whole lines of the results so far."""
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")] if path.exists() else []


def two_processes(page: Page, methods: list[str], rehearse: bool, share: float) -> None:
    """The largest difference between the weights that one process trains and those of two, in float64."""
    end = time.monotonic() + page.left(share)
    on_gpus = not rehearse and torch.cuda.device_count() > 1
    variables = {} if on_gpus else {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    rows: list[tuple[object, ...]] = []
    for method in methods:
        for processes in (1, 2):
            launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"] if processes == 2 else []
            keys = [f"run_dir={processes}/{method}", *ALONE, "train.steps=5", "train.compile=off", "logging.samples=0"]
            command = [PYTHON, *launcher, ROOT / "train.py", f"--config=smoke/{method}", *keys]
            code, _, complaints = page.run(command, end - time.monotonic(), **variables)
            if code is None:
                page.left_out.append(f"{method} by two processes")
                break
            if code:
                rows.append((method, f"FAILED: {last_line(complaints)}"))
                break
        else:
            folders = [page.folder / f"{processes}/{method}/checkpoints/step_0000005" for processes in (1, 2)]
            alone, together = (load_file(folder / "networks.safetensors") for folder in folders)
            largest = max((together[key] - value).abs().max().item() for key, value in alone.items())
            rows.append((method, f"{largest:.1e}" if largest < 1e-7 else f"FAILED: {largest:.1e}"))
    where = "Two processes on two GPUs" if on_gpus else "Two processes on the CPU, because there are not two GPUs"
    page.add("One process and two", f"{where}, in float64.", "", *rows_of(["method", "largest difference of a weight"], rows))


def steps(page: Page, tables: list[list[Any]]) -> None:
    """Tables of benchmarks/step.py."""
    for work, batch, *variants in tables:
        title = f"A step: {work}, batch {batch}" + (", compiled" if "bf16 compiled" in variants else "")
        table(page, title, ["step.py", "--rounds", "15", "--work", work, "--batch", str(batch), "--variant", *variants])


def table(page: Page, title: str, command: list[str]) -> None:
    """What a benchmark prints."""
    code, said, complaints = page.run([PYTHON, ROOT / "benchmarks" / command[0], *command[1:]], page.left())
    if code is None:
        page.left_out.append(title)
    elif code:
        page.add(title, f"FAILED: {last_line(complaints)}")
    else:
        page.add(title, re.sub(r"^#.*\n\n?", "", said.strip(), flags=re.MULTILINE))


if __name__ == "__main__":
    sys.exit(main())
