"""Measuring a bundle on the validation images of a data set. Images, sizes and numbers are those of validation in training."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from gan_style.bundles.file import BundleInfo, BundleValues
from gan_style.bundles.place import find_bundle, name_of
from gan_style.commands.evaluate.options import flag
from gan_style.commands.evaluate.result import Result
from gan_style.commands.evaluate.task import TaskScoring
from gan_style.conditions import Exemplar, Label, Mix, Noise
from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.class_colours import find_frequent
from gan_style.datasets.dataset import open_dataset
from gan_style.demo.sets import ensure_demo
from gan_style.errors import UserError
from gan_style.evaluation.cases import Wanted, describe_reals, open_cases, translations
from gan_style.evaluation.suite import Networks, Row
from gan_style.methods import METHODS
from gan_style.terminal.progress import Progress, say
from gan_style.translation.predictor import Predictor
from gan_style.translation.translators import known_name
from gan_style.types import Needs

_SMALLER = "take another --device, or translate smaller with infer.py --resize, and compare the files by --results"


def measure_bundle(options: Namespace) -> Result:
    """Translate and measure, image by image."""
    path = find_bundle("--model", Path(options.model), options.direction)
    predictor = Predictor.load(path, options.device)
    info, device = predictor.info, predictor.device
    if options.direction not in (None, info.direction):
        raise UserError(f"--direction {options.direction}: {path} translates {info.direction}; give the other bundle or leave it out")
    condition = predictor.condition
    if isinstance(condition, Mix | Exemplar):
        raise UserError(f"--model {path}: {info.method} needs styles; stylise with infer.py, then compare files by --results and --inputs")
    from_noise = isinstance(condition, Noise)
    of_two = ("segmenter", "output_labels", "data_b")
    idle = dict.fromkeys(of_two, "translates nothing") if from_noise else {"seed": "takes no noise"}
    if isinstance(condition, Label):
        idle |= dict.fromkeys(of_two, "has one labelled set")
    for name, why in idle.items():
        if getattr(options, name) is not None:
            raise UserError(f"{flag(name)}: {info.method} {why}; leave it out")
    if options.to is not None and not isinstance(condition, Label):
        raise UserError(f"--to {options.to}: a bundle of {info.method} has no domains to choose from; leave it out")
    to = known_name("--to", options.to, condition) if options.to is not None and isinstance(condition, Label) else None
    roots = [root for root in (options.data, options.data_b) if root is not None]
    for root in roots:
        ensure_demo(root)

    wanted = Wanted(options.metrics, options.images, Networks(options.features, options.lpips, options.structure, "--"))
    data = with_classes(validation_data(info, options), METHODS[info.method].needs)
    suite, opened = open_cases(data, info.method, condition, wanted, [info.direction], options.seed or 0, to)
    cases, suite = opened[info.direction], suite.to(device)
    if warning := suite.warning():
        say(f"warning: {warning}", sys.stderr)
    task = None
    if options.segmenter:
        task = TaskScoring.of(options, info.direction, info.resize, device, map(cases.name, cases.places), labels_of(info))
    rows: dict[int, Row] = {}
    with Progress("measuring", "images", len(cases.places)) as progress:
        for place, case in translations(cases, cases.places, predictor.network, device, _SMALLER):
            rows[place] = suite.measure(case)
            if task:
                task.add(case.name, case.translated)
            progress.update()
    real = describe_reals(cases, cases.reals, suite) if suite.compares("domain") else {}
    what = {
        "model": f"{name_of(path)}, {info.method} {info.direction}, step {info.step}",
        "data": f"{' and '.join(roots)}: {cases.validation.describe()}",
    }
    return Result(what, len(rows), suite.combine(rows, real), suite.words(), task.summary() if task else None)


def labels_of(info: BundleInfo) -> DomainConfig:
    """The settings by which a segmenter, which takes RGB, reads the label maps that the bundle translates."""
    if info.labels != "nearest":
        return DomainConfig(labels="yes")
    return DomainConfig(labels="nearest", colours=info.colours if info.in_channels >= 3 else None)


def with_classes(data: DataConfig, needs: Needs) -> DataConfig:
    """`data` with the classes of label maps under `labels: nearest`, which are found in the training images, as in training."""
    wanted = [name for name, domain in (("a", data.domain_a), ("b", data.domain_b)) if domain.labels == "nearest" and not domain.colours]
    if not wanted:
        return data
    source = open_dataset(data, "train", needs, 0).source
    return data.with_colours({name: find_frequent(source, data, name) for name in wanted})


def validation_data(info: BundleInfo, options: Namespace) -> DataConfig:
    """The configuration that reads the validation images as the bundle's training did."""
    values = {"slices": info.slices, **_values(info.values_in)}
    given = DomainConfig(channels=info.in_channels, labels=info.labels, colours=info.colours or None, **values)
    made = DomainConfig(channels=info.out_channels, labels=options.output_labels or "auto", **_values(info.values_out))
    if "b" not in METHODS[info.method].Config.domains:
        given = made = given.model_copy(update={"channels": info.out_channels})
    first, second = (given, made) if info.direction == "a2b" else (made, given)
    where = {"root": options.data, "root_b": options.data_b, "source": options.source or "auto", "mask": options.mask or "auto"}
    return DataConfig.model_validate({**where, **info.resize.model_dump(), "domain_a": first, "domain_b": second})


def _values(values: BundleValues | None) -> dict[str, Any]:
    """The keys of a domain whose files are measurements."""
    if values is None:
        return {}
    missing = "refuse" if values.missing is None else values.missing
    low, high = values.ends
    ranges = list(zip(low, high, strict=True))
    return {"range": ranges if isinstance(values.low, tuple) else ranges[0], "missing": missing, "type": values.type}
