"""The composition root: from a configuration to the objects of a run."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from torch import nn

from gan_style.bundles.file import BundleInfo, Resize
from gan_style.conditions import Exemplar
from gan_style.config.domain_names import with_domain_names
from gan_style.config.load import dump_config
from gan_style.config.schema import RunConfig
from gan_style.datasets.dataset import TrainingSet, ValidationSet, batches_of_one, open_dataset
from gan_style.datasets.loading import training_loader
from gan_style.datasets.sampling import slots_of
from gan_style.datasets.volumes import slices_of
from gan_style.demo.sets import ensure_demo
from gan_style.engine.agreement import Agreement
from gan_style.engine.beginning.start import ForeignNetwork, ancestor, begin, check_same_everywhere
from gan_style.engine.checkpoint import earlier_inputs
from gan_style.engine.checks import check_crop, check_masks, check_players
from gan_style.engine.distribution import make_accelerator, synchronise_batch_norm, training_device
from gan_style.engine.folder import begun, check_same
from gan_style.engine.freezing import fixed_tensors
from gan_style.engine.known_data import KnownData
from gan_style.engine.looks import looks_of
from gan_style.engine.micro_batches import step_advice
from gan_style.engine.plan import make_plan
from gan_style.engine.precision import check_one_precision, with_precision
from gan_style.engine.process import lent_process
from gan_style.engine.rejoin import rejoin
from gan_style.engine.run import Run
from gan_style.engine.run_classes import domain_colours, label_colours, with_colours, with_domain_keys
from gan_style.engine.run_values import bundle_values, domain_values, sought_keys
from gan_style.engine.samples import SampleGrid, make_examples
from gan_style.engine.summary import computing, summary
from gan_style.engine.trainer import Trainer
from gan_style.engine.validation import Subject, Validation
from gan_style.errors import UserError
from gan_style.evaluation.best_metric import check_best
from gan_style.evaluation.cases import Cases, Wanted, open_cases
from gan_style.evaluation.suite import Networks, Suite
from gan_style.files.looking import looking_only
from gan_style.machine.allocator import keeping_freed_memory
from gan_style.machine.device import cuda_settings
from gan_style.machine.memory import room_for
from gan_style.methods import CONFIGS, METHODS
from gan_style.methods.base import Method
from gan_style.methods.serving import serving_network
from gan_style.seeding import derive_seed
from gan_style.terminal.progress import say
from gan_style.types import Direction, Kept, Task

T = TypeVar("T")


def train(config: RunConfig[Any]) -> int:
    """Train as configured; returns the exit code.

    It may be called repeatedly and in any thread, but one training at a time. Signals reach only the main thread: a training in another
    thread ends at its last step, or after `train.max_minutes`, with a checkpoint saved.
    """
    with lent_process():
        rejoin()
        config = with_precision(config)
        accelerator = make_accelerator(config.train)
        memory = keeping_freed_memory() if accelerator.device.type == "cpu" else nullcontext()
        try:
            with (
                memory,
                cuda_settings(config.train.tf32, measures_kernels(config)),
                room_for("no memory to begin", step_advice(begun(Path(config.run_dir)), divisible=False)),
            ):
                return _run(config, accelerator)
        except (UserError, SystemExit):
            accelerator.end_training()  # else gloo may abort at exit, and the exit code is lost
            raise


def measures_kernels(config: RunConfig[Any]) -> bool:
    """Does cuDNN measure its kernels? With images of many sizes it would measure again and again."""
    wanted = config.train.cudnn_benchmark
    return wanted == "on" or (wanted == "auto" and config.data.one_size)


def _run(config: RunConfig[Any], accelerator: Accelerator) -> int:
    process, processes = accelerator.process_index, accelerator.num_processes
    agreement = Agreement()
    check_one_precision(config.train, agreement)

    def by_turns(action: Callable[[], T]) -> T:  # the first process of each node draws, indexes or downloads for the others
        return agreement.in_turns(accelerator.is_local_main_process, action)

    def by_main(find: Callable[[], T]) -> T:
        found: list[T] = []
        with agreement.together():
            if accelerator.is_main_process:
                found.append(find())
        return agreement.from_main(found)[0]

    sought = sought_keys(config)
    config, training, validation = resolved(config, *by_turns(lambda: open_data(config)), by_main)
    plan = make_plan(config.train, config.optim, len(training))
    kept = Kept(agreement.from_main(earlier_inputs(Path(config.run_dir)) if accelerator.is_main_process else None))
    method, begun = by_turns(lambda: begin_method(config, kept, training))
    check_same_everywhere(kept, agreement)
    subjects = by_turns(lambda: open_validation(config, method))
    synchronise_batch_norm(method, accelerator)
    if accelerator.is_main_process:
        computes = computing(config, accelerator.device, processes, plan.length)
        for line in [*summary(config, training, validation, method), *warnings_of(subjects), computes, *begun]:
            say(line)
    trainer = Trainer(method, config.train, config.optim, accelerator, plan.length, plan.warm_up)
    train_config = config.train
    layout = (train_config.batch_size, process, processes, train_config.accumulate)

    def loader(start: int, stop: int) -> Any:
        return iter(training_loader(training, config.data, start, stop, *layout, pin_memory=accelerator.device.type == "cuda"))

    grid = checked = None
    translators = make_translators(config, method, accelerator.device) if subjects or accelerator.is_main_process else {}
    with agreement.together():
        if accelerator.is_main_process:
            grid = make_grid(config, method, validation, translators, accelerator.device)
    if train_config.validate_every:
        measured: dict[Direction, Subject] = {direction: Subject(translators[direction], *parts) for direction, parts in subjects.items()}
        checked = Validation(train_config.validate_every, measured, accelerator.device, agreement, process, processes)
    slots = frozenset(slots_of(*layout))
    known = KnownData(training, config, sought) if accelerator.is_main_process else None
    infos = bundle_infos(config, method, kept, {domain: training.source.inputs(domain) for domain in training.source.domains})
    return Run(config, plan, trainer, accelerator, agreement, loader, slots, infos, grid, checked, known, kept).fit()


def describe(config: RunConfig[Any]) -> tuple[str, list[str]]:
    """Check everything that training would: the resolved configuration as YAML, and what would be trained, in lines.

    Nothing is left behind but the demo data, without which there is nothing to check. Weights that training would download are named,
    not checked.
    """
    config = with_precision(config)
    device = training_device(config.train)
    with lent_process(), looking_only() as looking:
        config, training, validation = resolved(config, *open_data(config))
        earlier = earlier_inputs(Path(config.run_dir))
        method, begun = begin_method(config, Kept(earlier), training)
        check_same(Path(config.run_dir), config, method.divisible, earlier or ())
        measured = warnings_of(open_validation(config, method))
        slots_of(config.train.batch_size, 0, 1, config.train.accumulate)
        plan = make_plan(config.train, config.optim, len(training))
        lines = [*summary(config, training, validation, method), *measured, computing(config, device, 1, plan.length), *begun]
        goes_on = any(Path(config.run_dir).glob("checkpoints/step_*"))
        kept_length = "; the run in this folder goes on as optim.extend says" if goes_on else ""
        lines.append(f"length      {plan.in_words(config.train.batch_size, len(training))}{kept_length}")
        lines += [f"download    {weights.name} into {weights.parent}, at the start of training" for weights in looking.missing]
    return dump_config(config), lines


def draw_demo(config: RunConfig[Any]) -> None:
    """Draw the demo sets that the configuration names, if they are missing."""
    for folder in (config.data.root, config.data.root_b, *(str(Path(picture).parent) for picture in config.method.pictures())):
        if folder is not None:
            ensure_demo(folder)


def open_data(config: RunConfig[Any]) -> tuple[TrainingSet, ValidationSet | None]:
    """Open the training and the validation set. Demo data are drawn first."""
    draw_demo(config)
    kind = METHODS[config.method.name]
    training = open_dataset(config.data, "train", kind.needs, config.train.seed)
    return training, open_dataset(config.data, "val", kind.needs, config.train.seed)


def resolved(
    config: RunConfig[Any],
    training: TrainingSet,
    validation: ValidationSet | None,
    found: Callable[[Callable[[], Any]], Any] = lambda find: find(),
) -> tuple[RunConfig[Any], TrainingSet, ValidationSet | None]:
    """The configuration with the domains and classes of the training images, and the data sets as it reads them.

    found: the result of a function for every process; by default each process calls it
    """
    names = found(lambda: training.names)
    config = config.model_copy(update={"method": with_domain_names(config.method, names)})
    keys = found(lambda: domain_colours(config, training) | domain_values(config, training))
    config, training, validation = with_domain_keys(config, keys, training, validation)
    return with_colours(config, found(lambda: label_colours(config, training))), training, validation


def open_method(config: RunConfig[Any], kept: Kept | None = None, training: TrainingSet | None = None) -> Method:
    """Make the method with weights from the run's seed.

    kept: what the run read from files earlier; the method adds what it reads; training: for methods that measure training samples
    """
    torch.manual_seed(derive_seed(config.train.seed, "weights"))
    samples: dict[str, Any] = {} if training is None else {"samples": lambda: batches_of_one(training)}
    method = METHODS[config.method.name](config.method, replace(make_task(config), kept=kept or Kept(), **samples))
    check_crop(config, method)
    check_players(config, method)
    check_masks(training, method)
    fixed_tensors(config.train.freeze, method)
    return method


def begin_method(config: RunConfig[Any], kept: Kept, training: TrainingSet | None = None) -> tuple[Method, list[str]]:
    """`open_method` with the weights of `train.init_from`, and lines about them for the user."""
    method = open_method(config, kept, training)
    return method, begin(config, method, make_task(config), kept, _read_foreign)


def _read_foreign(path: Path) -> ForeignNetwork:
    """A network of another project. Its readers are loaded when a run begins from one."""
    from gan_style.interop.projects import read_foreign

    return read_foreign(path)


def open_validation(config: RunConfig[Any], method: Method) -> dict[Direction, tuple[Cases, Suite]]:
    """The cases and metrics of each direction for validation; empty without validation. `UserError` for metrics that make no sense."""
    chosen = config.validation
    if config.train.validate_every is None:
        if chosen.best:
            raise UserError("validation.best: nothing is measured; set train.validate_every to a number of steps, or leave best out")
        return {}

    wanted = Wanted(chosen.metrics, chosen.images, Networks(chosen.features, chosen.lpips, chosen.structure))
    suite, cases = open_cases(config.data, config.method.name, method.condition, wanted, method.translators, config.train.seed)
    if chosen.best:
        check_best(chosen.best, suite, next(iter(cases.values())).validation.source)
    return {direction: (each, suite) for direction, each in cases.items()}


def warnings_of(subjects: Mapping[Direction, tuple[Cases, Suite]]) -> list[str]:
    """A line for the warning of the metrics, which all directions share."""
    warnings = {suite.warning() for _, suite in subjects.values()}
    return [f"warning     {warning}" for warning in warnings if warning]


def make_task(config: RunConfig[Any]) -> Task:
    """The part of the configuration that the method needs beside its own section."""
    data, train = config.data, config.train
    out = data.domain_b if "b" in config.method.domains else data.domain_a
    return Task(data.domain_a.channels, out.channels, train.batch_size, train.seed, data.crop_size)


def bundle_infos(
    config: RunConfig[Any], method: Method, kept: Kept | None = None, inputs: Mapping[str, int] | None = None
) -> dict[Direction, BundleInfo]:
    """The metadata of each direction's bundle. kept: what the run has read from files; inputs: domain -> files of an image, if several"""
    task, data = make_task(config), config.data
    infos: dict[Direction, BundleInfo] = {}
    for direction, network in method.translators.items():
        channels_in, channels_out = task.channels(direction)
        given, made = (data.domain_a, data.domain_b) if direction == "a2b" else (data.domain_b, data.domain_a)
        infos[direction] = BundleInfo(
            method=config.method.name,
            direction=direction,
            translator=method.served_config(),
            in_channels=channels_in,
            out_channels=channels_out,
            size_multiple=int(getattr(method.networks[network], "size_multiple", 1)),
            style=isinstance(method.condition, Exemplar),
            condition=method.condition,
            labels=given.labels,
            colours=given.colours or [],
            values_in=bundle_values(given),
            values_out=bundle_values(made if "b" in config.method.domains else given),
            resize=Resize(preprocess=data.preprocess, load_size=data.load_size, crop_size=data.crop_size),
            inputs=(inputs or {}).get(direction[0], 1),
            slices=slices_of(data, direction[0]),
            step=0,
            begun_from=ancestor(kept, network) if kept else None,
        )
    return infos


def make_translators(config: RunConfig[Any], method: Method, device: torch.device) -> dict[Direction, nn.Module]:
    """The translator of each direction, without weights. Sample grids and validation share them and load weights into them."""
    name, channels = config.method.name, make_task(config).channels
    served = CONFIGS[name].model_validate(method.served_config())  # the configuration of bundles, with the styles of `add_to`
    return {direction: serving_network(name, served, *channels(direction)).to(device) for direction in method.translators}


def make_grid(
    config: RunConfig[Any],
    method: Method,
    validation: ValidationSet | None,
    translators: dict[Direction, nn.Module],
    device: torch.device,
) -> SampleGrid | None:
    """The object that draws sample grids; None if there are no validation images."""
    examples = make_examples(config, method, validation)
    looks = looks_of(config)
    if "b" not in config.method.domains:
        looks["b"] = looks["a"]
    return SampleGrid(translators, examples, device, method.field, looks) if examples else None
