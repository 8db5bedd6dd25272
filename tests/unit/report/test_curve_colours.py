"""The colours of curves, by arithmetic: legible on their card, and distinct with any colour vision, in light and dark."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from gan_style import report

STYLE = (Path(report.__file__).parent / "style.css").read_text(encoding="utf-8")

# What is left of linear RGB without one kind of cone: Machado, Oliveira and Fernandes 2009, severity 1.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
# OKLab, Ottosson 2020: linear RGB -> cones, cube root, -> lightness and two hues
CONES = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]]
)
LAB = np.array(
    [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]]
)


def colours(theme: int) -> dict[str, np.ndarray]:
    """The theme's custom properties as linear RGB; 0: light, 1: dark."""
    block = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[theme]
    values = {}
    for name, text in re.findall(r"--([\w-]+): #([0-9a-f]{6});", block):
        encoded = np.array([int(text[place : place + 2], 16) / 255 for place in (0, 2, 4)])
        values[name] = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return values


def contrast(first: np.ndarray, second: np.ndarray) -> float:
    """WCAG 2: from 1 to 21."""
    low, high = sorted(float(colour @ [0.2126, 0.7152, 0.0722]) + 0.05 for colour in (first, second))
    return high / low


def lab(colour: np.ndarray, vision: str) -> np.ndarray:
    seen = np.clip(np.array(VISIONS[vision]) @ colour, 0, 1)
    return LAB @ np.cbrt(CONES @ seen)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_and_curves_stand_out(theme: int) -> None:
    known = colours(theme)
    assert contrast(np.zeros(3), np.ones(3)) == pytest.approx(21)
    for surface in ("page", "card", "hint", "alarm", "ended"):
        assert contrast(known["ink"], known[surface]) >= 7
    for surface in ("page", "card"):
        assert contrast(known["soft"], known[surface]) >= 4.5
    for curve in (*(f"k{place}" for place in range(6)), "accent", "bad"):
        assert contrast(known[curve], known["card"]) >= 3, curve


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_curves_can_be_told_apart(theme: int, vision: str) -> None:
    known = colours(theme)
    seen = {name: lab(known[name], vision) for name in (f"k{place}" for place in range(6))}
    for first, second in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[first] - seen[second]) > 0.09, (first, second)  # 0.02 is just noticeable side by side


def test_twelve_runs_have_a_colour_or_a_dash_of_their_own() -> None:
    for place in range(12):
        assert re.search(rf"\.c{place}\b[^{{]*\{{ --c: var\(--k{place % 6}\)", STYLE)
        assert bool(re.search(rf"\.c{place}\b[^{{]*\{{ --dash:", STYLE)) == (place >= 6)
