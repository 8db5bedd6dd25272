"""infer.py as a function, an empty working folder, and a run that validation has measured."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from evaluating import train
from pictures import draw_folders
from tiny_bundles import pixels, tiny_bundle

from gan_style.files import images


@pytest.fixture
def main() -> Callable[[Sequence[str]], int]:
    """`main` of infer.py: tracebacks and exit codes included."""
    import infer

    return infer.main


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder is an empty one."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs, 6 to train on and 4 to validate on."""
    return draw_folders(tmp_path_factory.mktemp("data"), val=4)


@pytest.fixture(scope="session")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """A pix2pix run of two steps on `data`, and what validation measured after the second."""
    run_dir = tmp_path_factory.mktemp("trained") / "run"
    return run_dir, train("pix2pix", data, run_dir, "l1,psnr,ssim,lpips,fid,kid,structure", "validation.best=l1")


@pytest.fixture
def large_inputs(elsewhere: None) -> None:
    """Two bundles and a picture, for `large_pictures.command`."""
    tiny_bundle(Path("a.safetensors"))
    tiny_bundle(Path("other.safetensors"), seed=3)
    images.write(Path("in/wide.png"), pixels(70, 90))
