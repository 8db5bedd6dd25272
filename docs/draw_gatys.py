"""Draws docs/pictures/gatys_*.png, the pictures of docs/guide: python docs/draw_gatys.py --vgg FILE [--vgg-name vgg16].

Photos are the demo's landscapes, styles the demo's, both drawn on the spot. Layers, weights and levels are infer.py's defaults.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from gan_style.demo.sets import draw_styles, draw_unpaired
from gan_style.files import images, sheet
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.translation import controls
from gan_style.translation.gatys import CONTENT_LAYERS, STYLE_LAYERS, Settings, Style, optimise

PICTURES = Path(__file__).parent / "pictures"


class Studio:
    """The photo, the styles by name, and `paint`, which combines them."""

    def __init__(self, size: int, steps: int, folder: Path, vgg: VGGFeatures) -> None:
        draw_unpaired(folder / "landscapes", train=1, val=0, size=size)
        draw_styles(folder / "styles", size=3 * size)
        self.photo = load(next((folder / "landscapes" / "trainA").iterdir()))
        self.styles = {path.stem: load(path) for path in sorted((folder / "styles").iterdir())}
        self.vgg = vgg
        self.steps = steps

    def paint(self, *styles: Style, photo: torch.Tensor | None = None, **settings: Any) -> torch.Tensor:
        return optimise(self.vgg, self.photo if photo is None else photo, styles, Settings(steps=self.steps, **settings))

    def style(self, name: str, **keys: Any) -> Style:
        return Style(self.styles[name], **keys)


def strength(studio: Studio) -> list[torch.Tensor]:
    """photo | style | strength 0.01 | 0.1 | 1 | 10"""
    return [studio.photo, studio.styles["waves"], *(studio.paint(studio.style("waves"), strength=s) for s in (0.01, 0.1, 1.0, 10.0))]


def mask(studio: Studio) -> list[torch.Tensor]:
    """photo | two styles | mask | the first in white, the second in black | the first alone: the rest is kept"""
    down = torch.linspace(0, 1, studio.photo.shape[-2]).view(1, 1, -1, 1).expand(-1, -1, -1, studio.photo.shape[-1])
    sky = (down < 0.4).float()
    both = studio.paint(studio.style("waves", mask=sky), studio.style("mosaic", mask=1 - sky))
    one = studio.paint(studio.style("waves", mask=sky))
    return [studio.photo, studio.styles["waves"], studio.styles["mosaic"], (2 * sky - 1).expand_as(studio.photo), both, one]


def color(studio: Studio) -> list[torch.Tensor]:
    """photo | style | plain | luminance | histogram"""
    photo, picture = studio.photo, studio.styles["mosaic"]
    gray = controls.luminance(photo)
    painted = studio.paint(Style(controls.match_luminance(controls.luminance(picture), gray)), photo=gray)
    histogram = studio.paint(Style(controls.recolour(picture, photo)))
    return [photo, picture, studio.paint(studio.style("mosaic")), controls.with_chroma(painted, photo), histogram]


def scale(studio: Studio) -> list[torch.Tensor]:
    """photo | two styles | the first at scale 1 | at 3 | the first at 2 with the first layer of the second too"""
    sized = [studio.paint(studio.style("mosaic", scale=s)) for s in (1.0, 3.0)]
    mixed = studio.paint(studio.style("waves", layers={"relu1_1": 1.0}), studio.style("mosaic", scale=2.0))
    return [studio.photo, studio.styles["mosaic"], studio.styles["waves"], *sized, mixed]


def start(studio: Studio) -> list[torch.Tensor]:
    """photo | style | from content | from the style | from noise | from content, without a pyramid"""
    strokes = studio.style("strokes")
    starts = [studio.paint(strokes, start=name) for name in ("content", "style", "noise")]
    return [studio.photo, studio.styles["strokes"], *starts, studio.paint(strokes, pyramid=1)]


def load(path: Path) -> torch.Tensor:
    return images.to_tensor(images.read(path, 3).pixels)[None]


def framed(picture: torch.Tensor, size: int) -> np.ndarray:
    return np.pad(images.resize(images.to_pixels(picture[0]), size, size), ((2, 2), (2, 2), (0, 0)), constant_values=255)


def main() -> None:
    """Draw the sheets named, by default all."""
    sheets = {draw.__name__: draw for draw in (strength, mask, color, scale, start)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheets", nargs="+", default=list(sheets), choices=sheets)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--vgg", default="imagenet", help="weights: imagenet, random, or a file")
    parser.add_argument("--vgg-name", default="vgg19", choices=("vgg19", "vgg16"))
    options = parser.parse_args()
    vgg = VGGFeatures(options.vgg_name, [*STYLE_LAYERS, *CONTENT_LAYERS], options.vgg, "avg")
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(options.size, options.steps, Path(folder), vgg)
        for name in tqdm(options.sheets):
            row = [framed(picture, options.size) for picture in sheets[name](studio)]
            images.write(PICTURES / f"gatys_{name}.png", sheet.tile([row]))


if __name__ == "__main__":
    main()
