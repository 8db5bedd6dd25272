"""Loading a `RunConfig` from YAML files and dotted overrides, and writing it. A mistake is one line that names its key."""

import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gan_style.config.base import read_config_file
from gan_style.config.effect import leaves, without_effect
from gan_style.config.mistakes import INCLUDES, MAX_MISTAKES, Mistake, Origin, Reader, found, joined, no_section
from gan_style.config.network import having_key
from gan_style.config.overrides import COMMAND_LINE, Override, Overrides, apply_override, parse_overrides
from gan_style.config.recipes import find_recipe
from gan_style.config.schema import MethodConfig, RunConfig
from gan_style.config.yaml_file import INCLUDE, plain
from gan_style.errors import UserError, nearest, short
from gan_style.files.opening import refusal


def load_config(
    path: str | Path, overrides: Overrides, methods: Mapping[str, type[MethodConfig]], given_in: str = COMMAND_LINE
) -> RunConfig[Any]:
    """Read a YAML file and its bases, apply `dotted.key=value` overrides and check the result against the schema of the method it names.

    path: of the file, or the name of a recipe; methods: configuration classes by method name.
    given_in: what messages call the place where the overrides were given
    Raises `UserError`, which names every misspelt key and wrong value at once.
    """
    return read_config(path, overrides, given_in).checked(methods)


@dataclass(frozen=True)
class WrittenConfig:
    """A configuration as its file and its overrides write it. tree: of the file alone"""

    tree: dict[str, Any]
    origin: Origin

    def checked(self, methods: Mapping[str, type[MethodConfig]]) -> RunConfig[Any]:
        """The configuration after its overrides, checked against the schema of its method, see `load_config`."""
        tree = deepcopy(self.tree)
        for override in self.origin.overrides:
            apply_override(tree, override)
        config = parse_config(tree, self.origin, methods)
        check_effect(config, self.origin.overrides)
        for key, place in (("run_dir", config.run_dir), ("data.root", config.data.root)):
            if why := refusal(place):
                raise UserError(f"{key}: {short(place)} {why}; give another path")
        return config


def read_config(path: str | Path, overrides: Overrides, given_in: str = COMMAND_LINE) -> WrittenConfig:
    """The first half of `load_config`, which needs no method and so loads no torch: read the file, parse the overrides."""
    file, given = read_config_file(find_recipe(str(path))), parse_overrides(overrides, given_in)
    return WrittenConfig(file.tree, Origin(str(file.path), file, given))


def config_of(
    tree: Mapping[str, Any],
    overrides: Overrides,
    methods: Mapping[str, type[MethodConfig]],
    name: str = "config",
    given_in: str = COMMAND_LINE,
) -> RunConfig[Any]:
    """Like `load_config`, for a mapping of a program. Tuples count as lists, paths as texts, scalars of NumPy and torch as numbers.

    name: what messages call the mapping
    """
    try:
        values = plain(tree)
    except ValueError as problem:
        raise UserError(f"{name}: {problem}") from None
    return WrittenConfig(values, Origin(name, None, parse_overrides(overrides, given_in))).checked(methods)


def check_effect(config: RunConfig[Any], overrides: Sequence[Override]) -> None:
    """`UserError` for overrides that have no effect with the other keys; a warning for those of keys that scripts set for every run."""
    refused: list[Mistake] = []
    for source, key in ((override.source, key) for override in overrides for key in leaves(override.place, override.value)):
        if (idle := without_effect(config, key)) is None:
            continue
        mistake = Mistake(key, idle[0], source)
        if idle[1]:
            refused.append(mistake)
        else:
            warnings.warn(str(mistake), stacklevel=2)
    if refused:
        raise UserError(joined(refused))


def parse_config(tree: dict[str, Any], origin: Origin | str, methods: Mapping[str, type[MethodConfig]]) -> RunConfig[Any]:
    """Check a configuration tree. origin: the place where it was written, or the name of its file in messages"""
    origin = Origin(origin) if isinstance(origin, str) else origin
    for key in tree:
        if key in INCLUDES:  # else it would be told what is missing, which it has elsewhere
            raise UserError(joined([found(origin, (key,), INCLUDE)]))
    given = tree.get("method")
    if isinstance(given, str):
        raise UserError(joined([found(origin, ("method",), no_section(given, MethodConfig))]))
    method: dict[str, Any] = given if isinstance(given, dict) else {}
    name = method.get("name")
    if not isinstance(name, str) or name not in methods:
        hint = f"{short(name)} is not a method{nearest(str(name), methods)}" if name else "names the method to train and is missing"
        raise UserError(joined([found(origin, ("method", "name"), f"{hint}; there are {', '.join(sorted(methods))}")]))
    schema = RunConfig[methods[name]]
    try:
        return schema.model_validate(tree)
    except ValidationError as problem:
        reader = Reader(origin, schema, name, methods)
        mistakes = reader.mistakes(problem.errors())
        told = _of_another_method(origin, name, methods, mistakes) or _of_another_network(origin, reader, mistakes)
        raise UserError(joined(told)) from None


def _of_another_method(
    origin: Origin, name: str, methods: Mapping[str, type[MethodConfig]], mistakes: Sequence[Mistake]
) -> list[Mistake] | None:
    """The one mistake behind all those in a file's `method` section, where an override, or a file based on it, names another method."""
    file = origin.file
    while file and file.value(("method", "name")) == name:
        file = file.base
    before = file.value(("method", "name")) if file else None
    strange = [mistake for mistake in mistakes if mistake.place[:1] == ("method",) and mistake.blamed in origin.files(file)]
    if not isinstance(before, str) or before not in methods or not strange:
        return None
    source = origin.files(file)[0]
    keys = ", ".join(".".join(map(str, mistake.place[1:])) or "keys" for mistake in strange[:MAX_MISTAKES])
    words = (
        f"the section method of {source} is for {before}, and {name} does not take its {keys}; take the recipe {name}, "
        f"or method='{{name: {name}}}' for the defaults of {name}"
    )
    return [found(origin, ("method", "name"), words), *(mistake for mistake in mistakes if mistake not in strange)]


def _of_another_network(origin: Origin, reader: Reader, mistakes: Sequence[Mistake]) -> list[Mistake]:
    """The mistakes, with one for all those in a network's section of the file where the command line names another network."""
    told = list(mistakes)
    for override in origin.overrides:
        *above, last = override.place
        before = origin.file.value(override.place) if origin.file else None
        if last != "name" or before == override.value:
            continue
        of_file = [mistake for mistake in told if list(mistake.place[:-1]) == above and mistake.blamed in origin.files(origin.file)]
        kinds = reader.kinds(above)
        strange = [mistake for mistake in of_file if (names := having_key(kinds, mistake.place[-1])) and override.value not in names]
        if not strange:
            continue
        section, keys = ".".join(above), ", ".join(str(mistake.place[-1]) for mistake in strange)
        words = (
            f"the section {section} of {origin.source} is for {before or 'another'}, and {override.value} does not take its {keys}; "
            f"take {section}='{{name: {override.value}}}' for the defaults of {override.value}"
        )
        told = [found(origin, override.place, words), *(mistake for mistake in told if mistake not in strange)]
    return told


def dump_config(config: RunConfig[Any]) -> str:
    """The resolved configuration as YAML that `load_config` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten a nested mapping to dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
