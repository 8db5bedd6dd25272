"""A page that translates a picture and shows it beside the original. `gan-style push --space` writes it into a Hugging Face Space."""

from functools import cache
from typing import Any

from PIL import Image

import gan_style

MODEL = "hf://USER/NAME"
DIRECTIONS = ("a2b",)
LONGEST_SIDE = 1536  # pixels; larger pictures are scaled down, for a Space has two cores


@cache
def translator(direction: str) -> gan_style.TrainedTranslator:
    """The translator of a direction, loaded once."""
    return gan_style.load(MODEL, direction="b2a" if direction == "b2a" else "a2b")


def translate(picture: Image.Image | None, direction: str, choice: Any = None) -> tuple[Image.Image, Image.Image] | None:
    """(picture, translation), both RGB. choice: a domain, a style's name or a style's picture, for a translator that takes one"""
    if picture is None:
        return None
    given = picture.convert("RGB")
    given.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    named = {} if choice is None else {"to" if asks(direction) == "label" else "style": choice}
    return given, translator(direction)(given, **named).convert("RGB")


def draw(seed: float) -> list[Image.Image]:
    """Pictures from noise."""
    return translator(DIRECTIONS[0]).samples(8, seed=int(seed))


def asks(direction: str) -> str:
    """What the translator takes beside a picture: alone, label, mix, picture or noise."""
    return translator(direction).predictor.condition.kind


def page() -> Any:
    """The page, as gradio runs it."""
    import gradio  # pyright: ignore[reportMissingImports] - a Space has it

    title = MODEL.removeprefix("hf://").partition("@")[0]
    kind, names = asks(DIRECTIONS[0]), list(translator(DIRECTIONS[0]).names)
    if kind == "noise":
        return gradio.Interface(draw, gradio.Number(0, label="Seed"), gradio.Gallery(label="Drawn"), title=title, flagging_mode="never")
    direction = gradio.Dropdown(list(DIRECTIONS), value=DIRECTIONS[0], label="Direction", visible=len(DIRECTIONS) > 1)
    inputs = [gradio.Image(type="pil", label="Picture"), direction]
    if names:
        inputs.append(gradio.Dropdown(names, value=names[0], label="To" if kind == "label" else "Style"))
    elif kind == "picture":
        inputs.append(gradio.Image(type="pil", label="Style"))
    result = gradio.ImageSlider(type="pil", format="png", label="Before and after")
    return gradio.Interface(translate, inputs, result, title=title, flagging_mode="never")


if __name__ == "__main__":
    page().launch(show_error=True)
