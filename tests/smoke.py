"""Command lines of the smallest real trainings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from tiny import PATCHES

from gan_style.config.network import kinds_of
from gan_style.methods import CONFIGS

ROOT = Path(__file__).parents[1]
SMALLER = ["method.generator.num_downs=3", "method.discriminator.num_layers=1", "method.discriminator.num_scales=2"]


def smoke_arguments(name: str, data: Path, run_dir: Path, *overrides: str) -> list[str]:
    """train.py's arguments: the smoke configuration of a method, shrunk further, on `data`; `overrides` come last and count.

    Keys that the method or its network does not have are left out.
    """
    sections = CONFIGS[name].model_fields
    config = [
        f"--config={ROOT}/configs/smoke/{name}.yaml",
        f"run_dir={run_dir}",
        f"data.root={data}",
        "data.load_size=20",
        "data.crop_size=16",
    ]
    if name == "gan":
        config.append("method.size=16")
    if "num_patches" in sections:
        config.append(f"method.num_patches={PATCHES}")
    if name == "fast_style":
        pictures = sorted((data / "trainB").iterdir())[:2]
        config.append("method.styles={" + ", ".join(f"{picture.stem}s: {picture}" for picture in pictures) + "}")
    recipe = yaml.safe_load((ROOT / f"configs/smoke/{name}.yaml").read_text())["method"]
    changes = [change for change in SMALLER if has(recipe, overrides, *change.partition("=")[0].split(".")[1:])]
    changes += ["train.batch_size=2", *overrides]
    absent = [f"method.{section}." for section in ("generator", "discriminator", "replay_buffer") if section not in sections]
    return [*config, *(change for change in changes if not change.startswith(tuple(absent)))]


def has(recipe: dict[str, Any], overrides: Sequence[str], section: str, key: str) -> bool:
    """Has the network of a section, which the recipe or an override names, the key?"""
    field = CONFIGS[recipe["name"]].model_fields.get(section)
    if field is None:
        return False
    named = [text.partition("=")[2] for text in overrides if text.startswith(f"method.{section}.name=")]
    default = field.get_default(call_default_factory=True).name
    return key in kinds_of(field)[(named or [recipe.get(section, {}).get("name", default)])[-1]].model_fields
