"""The lines in which `gan-style train FOLDER` tells what it chose and why, and where the pictures are."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_style.commands.train.rules import LEAST_TO_HOLD_OUT, VALIDATED, Pace, held_out, minutes_wanted
from gan_style.commands.train.wish import Wish
from gan_style.config.schema import RunConfig
from gan_style.datasets.facts import Facts
from gan_style.datasets.layouts import numbered, resolve_layout
from gan_style.datasets.look import Look
from gan_style.datasets.survey import BETWEEN
from gan_style.files.kinds import is_image_name
from gan_style.machine.inventory import Machine
from gan_style.methods import METHODS
from gan_style.terminal.counted import counted

# Method -> the columns of its sample pictures. Others: input, translation.
_COLUMNS = {
    "pix2pix": "input, translation, truth",
    "pix2pixhd": "input, translation, truth",
    "gan": "images from noise",
    "stargan": "input, translation to each class",
    "fast_style": "photograph, result",
    "adain": "photograph, style, result",
}


def lines_of(recipe: str, why: str, facts: Facts, machine: Machine, wish: Wish, pace: Pace, config: RunConfig[Any]) -> list[str]:
    """Five lines: the folder, the method, the size, the time and validation, each with its reason."""
    return [f"{name:12}{words}" for name, words in _lines(recipe, why, facts, machine, wish, pace, config)]


def _lines(
    recipe: str, why: str, facts: Facts, machine: Machine, wish: Wish, pace: Pace, config: RunConfig[Any]
) -> Iterator[tuple[str, str]]:
    doubt = " (if they are no pairs: method.name=cyclegan)" if facts.kind == "pairs" else ""
    if facts.kind == "images" and not (wish.method or facts.a.values):
        doubt = " (to give photographs a style: into one folder, as photos/, and pictures of the style beside them, as styles/)"
    domains = f"A: {_look(facts.a)}; B: {_look(facts.b)}" if facts.b else _look(facts.a)
    yield "folder", f"{facts.root}: {facts.why}{doubt}; {domains}"
    few = ", stabilised as in small_data, for the images are few" if getattr(config.method, "diffaugment", None) else ""
    yield "method", f"{config.method.name}, recipe {recipe}: {why}{few}{_untaught(wish, config)}"
    yield "size", f"{_size(config)}{_next(pace)}"
    half = config.train.mixed_precision != "no" and machine.bf16
    step = f"a step of {counted(config.train.batch_size, 'sample')} takes {pace.seconds:.2g} s ({machine.name}{', bf16' if half else ''})"
    steps = f"about {pace.steps(wish)} steps fit into {config.train.minutes:g} min" if config.train.minutes else "the steps are counted"
    wanted = minutes_wanted(recipe, pace, wish)
    yield "time", f"{step}; {steps}, and the learning rate falls to 0 as they end{f'; better: --minutes {wanted}' if wanted else ''}"
    yield "measured", _measured(recipe, facts, wish, config)


def _look(look: Look) -> str:
    if look.values:
        values = f"{look.values} values in {counted(look.channels, 'channel')}"
        files = f"{counted(look.images, 'slice')} of {counted(look.volumes, 'volume')}" if look.volumes else counted(look.images, "file")
        return f"{files} of {values}, {look.width} x {look.height}"
    kind = f"{'gray ' * look.gray}{'image' if look.labels == 'no' else 'label map'}"
    classes = f" of {look.classes} colours" if look.classes else ""
    depth = f", {look.depth} bits" if look.depth != 8 else ""
    return f"{counted(look.images, kind)}{classes}, {look.width} x {look.height}{depth}"


def _untaught(wish: Wish, config: RunConfig[Any]) -> str:
    random = getattr(getattr(config.method, "vgg", None), "weights", "") == "random" and not wish.sets("method.vgg.weights")
    shown = config.method.name in ("fast_style", "adain")
    return "; VGG has random weights, which see little but colours: give method.vgg.weights=FILE" if random and shown else ""


def _size(config: RunConfig[Any]) -> str:
    channels = getattr(getattr(config.method, "generator", None), "base_channels", None)
    return f"{config.data.crop_size} pixels" + (f", {channels} channels" if channels else "")


def _next(pace: Pace) -> str:
    """Why the next size was not taken."""
    if pace.more is None:
        return ", the largest size of the rules that these images and this memory allow"
    size, fitting = pace.more
    return f"; {size.crop} pixels with {size.channels} channels want {size.steps} steps, of which {fitting} would fit"


def _measured(recipe: str, facts: Facts, wish: Wish, config: RunConfig[Any]) -> str:
    held = held_out(facts)
    measured = min(VALIDATED, facts.validation)
    images = f"{measured} of {counted(facts.validation, 'image')} in val" if facts.validation else f"{held} held out of the training images"
    if not (facts.validation or held):
        return f"nothing, and no sample pictures: the folder has no val, and fewer than {LEAST_TO_HOLD_OUT} images"
    if not config.train.validate_every:
        return f"nothing; {images} serve the sample pictures"
    best = f", and the best translator by {config.validation.best} is kept" if config.validation.best else ""
    return f"{images}, every {config.train.validate_every} steps{best}"


def closing_lines(config: RunConfig[Any]) -> list[str]:
    """Where the newest sample picture is, and the command that translates the folder's own images."""
    run = Path(config.run_dir)
    pictures = sorted((run / "samples").glob("step_*.png"))
    columns = _COLUMNS.get(config.method.name, "input, translation")
    lines = [f"picture: {pictures[-1]} ({columns})" if pictures else f"picture: none without validation images; {run / 'report.html'}"]
    scripts = Path(sys.argv[0]).name == "train.py"
    infer, prepare = ("python infer.py", "python data/prepare.py") if scripts else ("gan-style infer", "gan-style prepare")
    command = f"{infer} --model {shlex.quote(str(run))} --output {shlex.quote(str(run / 'translated'))}"
    root = Path(config.data.root)
    places = (numbered(root, name).split(BETWEEN) for name in ("valA", "val/A", "val", "trainA", "train/A", "train"))
    given = next(([root / name for name in names] for names in places if (root / names[0]).is_dir()), [root])
    if config.method.name == "gan":
        return [*lines, f"try: {command} --samples 16"]
    first = ""
    if _side_by_side(config):  # the files hold the truth too, which is no input
        if config.data.domain_a.range or config.data.domain_b.range:
            return lines  # split writes PNG, which does not hold them
        split = run / "split"
        first = f"{prepare} split {shlex.quote(str(root))} --output {shlex.quote(str(split))} && "
        given = [split / f"{given[0].name}A"]
    return [*lines, f"try: {first}{command} --input {shlex.join(map(str, given))} --resize train{_asked(config)}"]


def _side_by_side(config: RunConfig[Any]) -> bool:
    needs = METHODS[config.method.name].needs
    if config.data.root_b or needs not in ("pairs", "domains"):
        return False
    return resolve_layout(config.data.root, config.data.source, needs == "pairs") == "aligned"


def _asked(config: RunConfig[Any]) -> str:
    """The option that a translator of several domains or styles needs."""
    method = config.method
    if method.name == "stargan":
        names = method.domain_names or sorted(path.name for path in (Path(config.data.root) / "train").iterdir() if path.is_dir())
        return f" --to {shlex.quote(names[0])}"
    if method.name == "fast_style":
        return f" --style {shlex.quote(next(iter(method.styles)))}"
    if method.name == "adain" and config.data.root_b:
        return f" --style {shlex.quote(str(min(path for path in Path(config.data.root_b).iterdir() if is_image_name(path.name))))}"
    return ""
