"""The precision of a run whose configuration leaves it to the machine."""

from pathlib import Path
from typing import Any

from gan_style.config.schema import RunConfig, TrainConfig
from gan_style.engine.agreement import Agreement
from gan_style.engine.folder import begun, written_training
from gan_style.errors import UserError
from gan_style.machine.device import choose_device, multiplies_bf16


def with_precision(config: RunConfig[Any]) -> RunConfig[Any]:
    """The configuration with `auto` of `train.mixed_precision` replaced: by the precision that the run folder began with, else by the
    best of this machine. Numbers of another precision would make another run.
    """
    train = config.train
    if train.mixed_precision != "auto":
        return config
    folder = Path(config.run_dir)
    chosen = written_training(folder).get("mixed_precision", "auto") if begun(folder) else "auto"
    if chosen == "auto":
        chosen = "bf16" if train.dtype == "float32" and multiplies_bf16(choose_device()) else "no"
    return config.model_copy(update={"train": train.model_copy(update={"mixed_precision": chosen})})


def check_one_precision(train: TrainConfig, agreement: Agreement) -> None:
    """`UserError` if `auto` means another precision on another process. Called by every process."""
    chosen = agreement.gathered(train.mixed_precision)
    if len(set(chosen)) > 1:
        raise UserError(f"train.mixed_precision: auto is {' and '.join(sorted(set(chosen)))} on different machines; set one of them")
