"""A bundle over the validation images of a data set: the images, sizes and numbers of validation in training."""

from argparse import Namespace
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from gan_style.bundle import BundleInfo
from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.demo import ensure_demo
from gan_style.engine.cases import Cases, describe_reals, open_validation_set, translations
from gan_style.errors import UserError
from gan_style.evaluation.command import Result
from gan_style.evaluation.task import Task
from gan_style.inference.command import find_bundle
from gan_style.inference.predictor import Predictor
from gan_style.methods import METHODS
from gan_style.methods.gan import noise
from gan_style.metrics.choice import choose
from gan_style.metrics.suite import Networks, Row, Suite


def measure_bundle(options: Namespace) -> Result:
    """Translate and measure, image by image."""
    path = find_bundle(Path(options.model), options.direction)
    predictor = Predictor.load(path, options.device)
    info, device = predictor.info, predictor.device
    if options.direction not in (None, info.direction):
        raise UserError(f"--direction {options.direction}: {path} translates {info.direction}; give the other bundle or leave it out")
    method = METHODS[info.method]
    if method.serves in ("named styles", "style pictures"):
        raise UserError(f"--model {path}: {info.method} needs styles; stylise with infer.py, then compare files by --results and --inputs")
    if method.serves == "noise" and options.segmenter:
        raise UserError(f"--segmenter: {info.method} translates no label maps; leave it out")
    ensure_demo(options.data)
    validation = open_validation_set(validation_data(info, options), method.needs, options.metrics, "--metrics")
    names = choose(options.metrics, method.serves, validation.paired, "--metrics", info.method)
    suite = Suite(names, Networks(options.features, options.lpips, options.structure, "--")).to(device)
    from_noise = method.serves == "noise"

    def inputs(source: Tensor, other: Tensor | None, place: int) -> tuple[Tensor, ...]:
        return (noise(info.translator["latent"], options.seed, -1 - place),) if from_noise else (source,)

    other = "truth" if suite.compares("truth") else None
    cases = Cases(validation, info.direction, inputs, other, from_noise, options.images)
    cases.check(suite)
    task = Task.of(options, info.direction, info.resize, device) if options.segmenter else None
    rows: dict[int, Row] = {}
    with tqdm(total=len(cases.places), unit="image", disable=None) as bar:
        for place, case in translations(cases, cases.places, predictor.network, device, "take another --device"):
            rows[place] = suite.measure(case)
            if task:
                task.add(case.name, case.translated)
            bar.update()
    real = describe_reals(cases, cases.reals, suite) if suite.compares("domain") else {}
    what = {"model": f"{path}, {info.method} {info.direction}, step {info.step}", "data": f"{options.data}: {validation.describe()}"}
    return Result(what, len(rows), suite.combine(rows, real), suite.words(), task.summary() if task else None)


def validation_data(info: BundleInfo, options: Namespace) -> DataConfig:
    """The validation images as the bundle's training read them."""
    given = DomainConfig(channels=info.in_channels, labels=info.labels)
    made = DomainConfig(channels=info.out_channels, labels=options.output_labels)
    if METHODS[info.method].needs == "images":
        given = made = DomainConfig(channels=info.out_channels, labels=info.labels)
    first, second = (given, made) if info.direction == "a2b" else (made, given)
    sizes = info.resize.model_dump()
    return DataConfig.model_validate({"root": options.data, "source": options.source, **sizes, "domain_a": first, "domain_b": second})
