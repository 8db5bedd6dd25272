"""The model card of a run: README.md of its repository on the Hugging Face hub. Nothing in it names a place on this machine."""

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import yaml

from gan_style.bundles.file import BundleInfo
from gan_style.bundles.hub import PICTURE
from gan_style.bundles.place import without_place
from gan_style.conditions import AnyCondition, Exemplar, Label, Mix, Noise
from gan_style.config.metrics import metric_of
from gan_style.errors import one_line
from gan_style.methods import METHODS
from gan_style.report.charts import in_digits
from gan_style.report.past import Past, better


def model_card(run: Past, repository: str, bundles: Mapping[str, BundleInfo], license: str | None, picture: int | None) -> str:
    """Markdown with a YAML header, as the hub reads it.

    repository: user/name; bundles: name in the repository -> metadata, the one to use first
    license: its identifier at the hub, None if none is given; picture: the step of the sample grid in `samples.png`, None without one
    """
    first = next(iter(bundles.values()))
    parts = [
        _header(first, license),
        f"# {repository.partition('/')[2]}",
        f"{described(first.method)} Trained with gan_style.",
    ]
    if picture is not None:
        parts.append(f"![Sample grid]({PICTURE})\n\n*Validation images, inputs at the left, after {picture} steps.*")
    parts += ["## Use", _use(repository, bundles), "## Files", _files(bundles), "## Training", _training(run, first)]
    if scores := _scores(run):
        parts += ["## Scores of validation", scores]
    return "\n\n".join([*parts, "## Limits", _limits(first, license)]) + "\n"


def described(method: str) -> str:
    """What a method is, from its module: name, purpose, authors, and a link to each paper."""
    module = sys.modules[METHODS[method].__module__]
    sentence = (inspect.getdoc(module) or method).partition("\n")[0]
    return re.sub(r"(?:arXiv )?\b(\d{4}\.\d{4,5})\b", r"[arXiv \1](https://arxiv.org/abs/\1)", sentence)


def name_of(place: Any) -> str:
    """The last part of a path or URL."""
    return PurePath(str(place).replace("\\", "/")).name


def without_places(value: Any) -> Any:
    """A configuration in which each path is its last part alone: what lies above it says who and where its owner is."""
    if isinstance(value, dict):
        return {key: without_places(child) for key, child in value.items()}
    if isinstance(value, list):
        return [without_places(child) for child in value]
    place = isinstance(value, str) and re.search(r"[/\\~]", value) and not value.startswith("hf://")
    return name_of(value) if place else value


def condition_of(info: BundleInfo) -> AnyCondition:
    """What the translator takes beside a picture; bundles of earlier versions do not tell it themselves."""
    kind = METHODS[info.method]
    return kind.takes(kind.Config.model_validate(info.translator))


def _header(info: BundleInfo, license: str | None) -> str:
    task = "unconditional-image-generation" if isinstance(condition_of(info), Noise) else "image-to-image"
    tree: dict[str, Any] = {"license": license} if license else {}
    tree |= {"library_name": "gan_style", "pipeline_tag": task, "tags": list(dict.fromkeys(["gan_style", task, "gan", info.method]))}
    return f"---\n{yaml.safe_dump(tree, sort_keys=False)}---"


def _use(repository: str, bundles: Mapping[str, BundleInfo]) -> str:
    info = next(iter(bundles.values()))
    model, condition = f"hf://{repository}", condition_of(info)
    option, argument, what = "--input photos/", "", "translated"
    if isinstance(condition, Noise):
        return _commands(f"gan-style infer --model {model} --samples 16 --output drawn", model, "translator.samples(16)[0].save", "drawn")
    if isinstance(condition, Label):
        option, argument = f"{option} --to {condition.names[0]}", f", to={condition.names[0]!r}"
    elif isinstance(condition, Mix):
        option, argument = f"{option} --style {condition.names[0]}", f", style={condition.names[0]!r}"
    elif isinstance(condition, Exemplar):
        option, argument = f"{option} --style style.jpg", ", style='style.jpg'"
    text = _commands(f"gan-style infer --model {model} {option} --output {what}", model, f"translator(picture{argument}).save", what)
    names = getattr(condition, "names", ())
    if names:
        text += f"\n\nIts {'domains' if isinstance(condition, Label) else 'styles'}: {', '.join(map(_cell, names))}."
    if len({each.direction for each in bundles.values()}) > 1:
        text += "\n\n`--direction b2a`, or `direction='b2a'`, takes the translator of the other direction."
    return text + f"\n\n`{model}@COMMIT` pins a commit."


