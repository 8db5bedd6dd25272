"""Draws docs/pictures/<method>_matrix.png and <method>_controls.png: python docs/draw_styles.py --fast-style RUN --adain RUN --gan RUN.

The commands of the runs are in docs/results/2026-11-27-h200.md. Photos are the demo's held-out landscapes, styles the demo's, and for adain
an autumn landscape, which is no style of its training; `gan-style infer` makes every picture.
"""

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np

from gan_style.commands.infer import infer_command
from gan_style.files import images, sheet

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
DEMO = ROOT / "data" / "demo"
SIDE = 160  # of a picture as it is shown
STYLES = {name: DEMO / "styles" / f"{name}.png" for name in ("glass", "mosaic", "strokes", "waves")}
UNSEEN = {"autumn": DEMO / "unpaired" / "valB" / "autumn_0123.jpg"}


class Stylizer:
    """`gan-style infer` on one run, at 256 pixels. style_size: of adain, whose styles are pictures"""

    def __init__(self, run: Path, folder: Path, style_size: int | None = None) -> None:
        self.run, self.folder, self.style_size = run, folder, style_size
        self.styles = {**STYLES, **(UNSEEN if style_size else {})}

    def __call__(self, photo: Path, styles: dict[str, float], *options: str) -> np.ndarray:
        given = [f"{self.styles[name] if self.style_size else name}:{share}" for name, share in styles.items()]
        size = ["--style-size", str(self.style_size)] if self.style_size else []
        files = ["--model", str(self.run), "--input", str(photo), "--output", str(self.folder), "--overwrite"]
        with contextlib.redirect_stdout(io.StringIO()):
            infer_command([*files, "--resize", "256", "--keep-resized", "--style", *given, *size, *options])
        return framed(self.folder / f"{photo.stem}.png")


def matrix(stylizer: Stylizer, photos: list[Path]) -> list[list[np.ndarray]]:
    """The styles above, the photos on the left."""
    blank = np.full((SIDE + 4, SIDE + 4, 3), 255, np.uint8)
    rows = [[blank, *map(framed, stylizer.styles.values())]]
    return rows + [[framed(photo), *(stylizer(photo, {name: 1.0}) for name in stylizer.styles)] for photo in photos]


def controls(stylizer: Stylizer, photo: Path) -> list[list[np.ndarray]]:
    """photo | strength 0.5 | two styles mixed | the first in the upper half, the second in the lower | luminance | histogram"""
    first, second = "waves", "mosaic"
    upper = np.zeros((*images.read(photo, 3).pixels.shape[:2], 1), np.uint8)
    upper[: len(upper) // 2] = 255
    masks = [stylizer.folder / "upper" / "mask.png", stylizer.folder / "lower" / "mask.png"]
    for mask, pixels in zip(masks, (upper, 255 - upper), strict=True):
        images.write(mask, pixels)
    row = [framed(photo), stylizer(photo, {first: 1.0}, "--strength", "0.5"), stylizer(photo, {first: 0.5, second: 0.5})]
    row.append(stylizer(photo, {first: 0.5, second: 0.5}, "--mask", *map(str, masks)))
    return [row + [stylizer(photo, {first: 1.0}, "--preserve-color", how) for how in ("luminance", "histogram")]]


def framed(path: Path) -> np.ndarray:
    pixels = images.resize(images.read(path, 3).pixels, SIDE, SIDE)
    return np.pad(pixels, ((2, 2), (2, 2), (0, 0)), constant_values=255)


def main() -> None:
    """Draw the sheets of the runs that are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast-style", type=Path, metavar="RUN")
    parser.add_argument("--adain", type=Path, metavar="RUN")
    parser.add_argument("--style-size", type=int, default=288, help="of adain: data.load_size of its training")
    parser.add_argument("--gan", type=Path, metavar="RUN")
    options = parser.parse_args()
    photos = sorted((DEMO / "unpaired" / "valA").iterdir())[:3]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for method, run, style_size in (("fast_style", options.fast_style, None), ("adain", options.adain, options.style_size)):
            if run:
                stylizer = Stylizer(run, folder, style_size)
                images.write(PICTURES / f"{method}_matrix.png", sheet.tile(matrix(stylizer, photos)))
                images.write(PICTURES / f"{method}_controls.png", sheet.tile(controls(stylizer, photos[0])))
        if options.gan:
            infer_command(["--model", str(options.gan), "--samples", "16", "--output", str(folder / "samples")])
            drawn = [images.read(path, 3).pixels for path in sorted((folder / "samples").iterdir())]
            images.write(PICTURES / "gan_samples.png", sheet.tile([drawn[:8], drawn[8:]]))


if __name__ == "__main__":
    main()
