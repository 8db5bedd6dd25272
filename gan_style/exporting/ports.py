"""The inputs and the output of an exported network."""

from gan_style.bundles.exported import Door, Port
from gan_style.conditions import AnyCondition, Exemplar, Label, Mix, Noise

RANGES: dict[Door, tuple[float, float]] = {"uint8": (0.0, 255.0), "float": (-1.0, 1.0)}
_LAYOUTS = {"uint8": "[B, H, W, C], 0 to 255", "float": "[B, C, H, W], -1 to 1"}


def inputs_of(condition: AnyCondition, channels: int, door: Door) -> list[Port]:
    """The inputs in order."""
    image = _pictures("image", "the pictures to translate", channels, door)
    strength = Port(name="strength", type="float32", shape=["batch", 1], meaning="the share of the style in the result, 0 to 1")
    match condition:
        case Noise():
            return [Port(name="noise", type="float32", shape=["batch", condition.size], meaning="standard normal numbers")]
        case Label():
            meaning = "1 at the place of the domain to translate to, else 0"
            return [image, Port(name="label", type="float32", shape=["batch", len(condition.names)], meaning=meaning)]
        case Mix():
            meaning = "the share of each style, their sum 1"
            return [image, Port(name="styles", type="float32", shape=["batch", len(condition.names)], meaning=meaning), strength]
        case Exemplar():
            return [image, _pictures("style", "the style of each picture", channels, door, "style_"), strength]
        case _:
            return [image]


def output_of(channels: int, door: Door) -> Port:
    """The only output."""
    return _pictures("result", "the translations", channels, door)


def _pictures(name: str, meaning: str, channels: int, door: Door, prefix: str = "") -> Port:
    sides: list[int | str] = [f"{prefix}height", f"{prefix}width"]
    if door == "uint8":
        return Port(name=name, type="uint8", shape=["batch", *sides, channels], meaning=f"{meaning}, {_LAYOUTS[door]}")
    return Port(name=name, type="float32", shape=["batch", channels, *sides], meaning=f"{meaning}, {_LAYOUTS[door]}")
