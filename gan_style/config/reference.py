"""The page docs/guide/config.md, generated from the schema: each section and key with its type, range, default and meaning."""

import json
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gan_style.config.continuing import MAY_CHANGE
from gan_style.config.effect import OnlyWith
from gan_style.config.network import NetworkConfig, kinds_of
from gan_style.config.schema import MethodConfig, RunConfig

_INTRO = """\
# Configuration

<!-- Written by `python -m gan_style keys > docs/guide/config.md`; the text is in gan_style/config. -->

A YAML file and overrides on the command line describe a run. The file is your own, or a recipe that is called by its name:

```
gan-style train --config pix2pix run_dir=runs/mine data.root=my_pairs train.batch_size=4
gan-style train --config mine.yaml
```

Keys that the file leaves out have the defaults below. `--dry-run` prints the resolved configuration and checks everything without
training. Keys that do not exist and values out of their range are refused before training starts. The message shows all mistakes at once:
those of the file with their lines, those of overrides as the command line's.

`run_dir/config.yaml` keeps the resolved configuration. The same command goes on with that run. These keys may change then: {free}, and
`train.accumulate` unless batch normalisation mixes the images of a batch. A change of any other key makes another run.
[resume.md](resume.md) says what each change means.

## Overrides

`section.key=value` sets one key. The other keys of the section stay as they are. The file need not have the section. The value is read
as YAML:

| write | to set |
|---|---|
| `optim.lr=1e-4` | a number |
| `data.flip=false` | a boolean |
| `optim.clip_norm=null` | nothing |
| `run_dir='"2024"'` | a text that looks like a number (the outer quotes are for the shell, the inner ones for YAML) |
| `data.transforms='[{name: Rotate, limit: 10}]'` | a list: it replaces the file's as a whole |
| `method.generator='{name: unet, num_downs: 7}'` | a section: it replaces the file's; other keys have their defaults |

If several overrides set one key, the last one counts, and a warning names the others. A file that has a key twice is refused.

## A file based on another

```yaml
base: pix2pix              # a recipe's name, or a path relative to this file
run_dir: runs/mine
method: {l1_weight: 50}      # every other key of pix2pix stays as it is
```

`base` stands at the top of a file. Sections are merged key by key; a list, a number or a text replaces the base's. A mapping of names
of your own (`method.styles`, `optim.player_lr`) is merged too: an override replaces it as a whole. A section that names another network
than the base's (`generator: {name: resnet}`) replaces the base's section. Another method than the base's has other keys: take a base of
that method. `config.yaml` in the run folder is complete by itself.

## Sweeps

```
gan-style train --config cyclegan data.root=my_folders run_dir=runs/rates --sweep optim.lr=1e-4,2e-4 --sweep train.seed=0..4
```

trains ten runs one after the other, `runs/rates/lr=1e-4_seed=0` and so on, and ends in a table of their last metrics and
`runs/rates/comparison.html` (twelve runs a page, `comparison_2.html` has the next). Commas in brackets or quotes belong to a value.
A run that fails does not end the sweep. The same command goes on where the last one stopped; with further values it trains what is new.
`--dry-run` lists the runs and checks each. `train.max_minutes` is of each run.

## YAML traps

- `no`, `off`, `yes` and `on` are booleans. `mixed_precision: no` and `labels: yes` are understood all the same; elsewhere quote the word.
- YAML reads `2e-4` as a text. Keys that are numbers take it as a number all the same. The values of `transforms` are passed on as they
  are: write `2.0e-4` or `0.0002` there. Write whole numbers with all digits: `100000`, not `1e5`.
- `2024-01-31` is a date, `12:30` the number 750 and `010` the number 8: quote names that look so.
- A section in which every line is commented out is null, not a section: comment its heading out too.
- In a path, `~` and `${VAR}` stand for your home and for an environment variable, and `config.yaml` keeps what they stood for; a
  variable that is not set is refused. `~` alone is null to YAML: write `~/`.
- In a path, ` #` begins a comment and `: ` a mapping: quote paths that have them.
"""

_BOUNDS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
_UNIONS = (Union, UnionType)
_TYPES = {int: "whole number", float: "number", bool: "true or false", str: "text"}


def config_reference(methods: Mapping[str, type[MethodConfig]]) -> str:
    """The page as Markdown, with one chapter for each section class.

    A class that several places or methods share has one chapter. methods: configuration classes by method name
    """
    chapters: dict[type[BaseModel], list[tuple[str, str]]] = {}
    waiting: list[tuple[str, str, type[BaseModel]]] = [("", "", RunConfig)]
    while waiting:
        place, owner, section = waiting.pop(0)
        chapters.setdefault(section, []).append((place, owner))
        for name, field in section.model_fields.items():
            inner = f"{place}.{name}".lstrip(".")
            if section is RunConfig and name == "method":
                waiting += [(inner, method, config) for method, config in methods.items()]
            elif kinds := kinds_of(field):
                waiting += [(inner, owner, kind) for kind in kinds.values()]
            elif nested := _nested(field):
                waiting.append((inner, owner, nested))
    free = ", ".join(f"`{key}*`" if key.endswith(".") else f"`{key}`" for key in MAY_CHANGE)
    return "\n".join([_INTRO.replace("{free}", free), *(_chapter(section, places) for section, places in chapters.items())])


