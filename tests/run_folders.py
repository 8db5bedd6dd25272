"""Run folders as training leaves them, written by hand: what reports are made of."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

CONFIG: dict[str, Any] = {
    "run_dir": "runs/x",
    "method": {"name": "pix2pix"},
    "data": {"root": "data/demo/paired"},
    "optim": {"lr": 2e-4},
    "train": {"steps": 4000},
}
EVIL = "<script>window.stolen = 1</script>\"'>&<img src=x onerror='window.stolen = 1'>"


def make_run(folder: Path, lines: int = 40, grids: int = 3, config: Mapping[str, Any] = CONFIG, **metrics: float) -> Path:
    """A run that logged every 50 steps and drew every 500; `metrics` are added to each line."""
    (folder / "samples").mkdir(parents=True)
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    with (folder / "metrics.jsonl").open("w", encoding="utf-8") as file:
        for line in range(1, lines + 1):
            losses = {"loss/discriminator_fake": 0.5 / line, "loss/discriminator_real": 0.4 / line, "loss/l1": 12.5 + line}
            rates = {"lr/discriminator": 2e-4, "lr/generator": 2e-4}
            pace = {"images_per_second": 31.25, "data_wait": 0.04}
            health = {"health/a2b_deviation": 0.3 + 0.01 * math.sin(line)}
            file.write(json.dumps({"step": line * 50, "time": 1000.0 + 60 * line, **losses, **health, **rates, **pace, **metrics}) + "\n")
    for place in range(1, grids + 1):
        draw_grid(folder, place * 500)
    return folder


def draw_grid(folder: Path, step: int) -> None:
    """A sample grid whose colour tells its step."""
    Image.new("RGB", (30, 20), (step // 500 % 256, 0, 0)).save(folder / "samples" / f"step_{step:07d}.png")


def hostile_run(folder: Path) -> Path:
    """A run in which every text that a stranger can choose is a script."""
    run = make_run(folder / EVIL.replace("/", "|"), lines=1)
    config = {"method": {"name": EVIL}, "data": {"root": EVIL}, "train": {"steps": 9}, "note": "</pre></script>" + EVIL}
    (run / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    metrics = {
        f"loss/{EVIL}_x": 1.0,
        f"loss/{EVIL}_y": None,
        f"lr/{EVIL}": 1.0,
        f"lr/{EVIL}2": 2.0,
        f"val/{EVIL}": 3.0,
        f"{EVIL}": 3.0,
        f"health/{EVIL}_change": 3.0,
    }
    lines = [{"step": step, **metrics, "alarms": [EVIL]} for step in (1, 2)]
    (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    start = {"step": 0, "time": 5.0, "hardware": {EVIL: EVIL}, "ended": EVIL}
    record = {"players": {EVIL: [f"{EVIL}_x"]}, "starts": [start, {**start, "time": 6.0}]}
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return run
