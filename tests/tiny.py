"""Every method in its smallest form, found by name; a loader of random images that are a function of the step."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from pictures import NAMES, draw
from PIL import Image
from tiny_networks import fitting

from gan_style import build
from gan_style.config.load import parse_config
from gan_style.config.network import kinds_of
from gan_style.engine.agreement import Agreement
from gan_style.engine.plan import make_plan
from gan_style.engine.run import Run
from gan_style.engine.trainer import Trainer
from gan_style.methods import CONFIGS, METHODS
from gan_style.methods.base import Method
from gan_style.methods.several_domains import SeveralDomains
from gan_style.seeding import derive_seed
from gan_style.types import Batch

ROOT = Path(__file__).parents[1]
SIZE = 16
PATCHES = 6  # fewer than any layer has, so that it matters which are drawn
EPOCH = 10  # samples of a tiny run's epoch

TINY_NETWORKS = {
    "generator": {"base_channels": 4, "num_blocks": 1, "num_downs": 3},
    "discriminator": {"base_channels": 4, "num_layers": 1, "num_scales": 2},
}


def tiny_method(name: str, folder: Path) -> dict[str, Any]:
    """What a method cannot do without, beside small networks."""
    if METHODS[name].needs == "labelled images":
        return {"domain_names": list(NAMES)}
    if name == "gan":
        return {"size": SIZE, "latent": 3}
    if name == "adain":
        return {"vgg": {"weights": "random"}}
    if name == "fast_style":
        styles = {}
        for number, style in enumerate(("waves", "dusk")):
            styles[style] = str(folder / f"{style}.png")
            if not Path(styles[style]).exists():
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draw(number)).save(styles[style])
        vgg = {"name": "vgg16", "weights": "random", "normalised": False}
        return {"styles": styles, "vgg": vgg, "style_size": 24, "content_layers": ["relu1_2"], "style_layers": ["relu1_1", "relu2_1"]}
    return {}


def tiny_config(name: str, run_dir: Path, train: dict[str, Any] | None = None, **sections: dict[str, Any]) -> Any:
    """The configuration of a tiny run of method `name`; `train` and further sections add to it.

    Keys that a network does not have are left out.
    """
    method: dict[str, Any] = {"name": name}
    for key, values in TINY_NETWORKS.items():
        if key in CONFIGS[name].model_fields:
            method[key] = {**CONFIGS[name].model_fields[key].get_default(call_default_factory=True).model_dump(), **values}
    if "num_patches" in CONFIGS[name].model_fields:
        method["num_patches"] = PATCHES
    method |= tiny_method(name, run_dir / "styles") | sections.pop("method", {})
    for key in TINY_NETWORKS.keys() & method.keys():
        default = CONFIGS[name].model_fields[key].get_default(call_default_factory=True).name
        method[key] = of_network(name, key, {"name": default, **method[key]})
    tree = {
        "run_dir": str(run_dir),
        "method": method,
        "data": {"crop_size": SIZE, "load_size": SIZE},
        "optim": {"schedule": "constant", **sections.pop("optim", {})},
        "train": {"steps": 4, "batch_size": 2, "checkpoint_every": 100, **(train or {})},
        "logging": {"every": 1, "samples": 0},
        **sections,
    }
    return parse_config(tree, "tiny", CONFIGS)


def without_penalty(name: str, folder: Path) -> dict[str, Any]:
    """The keys that turn off the penalty of a method's discriminator, whose random numbers are the device's."""
    penalised = getattr(tiny_config(name, folder).method, "penalised", False)
    return {"gradient_penalty_weight": 0.0, "adversarial": "lsgan"} if penalised else {}


def of_network(method: str, section: str, keys: dict[str, Any]) -> dict[str, Any]:
    """Those keys of a section of a method that the network which they name has, and that fit one another."""
    return fitting(kinds_of(CONFIGS[method].model_fields[section])[keys["name"]], keys)


def micro_batches(step: int, batch_size: int, accumulate: int = 1) -> list[Batch]:
    """The micro-batches of one step of one process: a function of the step and the slot alone."""

    def image(domain: str, slot: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(derive_seed(domain, step, slot))
        return torch.rand(3, SIZE, SIZE, generator=generator, dtype=torch.float64).float() * 2 - 1

    size = batch_size // accumulate
    parts = [range(part * size, (part + 1) * size) for part in range(accumulate)]

    def batch(slots: range) -> Batch:
        numbers = tuple(step * batch_size + slot for slot in slots)
        pictures = {domain: torch.stack([image(domain, slot) for slot in slots]) for domain in "ab"}
        keys = {domain: tuple(f"{domain}{slot}" for slot in slots) for domain in "ab"}
        return Batch(pictures, keys, tuple(slots), numbers, tuple(number % len(NAMES) for number in numbers))

    return [batch(slots) for slots in parts]


def batch_of_every_domain(method: Method, least: int) -> Batch:
    """The first `least` samples; for a method over several domains more, until each domain is the own and the target of some."""
    for size in range(least, 50):
        [batch] = micro_batches(0, size)
        if method.needs != "labelled images":
            return batch
        assert isinstance(method, SeveralDomains), "a method of labelled images derives from SeveralDomains: the tests ask it for targets"
        every = {*range(len(method.names))}
        if {*method.own(batch)} == every == {*method.targets(batch)}:
            return batch
    raise AssertionError("some domain is no sample's target")


def make_method(config: Any) -> Method:
    """The configured method, its weights drawn from the seed as training draws them."""
    torch.manual_seed(derive_seed(config.train.seed, "weights"))
    task = replace(build.make_task(config), samples=lambda: (micro_batches(number, 1)[0] for number in count()))
    return METHODS[config.method.name](config.method, task)


def make_trainer(config: Any, device: str = "cpu") -> Trainer:
    """A trainer of the configured method. device: cpu or cuda"""
    method = make_method(config)
    AcceleratorState._reset_state(reset_partial_state=True)  # a process normally has one precision for life
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision=config.train.mixed_precision)
    plan = make_plan(config.train, config.optim, EPOCH)
    return Trainer(method, config.train, config.optim, accelerator, plan.length, plan.warm_up)


def make_run(config: Any, device: str = "cpu") -> Run:
    """A run on random images."""
    trainer = make_trainer(config, device)

    def loader(start: int, stop: int) -> Iterator[Batch]:
        for step in range(start, stop):
            yield from micro_batches(step, config.train.batch_size, config.train.accumulate)

    slots = frozenset(range(config.train.batch_size))
    plan = make_plan(config.train, config.optim, EPOCH)
    return Run(config, plan, trainer, trainer.accelerator, Agreement(), loader, slots, build.bundle_infos(config, trainer.method), None)


def check_division(whole: dict[str, torch.Tensor], divided: dict[str, torch.Tensor], noisy: str = "bias") -> None:
    """The same weights, however the batch was divided.

    noisy: end of the names of biases in front of a normalisation. Their gradient is pure rounding noise, which Adam blows up.
    """
    for key, value in whole.items():
        error = (value - divided[key]).abs().max().item()
        assert error <= (1e-7 if key.endswith(noisy) else 1e-9), (
            f"{key} is another by {error:.3g} if the batch is divided: let each term be a mean over all images of the batch, "
            "and random numbers a function of the sample (Batch.numbers)"
        )


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """A copy of all weights and buffers by name."""
    return {
        f"{name}/{key}": value.detach().clone() for name, network in trainer.networks.items() for key, value in network.state_dict().items()
    }
