"""The looks of a landscape: light and colours, under which landscape.py draws a scene."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """The colours ("rrggbb") and the light of a time of day and year."""

    sky: tuple[str, str, str]  # zenith, middle, horizon
    cloud: tuple[str, str]  # lit, shaded
    sun: str
    sun_height: tuple[float, float]  # above the horizon, in shares of the sky
    glow: float  # how far the sun's light spreads into the sky, 0 to 1
    haze: str
    haze_amount: float
    rock: tuple[str, str]  # lit, shaded
    snow: tuple[str, str]  # lit, shaded
    snow_line: float  # share of a mountain's height above which it is white
    grass: tuple[str, str]  # far, near
    leaves: tuple[tuple[str, str], ...]  # (lit, shaded) of each kind of tree with leaves
    needles: tuple[str, str]  # lit, shaded
    flowers: tuple[str, ...]
    water: tuple[str, float]  # its own colour, and its share against the reflection
    saturation: float
    contrast: float


SUMMER = Look(
    sky=("2f7fd6", "7fb9ea", "d9edf5"),
    cloud=("ffffff", "b4c4da"),
    sun="fff6d8",
    sun_height=(0.75, 0.95),
    glow=0.25,
    haze="bcd6e8",
    haze_amount=0.75,
    rock=("a8a9a6", "56657f"),
    snow=("fdfdff", "a9bfdf"),
    snow_line=0.62,
    grass=("84ae68", "7a9f3f"),
    leaves=(("7cb342", "2c6127"), ("93bf4a", "3a6d2a"), ("5d9e3c", "22532a")),
    needles=("4a8050", "173e2e"),
    flowers=("f7f3e3", "f2d13c", "e2574c"),
    water=("1f86a8", 0.45),
    saturation=1.0,
    contrast=1.05,
)

AUTUMN_DUSK = Look(
    sky=("3b3a78", "d0709a", "ffc071"),
    cloud=("ffb27a", "70508a"),
    sun="fff0c0",
    sun_height=(0.10, 0.25),
    glow=0.9,
    haze="eaa488",
    haze_amount=0.8,
    rock=("c98a86", "443a66"),
    snow=("ffd9c4", "8d7bb0"),
    snow_line=0.72,
    grass=("c08f52", "b08338"),
    leaves=(("f2a32c", "8f3f1d"), ("e2622b", "7a2420"), ("f3c34a", "94602a"), ("c23b2c", "5f1c24")),
    needles=("5a6046", "262a38"),
    flowers=("d9b36a", "b5532f"),
    water=("4a3a68", 0.3),
    saturation=1.08,
    contrast=1.05,
)

WINTER = Look(
    sky=("8fa9c4", "c3d2de", "eef1f2"),
    cloud=("f4f6f8", "a3b0bf"),
    sun="fdf9ee",
    sun_height=(0.20, 0.40),
    glow=0.35,
    haze="dfe7ee",
    haze_amount=0.85,
    rock=("9aa3ad", "5f6b7c"),
    snow=("ffffff", "b9cbe4"),
    snow_line=0.15,
    grass=("e3eaf1", "f4f7fb"),
    leaves=(("b9aca3", "5b4f4a"), ("cfc9c6", "746a66"), ("dfe5ec", "8d97a6")),
    needles=("8fa59a", "3d5450"),
    flowers=("e8edf4", "cdd8e6"),
    water=("9fb6c6", 0.6),
    saturation=0.8,
    contrast=1.0,
)
