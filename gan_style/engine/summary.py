"""The summary that is printed before the first step: method, data, warnings about the data, networks."""

from typing import Any

import torch

from gan_style.config.data import DataConfig
from gan_style.config.schema import RunConfig
from gan_style.datasets.dataset import TrainingSet, ValidationSet
from gan_style.datasets.layouts import not_used
from gan_style.datasets.value_range import describe_values
from gan_style.datasets.values import glance
from gan_style.datasets.workers import loading_processes
from gan_style.demo.sets import is_demo
from gan_style.engine.freezing import fixed_tensors
from gan_style.files.left_out import LeftOut
from gan_style.machine.compilation import chosen
from gan_style.methods.base import Method
from gan_style.networks.discriminator import AnySizeDiscriminator
from gan_style.terminal.counted import counted


def summary(config: RunConfig[Any], training: TrainingSet, validation: ValidationSet | None, method: Method) -> list[str]:
    """The lines of the summary. The length of the run is printed later, because a checkpoint may change it (`engine.plan`)."""
    lines = [f"method      {config.method.name}, run folder {config.run_dir}", f"data        {config.data.root}: {training.describe()}"]
    lines += [f"demo data   {words}" for words in demo_data(config.data)]
    lines += [f"left out    {words}" for words in [_left_out(training, validation)] if words]
    sources = [each.source for each in (training, validation) if each is not None]
    lines += [f"not used    {words}" for words in map(not_used, sources) if words]
    lines.append(f"validation  {validation.describe() if validation else 'none: no val folder, so no sample pictures'}")
    labels = getattr(config.method, "labels", None)
    by_class = config.method.direction[0] if labels is not None and labels.colours else None
    lines += [f"values      {words}" for words in describe_values(training.source, config.data)]
    notes, warnings = glance(training.source, config.data, by_class)
    lines += [f"classes     {note}" for note in notes] + [f"warning     {warning}" for warning in warnings]
    frozen = fixed_tensors(config.train.freeze, method)
    for name, network in method.networks.items():
        if not any(True for _ in network.parameters()):
            continue
        millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
        still = sum(parameter.numel() for key, parameter in network.named_parameters() if key in frozen[name]) / 1e6
        field = f", receptive field {network.receptive_field} pixels" if isinstance(network, AnySizeDiscriminator) else ""
        lines.append(f"network     {name}: {millions:.2f} M parameters{f', {still:.2f} M of them frozen' if still else ''}{field}")
    return lines


def computing(config: RunConfig[Any], device: torch.device, processes: int, steps: int) -> str:
    """The line that tells what computes, and what keys that say `auto` became. steps: planned, on which `train.compile` depends"""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    parts = [f"{processes} processes"] if processes > 1 else []
    parts.append(f"{name} with {counted(torch.get_num_threads(), 'thread')}" if device.type == "cpu" else name)
    parts.append(config.train.dtype if config.train.mixed_precision == "no" else config.train.mixed_precision)
    if (way := chosen(config.train.compile, device, processes, steps)) != "off":
        parts.append(f"compiled{' to CUDA graphs' if way == 'graphs' else ''} (the first step takes a minute or more)")
    loading = loading_processes(config.data.workers)
    parts.append(f"{loading} loading process{'' if loading == 1 else 'es'}{' each' if processes > 1 else ''}")
    return f"device      {', '.join(parts)}"


def demo_data(data: DataConfig) -> list[str]:
    """A line for each data root that is a demo set: the user may have meant to give pictures of their own."""
    lines: list[str] = []
    for key, root in (("root", data.root), ("root_b", data.root_b)):
        if root is not None and is_demo(root):
            given = f"data.{key} is {root}" if key in data.model_fields_set else f"data.{key} is not set, so it is {root}"
            lines.append(f"{given}: demo pictures, drawn by gan_style; set data.{key}=FOLDER to train on yours")
    return lines


def _left_out(training: TrainingSet, validation: ValidationSet | None) -> str:
    """Files that are left out of the data set, in words."""
    left_out = LeftOut(training.source.left_out.entries())
    if validation is not None and not validation.source.held_out:  # else both are of one search
        left_out.extend(validation.source.left_out)
    return left_out.words()
