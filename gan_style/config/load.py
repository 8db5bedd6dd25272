"""From YAML files and dotted overrides to a checked `RunConfig`, and back; every mistake in one line that names its key."""

import math
import reprlib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from gan_style.config.schema import MethodConfig, RunConfig
from gan_style.errors import UserError, nearest
from gan_style.opening import read_regular, refusal

MAX_CONFIG_BYTES = 2**18
MAX_DEPTH = 32
MAX_MISTAKES = 8  # that one message names

# What may differ between a run folder's configuration and that of a command that goes on with it.
MAY_CHANGE = (
    "run_dir",
    "optim.extend",
    "train.steps",
    "train.epochs",
    "train.max_minutes",
    "train.checkpoint_every",
    "train.keep",
    "train.validate_every",
    "train.on_nonfinite",
    "train.max_skips",
    "validation.",
    "logging.",
)


def load_config(path: str | Path, overrides: Sequence[str], methods: Mapping[str, type[MethodConfig]]) -> RunConfig[Any]:
    """Read a YAML file, apply `dotted.key=value` overrides and check the result against the schema of the method it names.

    methods: configuration classes by method name. Raises `UserError` naming every misspelt key and wrong value at once.
    """
    tree = read_yaml(Path(path))
    for override in overrides:
        apply_override(tree, override)
    config = parse_config(tree, str(path), methods)
    for key, place in (("run_dir", config.run_dir), ("data.root", config.data.root)):
        if why := refusal(place):
            raise UserError(f"{key}: {_short(place)} {why}; give another path")
    return config


def parse_config(tree: dict[str, Any], source: str, methods: Mapping[str, type[MethodConfig]]) -> RunConfig[Any]:
    """Check a configuration tree; `source` is what messages call it."""
    given = tree.get("method")
    method: dict[str, Any] = given if isinstance(given, dict) else {}
    name = method.get("name")
    if not isinstance(name, str) or name not in methods:
        hint = f"{_short(name)} is not a method{nearest(str(name), methods)}" if name else "names the method to train and is missing"
        raise UserError(f"{source}: method.name: {hint}; there are {', '.join(sorted(methods))}")
    schema = RunConfig[methods[name]]
    try:
        return schema.model_validate(tree)
    except ValidationError as problem:
        mistakes = problem.errors()
        more = f"; and {len(mistakes) - MAX_MISTAKES} more" if len(mistakes) > MAX_MISTAKES else ""
        raise UserError(f"{source}: " + "; ".join(_describe(dict(each), schema) for each in mistakes[:MAX_MISTAKES]) + more) from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, or `UserError`."""
    try:
        content = read_regular(path, MAX_CONFIG_BYTES + 1)
        if len(content) > MAX_CONFIG_BYTES:
            raise UserError(f"{path}: larger than {MAX_CONFIG_BYTES} bytes, which no configuration is; check the path")
        tree = parse_yaml(content.decode("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; configs/ holds the recipes") from None
    except OSError as problem:
        raise UserError(f"{path}: cannot be read as text ({problem.strerror}); check the path") from None
    except UnicodeDecodeError as problem:
        raise UserError(f"{path}: cannot be read as text ({problem}); save it as UTF-8") from None
    except ValueError as problem:
        raise UserError(f"{path}: not valid YAML ({problem})") from None
    if not isinstance(tree, dict):
        raise UserError(f"{path}: holds {type(tree).__name__}, not a mapping of keys; see configs/ for examples")
    return tree


def parse_yaml(text: str) -> Any:
    """The value of a YAML text in mappings with text keys, lists, texts, numbers, booleans and None.

    Nothing in it is shared: what an alias repeats is copied, so that changing one place changes one place. Raises
    `ValueError`, in one line, for what is not valid, is of another type (YAML knows dates and binary data), or unfolds
    its aliases to more than MAX_CONFIG_BYTES.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_extent(node)
        return _plain(loader.construct_document(node))
    except Exception as problem:  # the constructors of YAML's types raise whatever Python's do, from KeyError to OverflowError
        name = "" if isinstance(problem, yaml.YAMLError) or type(problem) is ValueError else f"{type(problem).__name__}: "
        raise ValueError(name + " ".join(str(problem).split())) from None