def _commands(command: str, model: str, call: str, result: str) -> str:
    picture = '\npicture = Image.open("photo.png")' if "picture" in call else ""
    imports = "from PIL import Image\n\n" if picture else ""
    return (
        f"    pip install 'gan_style[hub]'\n    {command}\n\n```python\n{imports}import gan_style\n\n"
        f'translator = gan_style.load("{model}"){picture}\n{call}("{result}.png")\n```'
    )


def _files(bundles: Mapping[str, BundleInfo]) -> str:
    rows = [
        (f"`{name}`", info.direction, f"{info.in_channels} -> {info.out_channels}", str(info.step), _values(info.scores))
        for name, info in bundles.items()
    ]
    return _table(("bundle", "direction", "channels", "step", "scores"), rows)


def _training(run: Past, info: BundleInfo) -> str:
    facts: list[tuple[str, Any]] = [
        ("method", f"`{info.method}`"),
        ("generator", _network(run.get("method", "generator"))),
        ("data", name_of(run.get("data", "root") or "")),
        ("size", f"{info.resize.preprocess}, load_size {info.resize.load_size}, crop_size {info.resize.crop_size}"),
        ("steps", f"{run.step} of {run.total}" if run.total else run.step),
        ("batch size", run.get("train", "batch_size")),
        ("learning rate", run.get("optim", "lr")),
        ("seed", run.get("train", "seed")),
        ("begun from", _beginning(info)),
    ]
    rows = [(name, _cell(value)) for name, value in facts if value not in (None, "")]
    return _table(("", ""), rows) + "\n\n`config.yaml` has every key; of paths it has the last part."


def _beginning(info: BundleInfo) -> str:
    begun = info.begun_from
    if begun is None:
        return ""
    step = "" if begun.step is None else f", step {begun.step}"
    return f"`{without_place(begun.path)}`{step}, SHA-256 {begun.sha256[:16]}"


def _network(section: Any) -> str:
    if not isinstance(section, dict):
        return ""
    sizes = ("base_channels", "num_blocks", "num_downs", "norm")
    return ", ".join([f"`{section.get('name')}`", *(f"{key} {section[key]}" for key in sizes if section.get(key) is not None)])


def _scores(run: Past) -> str:
    rows = []
    for name, curve in run.log.under("val/").items():
        best = {"higher": curve.highest, "lower": curve.lowest}.get(better(name))
        metric = metric_of(name)
        words = f"{metric.words}; {better(name)} is better" if metric else ""
        rows.append((_cell(name), in_digits(curve.last), f"{in_digits(best[0])} at step {best[1]}" if best else "", words))
    return _table(("metric", "last", "best", ""), rows) if rows else ""


def _limits(info: BundleInfo, license: str | None) -> str:
    lines = [
        f"- It was trained at {info.resize.crop_size} pixels. Objects of another size in the picture than in training come out worse; "
        "`--resize train` translates at the size of training.",
        "- It knows pictures like those of its data alone, and it invents details: a result is no measurement and no evidence.",
    ]
    if license is None:
        lines.append("- No licence is given: ask its owner before you use it for anything but looking at it.")
    return "\n".join(lines)


def _values(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{_cell(name)} {in_digits(value)}" for name, value in scores.items())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: Any) -> str:
    return one_line(str(text)).replace("|", "\\|")