def _chapter(section: type[BaseModel], found: list[tuple[str, str]]) -> str:
    """The chapter of a section class: heading, first line of the docstring, table. found: each (place, method) that has the class"""
    places = list(dict.fromkeys(place for place, _ in found))
    owners = list(dict.fromkeys(owner for _, owner in found if owner))
    heading = ", ".join(f"`{place}`" for place in places if place) or "Sections"
    name = f" `{section.model_fields['name'].default}`" if issubclass(section, NetworkConfig) else ""
    lines = [
        f"## {heading}{name}{' of ' + ', '.join(owners) if owners else ''}",
        "",
        (section.__doc__ or "").strip().partition("\n")[0],
        "",
        "| key | type | default | meaning |",
        "|---|---|---|---|",
    ]
    shared = NetworkConfig.model_fields.keys() - {"name"} if issubclass(section, NetworkConfig) else set()  # the last rows
    for name, field in sorted(section.model_fields.items(), key=lambda each: each[0] in shared):
        key = ", ".join(f"`{f'{place}.{name}'.lstrip('.')}`" for place in places)
        meaning = f"{field.description or ''}{_only_with(section, field)}"
        cells = (key, _type(field), _default(field), meaning)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, ""])


def _only_with(section: type[BaseModel], field: FieldInfo) -> str:
    """The other keys that must be set, in words. A rule that several networks share shows the keys of this section."""
    rules = [rule for rule in field.metadata if isinstance(rule, OnlyWith)]
    texts = [
        f"a method that {rule.words[1]}"
        if rule.words
        else " or ".join(
            f"`{key}`" + (f" {_either(values)}" if values else "")
            for key, values in rule.keys.items()
            if "." in key or key in section.model_fields
        )
        for rule in rules
    ]
    return f" Only with {', and with '.join(texts)}." if texts else ""


def _either(values: tuple[Any, ...]) -> str:
    return " or ".join(f"`{'null' if value is None else value}`" for value in values)


def _alternatives(field: FieldInfo) -> Iterator[Any]:
    """The types of a field: one type, or the members of a union."""
    yield from (get_args(field.annotation) if get_origin(field.annotation) in _UNIONS else (field.annotation,))


def _nested(field: FieldInfo) -> type[BaseModel] | None:
    """The section class of a field; None if the field is not a section."""
    return next((kind for kind in _alternatives(field) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _type(field: FieldInfo) -> str:
    """The type in words, with choices and range. For a key that takes a network, the names of the networks."""
    if kinds := kinds_of(field):
        return ", ".join(f"`{name}`" for name in kinds)
    return ", or ".join(_type_name(kind, field) for kind in _alternatives(field))


def _type_name(kind: Any, field: FieldInfo) -> str:
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if kind is type(None):
        return "null"
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) is dict:
        return "mapping"
    if get_origin(kind) is tuple:
        return f"list of {len(get_args(kind))} {_TYPES[get_args(kind)[0]]}s"
    if get_origin(kind) is list:
        return "list of mappings" if get_origin(get_args(kind)[0]) is dict else "list"
    bounds = [
        f"{words} {_bound(limit)}" for rule in field.metadata for name, words in _BOUNDS if (limit := getattr(rule, name, None)) is not None
    ]
    return ", ".join([_TYPES.get(kind, "section"), *bounds])


def _bound(limit: float) -> str:
    power = int(limit).bit_length() - 1
    return f"2^{power}" if power > 31 and limit == 2**power else f"{limit:g}"


def _default(field: FieldInfo) -> str:
    """The default as YAML. For a section, the name of its network and the keys that differ from the section's own defaults."""
    if field.is_required():
        return "as below" if _nested(field) else "required"
    value = field.get_default(call_default_factory=True)
    if not isinstance(value, BaseModel):
        return f"`{value if isinstance(value, str) else json.dumps(value)}`"
    own = {name: inner.get_default(call_default_factory=True) for name, inner in type(value).model_fields.items()}
    named = [f"`name: {value.name}`"] if isinstance(value, NetworkConfig) else []
    changed = [f"`{name}: {json.dumps(getattr(value, name)).strip(chr(34))}`" for name in own if getattr(value, name) != own[name]]
    changed = [*named, *changed]
    return f"{', '.join(changed)}, the rest as below" if changed else "as below"
