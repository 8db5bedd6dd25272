"""Flicker of a translated video: python benchmarks/video.py [--model RUN_DIR] [--sheet FILE].

RUN_DIR translates the demo's label maps of streets into pictures (`gan-style train --config demo`). Without --model a small residual
generator is trained on the demo set, which takes minutes. The clip has two shots over streets
that the demo does not hold: in the first the camera stands still, in the second it moves by 2 pixels a frame. A yellow car, as large as a
truck, crosses both. So the motion of every pixel is known. Printed for each way:

  still    warping error of the first shot: the mean difference of neighbouring frames, in levels of 255, without the car and 16 pixels
           around it, where the input does not change at all
  moving   the same in the second shot, where the frame before is moved by the known motion
  sway     standard deviation over the first shot of the mean level of what the car never touches
  L1       mean difference from the true picture of the street, without the car: what shared statistics cost
  seconds  of the commands with their start, with one thread; of four commands for "one frame", of the calls alone for "per frame"

  per frame      each frame as a picture: gan_style.load
  image          infer, lossless: the same as per frame
  one frame      infer --statistics FILE, the statistics of the first frame of each shot
  shared         infer --statistics shared
  without cuts   the same, and the statistics go on over the cut
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import gan_style
from gan_style.demo.sets import draw_paired
from gan_style.demo.street_map import PALETTE, StreetClass
from gan_style.files.sheet import tile as sheet_of

HEIGHT, WIDTH = 192, 256
LENGTH = 60  # frames of a shot
STEPS = (0, 2)  # pixels by which the camera moves in a frame, in each shot
CAR = (8, 52)  # frames of a shot in which the car is in view
CAR_TOP, CAR_BOTTOM, CAR_WIDTH = 90, 180, 110
MARGIN = 16  # pixels around the car, which a network may see from there
NAMES = ("per frame", "image", "one frame", "shared", "without cuts")


def clip(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """The frames of the label maps, the true pictures, and where no car is: [n][HEIGHT, WIDTH, 3 or 1]."""
    draw_paired(folder, train=0, val=2, size=512, seed=2026)
    colours = np.array(PALETTE, np.uint8).reshape(-1, 3)
    maps, truths, free = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for name, step in zip(sorted(path.stem for path in (folder / "valA").iterdir()), STEPS, strict=True):
        labels = colours[np.array(Image.open(folder / "valA" / f"{name}.png"))]
        street = np.array(Image.open(folder / "valB" / f"{name}.jpg").convert("RGB"))
        for frame in range(LENGTH):
            view = np.s_[512 - HEIGHT - 64 : 512 - 64, step * frame : step * frame + WIDTH]
            seen, mask = labels[view].copy(), np.ones((HEIGHT, WIDTH, 1), bool)
            if CAR[0] <= frame < CAR[1]:
                left = WIDTH - (WIDTH + CAR_WIDTH) * (frame - CAR[0]) // (CAR[1] - CAR[0])
                seen[CAR_TOP:CAR_BOTTOM, max(0, left) : max(0, left + CAR_WIDTH)] = colours[StreetClass.CAR]
                mask[CAR_TOP - MARGIN : CAR_BOTTOM + MARGIN, max(0, left - MARGIN) : max(0, left + CAR_WIDTH + MARGIN)] = False
            maps.append(seen)
            truths.append(street[view])
            free.append(mask)
    return maps, truths, free


def measures(results: Sequence[np.ndarray], truths: Sequence[np.ndarray], free: Sequence[np.ndarray]) -> list[float]:
    """still, moving, sway and L1."""
    frames = [result.astype(np.float64) for result in results]
    errors = []
    for shot, step in enumerate(STEPS):
        pairs = range(shot * LENGTH + 1, (shot + 1) * LENGTH)
        errors.append(float(np.mean([_warped(frames[n - 1], frames[n], free[n - 1], free[n], step) for n in pairs])))
    sway = np.std([frame[: CAR_TOP - MARGIN].mean() for frame in frames[:LENGTH]])
    distances = [(np.abs(a - b) * mask).sum() / (3 * mask.sum()) for a, b, mask in zip(frames, truths, free, strict=True)]
    return [*errors, float(sway), float(np.mean(distances))]


def _warped(before: np.ndarray, now: np.ndarray, free_before: np.ndarray, free_now: np.ndarray, step: int) -> float:
    end = now.shape[1] - step
    valid = free_now[:, :end] & free_before[:, step:]
    return float((np.abs(now[:, :end] - before[:, step:]) * valid).sum() / (3 * valid.sum()))


def write_clip(path: Path, frames: Sequence[np.ndarray]) -> None:
    """Losslessly."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "bgr0"
        stream.codec_context.time_base = Fraction(1, 24)
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def read_clip(path: Path) -> list[np.ndarray]:
    """[n][H, W, 3]"""
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def infer(model: Path, source: Path, output: Path, *options: str, cut: float | None = None) -> float:
    """Run infer; returns the seconds. cut: another threshold of cuts"""
    program = "import sys; from gan_style.translation import cuts; from gan_style.__main__ import main\n"
    program += f"cuts.LARGEST = {cut}\n" if cut is not None else ""
    words = [sys.executable, "-c", program + "main()", "infer", "--model", str(model), "--input", str(source), "--output", str(output)]
    begun = time.perf_counter()
    subprocess.run([*words, "--device", "cpu", *options], check=True, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
    return time.perf_counter() - begun


def main() -> None:
    """Print the table, and write the sheet if one is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        model = options.model or _trained(work / "run")
        maps, truths, free = clip(work / "streets")
        write_clip(work / "clip.mkv", maps)
        lossless = ("--codec", "ffv1")
        results: dict[str, tuple[list[np.ndarray], float]] = {}
        translate = gan_style.load(model, device="cpu")
        begun = time.perf_counter()
        results["per frame"] = [translate(frame) for frame in maps], time.perf_counter() - begun
        results["image"] = _of(work, "image", infer(model, work / "clip.mkv", work / "image", *lossless))
        results["one frame"] = _one_frame(model, work, maps)
        results["shared"] = _of(work, "shared", infer(model, work / "clip.mkv", work / "shared", *lossless, "--statistics", "shared"))
        seconds = infer(model, work / "clip.mkv", work / "uncut", *lossless, "--statistics", "shared", cut=9.0)
        results["without cuts"] = _of(work, "uncut", seconds)
    print(f"{'':14}{'still':>8}{'moving':>8}{'sway':>8}{'L1':>8}{'seconds':>9}")
    for name in NAMES:
        frames, seconds = results[name]
        print(f"{name:14}" + "".join(f"{value:8.3f}" for value in measures(frames, truths, free)) + f"{seconds:9.1f}")
    same = all(np.array_equal(a, b) for a, b in zip(results["per frame"][0], results["image"][0], strict=True))
    print(f"image equals per frame in every pixel: {same}")
    if options.sheet:
        chosen = (0, CAR[0] + 14, CAR[1] - 14, LENGTH - 1, LENGTH, LENGTH + CAR[0] + 14, 2 * LENGTH - 1)
        rows = [[source[frame] for frame in chosen] for source in (maps, results["per frame"][0], results["shared"][0], truths)]
        Image.fromarray(sheet_of(rows)).save(options.sheet)


def _trained(run_dir: Path) -> Path:
    generator = {"name": "resnet", "base_channels": 16, "num_blocks": 4, "norm": "instance"}
    gan_style.train("demo", {"run_dir": str(run_dir), "method.generator": generator, "train.steps": 500})
    return run_dir


def _of(work: Path, name: str, seconds: float) -> tuple[list[np.ndarray], float]:
    return read_clip(work / name / "clip.mkv"), seconds


def _one_frame(model: Path, work: Path, maps: Sequence[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """Each shot with the statistics of its first frame."""
    frames, seconds = list[np.ndarray](), 0.0
    for shot in range(len(STEPS)):
        first = shot * LENGTH
        table, output = work / f"{shot}.safetensors", work / f"shot_{shot}"
        Image.fromarray(maps[first]).save(work / f"first_{shot}.png")
        seconds += infer(model, work / f"first_{shot}.png", output, "--save-statistics", str(table))
        (work / f"{shot}").mkdir()
        write_clip(work / f"{shot}" / "clip.mkv", maps[first : first + LENGTH])
        seconds += infer(model, work / f"{shot}" / "clip.mkv", output, "--codec", "ffv1", "--statistics", str(table))
        frames += read_clip(output / "clip.mkv")
    return frames, seconds


if __name__ == "__main__":
    main()
