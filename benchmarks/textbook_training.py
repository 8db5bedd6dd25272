"""A training as the papers set it and a textbook writes it (benchmarks/textbook.py), for some minutes.

Batch 1, images resized to 286/256 of 128 pixels, cropped and mirrored at random, weights drawn from N(0, 0.02), Adam with 0.0002; the rate
is constant for half of the time and then falls linearly to 0 as the time ends. pix2pix has its dropout and translates in the mode of
training (1611.07004, section 3.4); CycleGAN has 6 blocks, as its paper for 128 pixels, and 50 past translations (1703.10593, section 7).
"""

import random
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from textbook import CUT, CycleGAN, Pix2Pix
from torch import Tensor, nn
from tqdm import tqdm

SIZE, LOADED = 128, 143
RATE = 2e-4
KEPT = 50


def train(method: str, data: Path, minutes: float, output: Path, seed: int = 0) -> None:
    """Train on data/trainA and data/trainB for the minutes, then write the translations of data/valA into `output`."""
    torch.manual_seed(seed)
    random.seed(seed)
    model = made(method)
    for network in model.networks:
        network.apply(draw_weights)
    paths = [sorted((data / f"train{domain}").iterdir()) for domain in "AB"]
    paired = method == "pix2pix"

    started, steps, share = time.monotonic(), 0, 0.0
    order: list[int] = []
    while (share := (time.monotonic() - started) / (60 * minutes)) < 1:
        for group in (group for optimizer in model.optimizers for group in optimizer.param_groups):
            group["lr"] = RATE * min(1.0, 2 - 2 * share)
        order = order or random.sample(range(len(paths[0])), len(paths[0]))
        place = order.pop()
        moves = move(), move()
        a = read(paths[0][place], moves[0])
        b = read(paths[1][place], moves[0]) if paired else read(random.choice(paths[1]), moves[1])
        model.step(a, b)
        steps += 1
    tqdm.write(f"textbook: {steps} steps in {(time.monotonic() - started) / 60:.2f} minutes")

    generator = model.to_b if isinstance(model, CycleGAN) else model.generator
    output.mkdir(parents=True, exist_ok=True)
    for path in sorted((data / "valA").iterdir()):
        with torch.no_grad():
            write(generator(tensor(opened(path).resize((SIZE, SIZE), Image.Resampling.BICUBIC))), output / f"{path.stem}.png")


def made(method: str) -> Pix2Pix | CycleGAN | CUT:
    """The method with the papers' settings for 128 pixels."""
    if method == "pix2pix":
        return Pix2Pix(SIZE, dropout=True)
    if method == "cut":
        return CUT(SIZE)
    model = CycleGAN(SIZE, blocks=6)
    model.past_a, model.past_b = Past(), Past()
    return model


class Past:
    """Half of the translations are exchanged for one of the last KEPT (1612.07828, section 2.3)."""

    def __init__(self) -> None:
        self.kept: list[Tensor] = []

    def __call__(self, fake: Tensor) -> Tensor:
        if len(self.kept) < KEPT:
            self.kept.append(fake)
            return fake
        if random.random() < 0.5:
            return fake
        place = random.randrange(KEPT)
        old, self.kept[place] = self.kept[place], fake
        return old


def draw_weights(layer: nn.Module) -> None:
    """Weights from N(0, 0.02), scales of batch normalisation from N(1, 0.02), no biases."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


def move() -> tuple[int, int, bool]:
    """A random crop's left and top, and whether to mirror."""
    return random.randint(0, LOADED - SIZE), random.randint(0, LOADED - SIZE), random.random() < 0.5


def read(path: Path, moved: tuple[int, int, bool]) -> Tensor:
    """A training image [1, 3, SIZE, SIZE]."""
    left, top, mirrored = moved
    image = opened(path).resize((LOADED, LOADED), Image.Resampling.BICUBIC).crop((left, top, left + SIZE, top + SIZE))
    return tensor(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image)


def opened(path: Path) -> Image.Image:
    """A picture in RGB."""
    return Image.open(path).convert("RGB")


def tensor(image: Image.Image) -> Tensor:
    """A picture as [1, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1


def write(image: Tensor, path: Path) -> None:
    """Write [1, 3, H, W] in [-1, 1] as PNG."""
    pixels = ((image[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    Image.fromarray(pixels.to(torch.uint8).numpy()).save(path)