def _check_extent(root: yaml.Node) -> None:
    """Refuse, before anything is built, a document that its aliases unfold to a huge or endless one."""
    extent, rest = 0, [(root, 0)]
    while rest:
        node, depth = rest.pop()
        extent += 1 + len(node.value)
        if extent > MAX_CONFIG_BYTES or depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} levels deep, or repeated to more than {MAX_CONFIG_BYTES} values by its aliases")
        if isinstance(node, yaml.MappingNode):
            rest += [(child, depth + 1) for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            rest += [(child, depth + 1) for child in node.value]


def _plain(value: Any) -> Any:
    """A copy in which nothing is shared; `ValueError` for what a configuration cannot hold."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"the key {_short(key)} is read as {type(key).__name__}, not as text: quote it")
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    if isinstance(value, str) and "\0" in value:
        raise ValueError(f"{_short(value)} holds a NUL character")
    if value is not None and not isinstance(value, str | int | float):
        raise ValueError(f"{value if isinstance(value, date) else _short(value)} is read as {type(value).__name__}, not as text: quote it")
    if isinstance(value, int) and value.bit_length() > 1024:
        raise ValueError("a whole number of more than 300 digits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    return value


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Set one `dotted.key=value` in `tree`, in place; the value is read as YAML."""
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise UserError(f"{_short(override)} is not an override: write dotted.key=value, for example train.steps=1000")
    try:
        value = parse_yaml(text)
    except ValueError as problem:
        raise UserError(f"{_short(override)}: the value is not valid YAML ({problem}); in a shell, {key}='\"text\"' quotes it") from None
    *parents, last = key.split(".")
    for parent in parents:
        if tree.get(parent) is None:  # absent, or a section in which every line is commented out
            tree[parent] = {}
        child = tree[parent]
        if not isinstance(child, dict):
            raise UserError(f"{_short(override)}: {parent} is a value, not a section")
        tree = child
    tree[last] = value


def dump_config(config: RunConfig[Any]) -> str:
    """The resolved configuration as YAML that `load_config` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What keeps two configurations from being the same run: `key: old -> new` for each key outside `MAY_CHANGE`."""
    before, after = flatten(old), flatten(new)
    absent = "(absent)"
    return [
        f"{key}: {before.get(key, absent)} -> {after.get(key, absent)}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key, absent) != after.get(key, absent) and not _may_change(key)
    ]


def _may_change(key: str) -> bool:
    return any(key == free or (free.endswith(".") and key.startswith(free)) for free in MAY_CHANGE)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping as one of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _describe(mistake: dict[str, Any], schema: type[BaseModel]) -> str:
    """One pydantic mistake as `dotted.key: what is wrong`."""
    path = mistake["loc"]
    key = ".".join(str(part) for part in path)
    if mistake["type"] == "extra_forbidden":
        section = _section(schema, path[:-1])
        known = section.model_fields if section else {}
        return f"{key}: unknown key{nearest(str(path[-1]), known) or f'; there are {chr(44).join(known)}'}"
    message = mistake["msg"].removeprefix("Value error, ")
    shown = "" if mistake["type"] in ("missing", "value_error") else f", not {_short(mistake['input'])}"
    return f"{key}: {message}{shown}"


def _section(schema: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel] | None:
    """The section that a location in the configuration belongs to."""
    section: type[BaseModel] | None = schema
    for part in path:
        field = section.model_fields.get(str(part)) if section else None
        if field is None:
            return None
        candidates = (field.annotation, *get_args(field.annotation))
        section = next((kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return section


def _short(value: Any) -> str:
    """A value as a message shows it, cut where it is long."""
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 120
