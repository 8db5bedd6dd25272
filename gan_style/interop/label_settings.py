"""Settings of label maps: which colours are the classes that a network has an input channel for."""

from typing import Any

from gan_style.errors import UserError
from gan_style.interop.settings import Settings

_IMAGES = 4  # most channels of an image; more are classes


def label_keys(channels: int, settings: Settings, colours_given: bool) -> dict[str, Any]:
    """The method's keys for a network with this number of input channels; empty if it takes images.

    A map of edges is the last channel, as in pix2pixHD and SPADE, whose label maps hold the numbers of the classes as gray levels.
    """
    if channels <= _IMAGES and not colours_given:
        return {}
    edges = settings.chosen("edges", "labels", ("labels", "alpha", "none"), "the last channel is taken for edges, as is usual there")
    classes = channels - (edges != "none")
    if not 1 <= classes <= 256:
        raise UserError(f"take {classes} classes, and label maps here have 1 to 256")
    default = ",".join(f"#{level:02x}" for level in range(classes))
    why = f"by default: gray level n is class n, of {classes}; --set colours=#000000,#804080,... otherwise"
    colours = settings.text("colours", default, why).lower().split(",")
    if len(colours) != classes:
        raise UserError(
            f"--set colours: gives {len(colours)} colours, and the weights have {classes} classes (edges: {edges}); give as many"
        )
    if len({len(colour) for colour in colours}) > 1:
        raise UserError("--set colours: have different numbers of channels; give two hexadecimal digits for each channel, as in #804080")
    return {"labels": {"colours": colours, "edges": edges}}
