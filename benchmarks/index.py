"""The list of a folder of many files: python benchmarks/index.py [--files 1000000] [--folders 1000].

Makes the files (empty ones) in a temporary folder and prints a table: how long it takes to find them without and with a kept
list, and what the training process and each of two loading processes need after an epoch of keys, images left out. "tuple" is
the former way: a tuple of texts, and every loading process making the order of an epoch for itself. Linux only.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import Sample, SamplePlace, TrainingSet
from gan_style.datasets.listing import SETTLED
from gan_style.datasets.loading import training_loader
from gan_style.datasets.sources import find

BATCH = 1000
BLANK = torch.zeros(1, 1, 1)


def main() -> None:
    """Make the files, measure in fresh processes, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--measure", nargs=4, metavar=("ROOT", "LIST", "START", "STEPS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    print("| files | list | workers start by | list ready, s | training process: before, peak, MB | a worker: private, share, MB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder, "few"), Path(folder, "many")
        make_files(few, BATCH, 1)
        make_files(many, options.files, options.folders)
        time.sleep(SETTLED / 1e9 + 1)
        for root, kind, start in (
            (few, "made", "fork"),
            (many, "tuple", "fork"),
            (many, "made", "fork"),
            (many, "kept", "fork"),
            (few, "made", "spawn"),
            (many, "tuple", "spawn"),
            (many, "kept", "spawn"),
        ):
            command = [sys.executable, __file__, "--measure", str(root), kind, start, str(options.files // BATCH)]
            environment = {**os.environ, "GAN_STYLE_CACHE": os.devnull if kind == "tuple" else f"{folder}/index"}
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            print(
                f"| {found['files']} | {kind} | {start} | {found['seconds']:.2f} "
                f"| {found['before']:.0f}, {found['peak']:.0f} | {found['private']:.0f}, {found['share']:.0f} |",
                flush=True,
            )
        print(f"the kept list: {sum(path.stat().st_size for path in Path(folder, 'index').iterdir()) / 1e6:.0f} MB on the disk")


def make_files(root: Path, files: int, folders: int) -> None:
    """`files` empty files below root/train/."""
    for number in tqdm(range(folders), desc="making files", leave=False, disable=None):
        folder = root / "train" / f"folder_{number:04d}"
        folder.mkdir(parents=True)
        for place in range(number, files, folders):
            os.close(os.open(folder / f"picture_{place:07d}.png", os.O_CREAT | os.O_WRONLY))


def measure(root: str, kind: str, start: str, steps: str) -> dict[str, float]:
    """Find the files and draw keys with two loading processes."""
    before = memory()["Rss"]
    begin = time.perf_counter()
    source = find(root, "aligned", "train", paired=True)
    seconds = time.perf_counter() - begin
    assert source is not None
    if kind == "tuple":
        source = replace(source, a=tuple(source.a), b=tuple(source.b))
    config = DataConfig(root=root, workers=2)
    dataset = (FormerKeys if kind == "tuple" else KeysAlone)(source, config, 0)
    loader = training_loader(dataset, config, 0, int(steps), BATCH)
    loader.start_method = start
    workers: dict[int, dict[str, float]] = {}
    for batch in loader:
        used = json.loads(batch.keys["b"][-1])
        workers[used.pop("pid")] = used
    return {
        "files": len(source.a),
        "seconds": seconds,
        "before": before,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "private": max(each["Private"] for each in workers.values()),
        "share": max(each["Pss"] for each in workers.values()),
    }


class KeysAlone(TrainingSet):
    """Samples without images; at the end of a batch the key of domain B says what memory the process has."""

    def read(self, place: SamplePlace) -> Sample:
        key = self.source.a[place.reads[0].image]
        used = json.dumps({"pid": os.getpid(), **memory()}) if place.slot == BATCH - 1 else ""
        return Sample({"a": BLANK, "b": BLANK}, {"a": key, "b": used}, place.slot, place.number)


class FormerKeys(KeysAlone):
    """Every loading process makes the order of an epoch for itself."""

    def place(self, number: int, slot: int) -> SamplePlace:
        return SamplePlace(slot, number, ())

    def read(self, place: SamplePlace) -> Sample:
        return super().read(super().place(place.number, place.slot))


def memory() -> dict[str, float]:
    """Megabytes of this process: resident, private, and its share where it shares."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    found = {name: int(size.split()[0]) / 1e3 for name, size in (line.split(":") for line in lines)}
    return {"Rss": found["Rss"], "Private": found["Private_Clean"] + found["Private_Dirty"], "Pss": found["Pss"]}


if __name__ == "__main__":
    main()
