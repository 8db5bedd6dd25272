"""The time of a training step on this machine, measured before a training."""

import time
from contextlib import nullcontext
from typing import Any

from gan_style import build
from gan_style.config.schema import RunConfig
from gan_style.datasets.dataset import TrainingSet, collate
from gan_style.engine.distribution import make_accelerator
from gan_style.engine.precision import with_precision
from gan_style.engine.process import lent_process
from gan_style.engine.trainer import Trainer
from gan_style.machine.allocator import keeping_freed_memory
from gan_style.machine.device import cuda_settings, wait_for
from gan_style.machine.memory import room_for
from gan_style.types import Batch, Kept

WARM_UP = 2  # steps that choose kernels and reserve memory
MEASURED = 4  # steps, over whose mean a disturbance is spread
_ANY_RANGE = (-1e6, 1e6)


def seconds_a_step(config: RunConfig[Any]) -> float:
    """The mean seconds of the first steps after WARM_UP, uncompiled, on the first training images, which are read before.

    The networks are thrown away. `OutOfMemory` if they find no room.
    """
    with lent_process(), room_for("no memory for a step", "take fewer channels or a smaller data.crop_size"):
        config = with_precision(config)
        accelerator = make_accelerator(config.train)
        memory = keeping_freed_memory() if accelerator.device.type == "cpu" else nullcontext()
        with memory, cuda_settings(config.train.tf32, build.measures_kernels(config)):
            config = _with_ranges(config)
            config, training, _ = build.resolved(config, *build.open_data(config))
            method = build.open_method(config, Kept(), training)
            train = config.train.model_copy(update={"compile": "off"})
            trainer = Trainer(method, train, config.optim, accelerator, WARM_UP + MEASURED)
            batches = [_batch(training, step, train.batch_size) for step in range(WARM_UP + MEASURED)]
            began = 0.0
            for step, batch in enumerate(batches):
                if step == WARM_UP:
                    wait_for(accelerator.device)
                    began = time.perf_counter()
                trainer.step(step, [batch])
            wait_for(accelerator.device)
            return (time.perf_counter() - began) / MEASURED


def _with_ranges(config: RunConfig[Any]) -> RunConfig[Any]:
    """The same with any range where one is to be found: that takes a look at every file, and a step takes as long by any range."""
    domains = {"domain_a": config.data.domain_a, "domain_b": config.data.domain_b}
    ranged = {name: domain.model_copy(update={"range": _ANY_RANGE, "type": "float32"}) for name, domain in domains.items() if domain.range}
    return config.model_copy(update={"data": config.data.model_copy(update=ranged)})


def _batch(training: TrainingSet, step: int, size: int) -> Batch:
    return collate([training[step * size + slot, slot] for slot in range(size)])
