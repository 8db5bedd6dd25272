"""Command lines of the smallest real trainings."""

from pathlib import Path

ROOT = Path(__file__).parents[1]


def smoke_arguments(name: str, data: Path, run_dir: Path, *overrides: str) -> list[str]:
    """train.py's arguments: the smoke configuration of a method, shrunk further, on `data`; `overrides` come last and win."""
    config = [
        f"--config={ROOT}/configs/smoke/{name}.yaml",
        f"run_dir={run_dir}",
        f"data.root={data}",
        "data.load_size=20",
        "data.crop_size=16",
    ]
    return [*config, "method.generator.num_downs=3", "method.discriminator.num_layers=1", "train.batch_size=2", *overrides]
