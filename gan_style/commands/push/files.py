"""The files of a run that go to the hub: bundles, model card, configuration, the newest sample grid."""

from pathlib import Path

import yaml

from gan_style.bundles.file import BundleInfo, load_bundle
from gan_style.bundles.hub import BUNDLES, CARD, CONFIG, PICTURE
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.methods import METHODS
from gan_style.methods.trained import check_weights, translator_config
from gan_style.report.card import model_card, without_places
from gan_style.report.past import Past

Content = bytes | Path


def run_bundles(run_dir: Path) -> dict[str, tuple[Path, BundleInfo]]:
    """Name in the repository -> (bundle, metadata), the newest weights first. `UserError` if there is none, or one is damaged."""
    found = {name: run_dir / name for name in BUNDLES if (run_dir / name).is_file()}
    if not found:
        raise UserError(f"RUN_DIR {run_dir}: a folder without bundles/a2b.safetensors or b2a; give the run_dir of a training")
    bundles: dict[str, tuple[Path, BundleInfo]] = {}
    for name, path in found.items():
        info, weights = load_bundle(path)
        if info.method not in METHODS:
            raise UserError(
                f"{path}: of method {info.method!r}, which this version of gan_style does not have; push it with the one that made it"
            )
        kind = METHODS[info.method]
        check_weights(path, kind, translator_config(path, info, kind), info, weights)
        bundles[name] = path, info
    return bundles


def model_files(run_dir: Path, bundles: dict[str, tuple[Path, BundleInfo]], repository: str, license: str | None) -> dict[str, Content]:
    """Name in the repository -> content. repository: user/name; license: its identifier at the hub"""
    run = Past(run_dir, most=2)
    files: dict[str, Content] = {name: path for name, (path, _) in bundles.items()}
    step = run.grids[-1].step if run.grids else None
    if step is not None:
        grid = run_dir / "samples" / f"step_{step:07d}.png"
        images.probe(grid)
        files[PICTURE] = grid
    if run.config:
        files[CONFIG] = yaml.safe_dump(without_places(run.config), sort_keys=False).encode()
    card = model_card(run, repository, {name: info for name, (_, info) in bundles.items()}, license, step)
    files[CARD] = card.encode()
    return files
