"""Every method's smallest training, compiled by torch's own compiler: the losses of the plain one. Minutes in all: `make nightly`."""

import warnings
from pathlib import Path

import pytest
from compilers import compiling
from tiny import ROOT

import gan_style
from gan_style.methods import METHODS

STEPS = ("train.steps=3", "logging.every=1", "logging.samples=0")


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_a_compiled_training_has_the_losses_of_a_plain_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    losses = {}
    for way in ("off", "on"):
        with compiling(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            run = gan_style.train(f"{ROOT}/configs/smoke/{name}.yaml", [f"run_dir=run_{way}", f"train.compile={way}", *STEPS])
        assert not [each for each in told if "compile" in str(each.message) and "differentiates it twice" not in str(each.message)]
        losses[way] = [{key: value for key, value in line.items() if key.startswith("loss/")} for line in run.metrics]
    for plain, compiled in zip(losses["off"], losses["on"], strict=True):
        assert compiled == pytest.approx(plain, rel=2e-3, abs=1e-5)
