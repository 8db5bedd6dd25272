"""From YAML files and dotted overrides to a checked `RunConfig`, and back; every mistake in one line that names its key."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from gan_style.config.schema import MethodConfig, RunConfig
from gan_style.errors import UserError

MAX_CONFIG_BYTES = 1 << 20

# What may differ between a run folder's configuration and that of a command that goes on with it.
MAY_CHANGE = ("run_dir", "train.steps", "train.checkpoint_every", "train.keep", "logging.")


def load_config(path: str | Path, overrides: Sequence[str], methods: Mapping[str, type[MethodConfig]]) -> RunConfig[Any]:
    """Read a YAML file, apply `dotted.key=value` overrides and check the result against the schema of the method it names.

    methods: configuration classes by method name. Raises `UserError` naming every misspelt key and wrong value at once.
    """
    tree = read_yaml(Path(path))
    for override in overrides:
        apply_override(tree, override)
    return parse_config(tree, str(path), methods)


def parse_config(tree: dict[str, Any], source: str, methods: Mapping[str, type[MethodConfig]]) -> RunConfig[Any]:
    """Check a configuration tree; `source` is what messages call it."""
    method = tree.get("method")
    name = method.get("name") if isinstance(method, dict) else None
    if not isinstance(name, str) or name not in methods:
        hint = f"{name!r} is not a method{nearest(str(name), methods)}" if name else "names the method to train and is missing"
        raise UserError(f"{source}: method.name: {hint}; there are {', '.join(sorted(methods))}")
    schema = RunConfig[methods[name]]
    try:
        return schema.model_validate(tree)
    except ValidationError as mistakes:
        raise UserError(f"{source}: " + "; ".join(_describe(dict(mistake), schema) for mistake in mistakes.errors())) from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, or `UserError`."""
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise UserError(f"{path}: larger than {MAX_CONFIG_BYTES} bytes, which no configuration is; check the path")
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; configs/ holds the recipes") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"{path}: cannot be read as text ({problem})") from None
    except (yaml.YAMLError, RecursionError) as problem:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(problem).split())})") from None
    if not isinstance(tree, dict):
        raise UserError(f"{path}: holds {type(tree).__name__}, not a mapping of keys; see configs/ for examples")
    return tree


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Set one `dotted.key=value` in `tree`, in place; the value is read as YAML."""
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise UserError(f"{override!r} is not an override: write dotted.key=value, for example train.steps=1000")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"{override!r}: the value is not valid YAML; quote it") from None
    *parents, last = key.split(".")
    for parent in parents:
        child = tree.setdefault(parent, {})
        if not isinstance(child, dict):
            raise UserError(f"{override!r}: {parent} is a value, not a section")
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
        if before.get(key, absent) != after.get(key, absent) and not key.startswith(MAY_CHANGE)
    ]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping as one of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def nearest(word: str, known: Any) -> str:
    """`, did you mean 'x'?` where one of the known words is close."""
    matches = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {matches[0]!r}?" if matches else ""


def _describe(mistake: dict[str, Any], schema: type[BaseModel]) -> str:
    """One pydantic mistake as `dotted.key: what is wrong`."""
    path = mistake["loc"]
    key = ".".join(str(part) for part in path)
    if mistake["type"] == "extra_forbidden":
        section = _section(schema, path[:-1])
        known = section.model_fields if section else {}
        return f"{key}: unknown key{nearest(str(path[-1]), known) or f'; there are {chr(44).join(known)}'}"
    message = mistake["msg"].removeprefix("Value error, ")
    shown = "" if mistake["type"] in ("missing", "value_error") else f", not {mistake['input']!r}"
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
