"""The rules by which `gan-style train FOLDER` chooses: all of them stand here, each with its reason.

The facts about the folder choose a recipe of configs/ (`recipe_for`). The largest of its sizes of which enough steps fit into the time is
taken (`SIZES`, `affordable`): a step of each is measured on this machine. `keys_for` lists the keys that differ from the recipe.
docs/results/2026-11-26-no-recipe.md compares what comes out with recipes that were made by hand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import PurePath
from typing import Any

from gan_style.commands.train.wish import Wish
from gan_style.datasets.facts import Facts, Kind
from gan_style.errors import UserError
from gan_style.machine.inventory import Machine

# Below SMALLEST pixels the discriminators see nothing but borders. Smaller images than the least size of SIZES are enlarged to it.
SMALLEST = 32
# A discriminator knows fewer images by heart. DiffAugment and R1 lowered L1 from 0.108 to 0.090 on 20 pairs
# (docs/results/2026-11-21-small-data.md).
FEW = 100
# A network for each of a few styles is faster and bolder than one for any style (README).
FEW_STYLES = 12
# SPADE's generator takes ten times the time of a U-Net, and its gain is for large label maps: a GPU and hours, or pix2pix.
SPADE_MINUTES = 240
# Compiling takes minutes at the start and pays later (docs/guide/speed.md).
COMPILE_MINUTES = 30
# Images that validation measures, and the number that is held out where a set has none: a tenth of it, but so many at most.
VALIDATED = 16
# A set must have so many images that a tenth of them are worth a measurement; kid needs two.
LEAST_TO_HOLD_OUT = 20
# A validation with SSIM and a sample picture take seconds, eight of them in four minutes a sixth of the steps
# (docs/results/2026-11-26-no-recipe.md): one in MINUTES_APART, and LOOKS in a run. KID takes a third of a second an image: fewer of them.
MINUTES_APART, LOOKS = 3, 8
UNPAIRED_VALIDATIONS, UNPAIRED_MINUTES = 4, 15

_REASONS: dict[Kind, str] = {
    "pairs": "pairs show what each translation should be",
    "domains": "no pairs: cycles hold the content, both directions are learned",
    "classes": "one network leads an image to each class",
    "images": "images without an input are drawn from noise",
    "styles": "one network for these styles",
}
_RECIPES = {"pairs": "fast", "domains": "fast_unpaired", "classes": "fast_domains", "images": "gan", "styles": "fast_style"}
# Method that the user names -> its recipe. Others have the recipe of their name.
_OF_METHODS = {"pix2pix": "fast", "cyclegan": "fast_unpaired", "stargan": "fast_domains"}


@dataclass(frozen=True)
class Size:
    """A size that a recipe can have: pixels of the crop, channels of the generator and of the discriminator.

    steps: the least number of steps that makes this size better than the one before it
    """

    crop: int
    channels: int
    judging: int
    steps: int = 0


# Recipe -> its sizes, each of which takes longer for a step: a larger network or image learns more of each step and has fewer of them.
# `fast`: 52 steps of 128 pixels and 48 channels were better than 332 of 64 and 24, 114 than 241 of 24 channels
# (docs/results/2026-11-26-no-recipe.md); so smaller ones serve smaller images alone. `fast_unpaired` follows it.
# The numbers of the others, and all for 256 pixels, which have four times the places to learn, are guesses that nobody has measured.
_UNPAIRED = (Size(64, 32, 32), Size(128, 32, 32, 30), Size(256, 32, 32, 10_000), Size(256, 64, 64, 30_000))
SIZES: dict[str, tuple[Size, ...]] = {
    "fast": (Size(64, 48, 32), Size(128, 48, 32, 30), Size(256, 48, 32, 10_000), Size(256, 64, 64, 30_000)),
    "pix2pixhd": (Size(128, 32, 32), Size(256, 32, 32, 5000), Size(256, 64, 64, 20_000)),
    "spade": (Size(128, 32, 32), Size(256, 32, 32, 5000), Size(256, 64, 64, 20_000)),
    **dict.fromkeys(("fast_unpaired", "cut", "dclgan"), _UNPAIRED),
    "fast_domains": (Size(64, 32, 32), Size(128, 32, 32, 2000), Size(128, 64, 64, 20_000)),
    "gan": (Size(32, 16, 16), Size(64, 16, 16, 500), Size(64, 64, 64, 5000), Size(128, 64, 64, 30_000)),
    "fast_style": (Size(80, 16, 0), Size(128, 16, 0, 3000), Size(256, 32, 0, 10_000)),
    "adain": (Size(96, 32, 0), Size(128, 32, 0, 3000), Size(256, 64, 0, 20_000)),
}
# Steps after which the pictures of a recipe were worth a look (docs/results/2026-11-21-styles.md,
# docs/results/2026-11-26-equal-time.md). Who gives less time is told how much it takes.
_WORTHWHILE = {"fast": 200, "fast_unpaired": 1200, "fast_domains": 1000, "gan": 3000, "fast_style": 5000, "adain": 2000}
# GiB that training at 256 pixels with 64 channels takes for each image of a batch, without the libraries
# (docs/results/2026-11-25-recipes-cost.md).
_GIB = {"fast": 1.8}
_GIB_OF_OTHERS = 3.2
# Samples of a step on a CPU, and on a GPU, where they are the papers'. A batch of 4 takes 0.6 of the time of 4 single pairs
# (docs/results/2026-11-26-equal-time.md).
_BATCHES = {
    **{"fast": (4, 4), "pix2pixhd": (1, 1), "spade": (4, 4), "fast_unpaired": (1, 1), "cut": (1, 1), "dclgan": (1, 1)},
    **{"fast_domains": (8, 16), "gan": (16, 64), "fast_style": (3, 4), "adain": (4, 8)},
}
# torchvision's files of VGG, by the recipe that learns from its features.
_VGG = {"fast_style": "vgg16-397923af.pth", "adain": "vgg19-dcbb9e9d.pth", "pix2pixhd": "vgg19-dcbb9e9d.pth", "spade": "vgg19-dcbb9e9d.pth"}


def recipe_for(facts: Facts, machine: Machine, wish: Wish) -> tuple[str, str]:
    """The recipe, and why."""
    if wish.method:
        return _OF_METHODS.get(wish.method, wish.method), "method.name is given"
    if facts.kind == "pairs" and facts.a.labels != "no" and machine.device == "cuda" and wish.time >= SPADE_MINUTES:
        return "spade", "label maps, a GPU and hours"
    if facts.kind == "styles" and len(facts.styles) > FEW_STYLES:
        return "adain", f"one network for any style: there are more than {FEW_STYLES}"
    return _RECIPES[facts.kind], _REASONS[facts.kind]


def sizes_for(recipe: str, facts: Facts, machine: Machine, wish: Wish) -> list[Size]:
    """The sizes of a recipe that the images fill and the memory holds, each larger than the one before; at least one.

    `UserError` if the images are too small.
    """
    if facts.side < SMALLEST:
        raise UserError(
            f"{facts.root}: its images are too small, {facts.a.width} x {facts.a.height}; give images of {SMALLEST} pixels or more"
        )
    sizes = list(SIZES[recipe])
    if crop := wish.get("data.crop_size") or wish.get("method.size"):
        return [replace(size, crop=crop) for size in sizes if size.crop <= max(crop, sizes[0].crop)]
    gib = 0.8 * machine.memory / (_GIB.get(recipe, _GIB_OF_OTHERS) * _batch(recipe, facts, machine))
    held = [size for size in sizes if size.crop <= facts.side and (size.crop / 256) ** 2 * size.channels / 64 <= gib]
    return held or sizes[:1]


@dataclass(frozen=True)
class Pace:
    """The size that is taken, and seconds of its step. more: the next size, and how many of its steps would fit; None if it is the last"""

    size: Size
    seconds: float
    more: tuple[Size, int] | None = None

    def steps(self, wish: Wish) -> int:
        """The steps of the run, about."""
        return wish.steps or max(1, int(60 * wish.time / self.seconds))


def affordable(sizes: Sequence[Size], wish: Wish, seconds: Callable[[Size], float]) -> Pace:
    """The largest size of which enough steps fit into the time. seconds: measures a step; asked only while a larger size may fit

    A number of steps that the user asks for must fit into the time too.
    """
    taken = Pace(sizes[0], seconds(sizes[0]))
    for size in sizes[1:]:
        if wish.steps and wish.steps < size.steps:
            return replace(taken, more=(size, wish.steps))
        measured = Pace(size, seconds(size))
        fitting = int(60 * wish.time / measured.seconds)
        if fitting < (wish.steps or size.steps):
            return replace(taken, more=(size, fitting))
        taken = measured
    return taken


def minutes_wanted(recipe: str, pace: Pace, wish: Wish) -> int:
    """The minutes that a picture worth a look takes, if the run has less; else 0."""
    steps = _WORTHWHILE.get(recipe, 0)
    return 0 if wish.steps or pace.steps(wish) >= steps else ceil(steps * pace.seconds / 60)


def keys_for(recipe: str, facts: Facts, machine: Machine, wish: Wish, pace: Pace) -> dict[str, Any]:
    """The keys that the rules add to a recipe, by their dotted names. What the user set comes after them."""
    return {
        **_data(recipe, facts, pace.size),
        **_networks(recipe, pace.size),
        **_stabilisers(recipe, facts),
        **_features(recipe, facts, machine, wish),
        **_length(recipe, facts, machine, wish),
        **_measurements(recipe, facts, wish, pace.steps(wish)),
        "train.checkpoint_every": min(1000, max(1, round(300 / pace.seconds))),  # five minutes are lost at most
        "logging.every": min(50, max(1, pace.steps(wish) // 100)),
        "logging.samples_every": max(1, pace.steps(wish) // looks(wish)),
    }


def looks(wish: Wish) -> int:
    """The number of sample pictures of a run, and of validations with SSIM; the last ones are those of the end."""
    return max(1, min(LOOKS, int(wish.time / MINUTES_APART)))


def _data(recipe: str, facts: Facts, size: Size) -> dict[str, Any]:
    keys: dict[str, Any] = {"data.root": facts.root, "data.cache": "memory"}
    if recipe == "pix2pixhd":  # which takes whole images
        keys["data.load_size"] = size.crop
    else:
        keys |= {"data.crop_size": size.crop, "data.load_size": round(size.crop * 286 / 256)}  # the papers' share
    if facts.root_b and recipe not in ("fast_style", "gan", "fast_domains"):
        keys["data.root_b"] = facts.root_b
    if facts.kind != "styles":  # VGG sees RGB
        for domain, look in (("a", facts.a), ("b", facts.b)):
            if look and look.values:  # one wrong value would spoil the range of all, so without the ends
                keys |= {f"data.domain_{domain}.channels": look.channels, f"data.domain_{domain}.range": "percentiles"}
            if look and look.slices:
                keys[f"data.domain_{domain}.slices"] = look.slices
            if look and look.gray:
                keys[f"data.domain_{domain}.channels"] = 1
            if look and look.labels in ("colours", "noisy"):  # a palette tells it by itself
                keys[f"data.domain_{domain}.labels"] = "yes" if look.labels == "colours" else "nearest"
    if held := held_out(facts):
        keys["data.hold_out"] = held
    return keys


def _networks(recipe: str, size: Size) -> dict[str, Any]:
    keys: dict[str, Any] = {"method.generator.base_channels": size.channels}
    if size.judging:
        keys["method.discriminator.base_channels"] = size.judging
    if recipe == "fast_style":
        keys["method.style_size"] = round(size.crop * 4 / 3)  # strokes as large a part of the image as the recipe's
    halvings = max(2, size.crop.bit_length() - 2)  # down to 2 pixels, as in the recipes
    if recipe == "fast":
        keys["method.generator.num_downs"] = halvings
    if recipe == "fast_domains":
        keys["method.discriminator.num_layers"] = halvings
    if recipe in ("fast_unpaired", "cut", "dclgan"):
        keys["method.generator.num_blocks"] = 9 if size.crop >= 256 else 6  # CycleGAN's paper
        if recipe != "fast_unpaired":  # it has them: deconvolutions leave a grid while training is young
            keys["method.generator.upsampling"] = "resize-convolution"
    if recipe == "gan":
        keys["method.size"] = size.crop
    if recipe == "spade":
        keys["method.generator.norm"] = "instance"  # batches are small
    return keys


def _stabilisers(recipe: str, facts: Facts) -> dict[str, Any]:
    """What keeps a discriminator from learning few images by heart. Colours are not changed where domains differ in them, nor are
    measurements, whose values count."""
    if facts.least >= FEW or recipe in ("fast_style", "adain"):
        return {}
    kept = recipe in ("fast_unpaired", "fast_domains", "cut", "dclgan") or any(look and look.values for look in (facts.a, facts.b))
    changed = ["translation", "cutout"] if kept else ["color", "translation", "cutout"]
    keys: dict[str, Any] = {"method.diffaugment": changed}
    if recipe in ("fast", "fast_unpaired"):
        keys |= {"method.r1_weight": 0.1, "method.r1_every": 16, "train.mixed_precision": "no"}  # as in small_data.yaml
    return keys


def _features(recipe: str, facts: Facts, machine: Machine, wish: Wish) -> dict[str, Any]:
    """VGG's weights where a recipe learns from its features: torchvision's if they are here, since a download may be refused."""
    if recipe not in _VGG:
        return {}
    learned = _VGG[recipe] in machine.weights or wish.sets("method.vgg.weights")
    if recipe in ("pix2pixhd", "spade"):
        return {} if learned else {"method.perceptual_weight": 0}
    keys: dict[str, Any] = {} if learned else {"method.vgg.weights": "random"}
    if recipe == "fast_style" and facts.styles:
        keys["method.styles"] = styles_by_name(facts.styles)
    if recipe == "fast_style" and not learned:  # what worked in half an hour (docs/results/2026-11-21-styles.md)
        keys |= {"method.style_layers": ["relu1_2", "relu2_2"], "method.content_layers": ["relu1_2"], "method.style_size": 128}
        keys |= {"method.relative": False, "method.vgg.normalised": False, "optim.lr": 0.0004}
        keys |= {"method.content_weight": 8, "method.style_weight": 5, "method.tv_weight": 0.1}
    if recipe == "adain" and not learned:
        keys |= {"method.generator.depth": "relu3_1", "optim.lr": 0.0005}
    return keys


def styles_by_name(files: Sequence[str]) -> dict[str, str]:
    """Style pictures by their stems; by their whole names where two have one stem."""
    stems = [PurePath(file).stem for file in files]
    return {stem if stems.count(stem) == 1 else PurePath(file).name: file for stem, file in zip(stems, files, strict=True)}


def _length(recipe: str, facts: Facts, machine: Machine, wish: Wish) -> dict[str, Any]:
    """The length, and what makes the last pictures the best: a rate that falls to 0 as the run ends, and averaged weights
    (docs/results/2026-11-26-equal-time.md)."""
    keys: dict[str, Any] = {"train.batch_size": _batch(recipe, facts, machine), "train.ema_decay": 0.999, "train.ema_warmup": 0.05}
    keys |= {"optim.schedule": "linear", "optim.decay_start": 0.5}
    counted_by_user = wish.steps or wish.get("train.epochs")
    keys |= {"train.steps": None, "train.epochs": None, "train.minutes": None if counted_by_user else wish.time}
    if machine.device == "cuda" and wish.time < COMPILE_MINUTES:
        keys["train.compile"] = "off"
    return keys


def _batch(recipe: str, facts: Facts, machine: Machine) -> int:
    return max(1, min(_BATCHES[recipe][machine.device == "cuda"], facts.least))


def held_out(facts: Facts) -> int:
    """The images, or pairs, to be kept for validation, of a set that has none for it."""
    return 0 if facts.validation or facts.apart < LEAST_TO_HOLD_OUT else min(VALIDATED, facts.apart // 10)


def measured_by(recipe: str, facts: Facts, wish: Wish) -> str:
    """The metric of validation, which keeps the best translator; empty if nothing is measured."""
    if (
        not (facts.validation or held_out(facts))
        or recipe == "fast_style"
        or (wish.sets("train.validate_every") and not wish.get("train.validate_every"))
    ):
        return ""
    if facts.kind == "pairs":
        return "ssim"
    return "kid" if wish.time >= UNPAIRED_MINUTES and min(facts.validation or held_out(facts), facts.least) >= 2 else ""


def _measurements(recipe: str, facts: Facts, wish: Wish, steps: int) -> dict[str, Any]:
    metric = measured_by(recipe, facts, wish)
    if not metric:
        return {}
    keys: dict[str, Any] = {"train.validate_every": max(1, steps // (looks(wish) if metric == "ssim" else UNPAIRED_VALIDATIONS))}
    keys["validation.images"] = VALIDATED
    if metric == "kid":
        keys["validation.features"] = "random"  # it needs no file, and compares the steps of a run
    if not (wish.sets("validation.metrics") or wish.sets("validation.best")):
        keys |= {"validation.best": metric} | ({"validation.metrics": ["kid"]} if metric == "kid" else {})
    return keys
