"""train() called by other code: as often as wanted, in any thread, and the process is afterwards as it was before."""

import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from pictures import draw_folders
from PIL import Image
from tiny import tiny_config

from gan_style import build
from gan_style.errors import UserError


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(data: Path, tmp_path: Path) -> Callable[..., Any]:
    """A tiny run of its own folder; keywords are those of `train`."""

    def make(folder: str, workers: int = 0, **train: Any) -> Any:
        section = {"root": str(data), "load_size": 20, "crop_size": 16, "workers": workers}
        return tiny_config("pix2pix", tmp_path / folder, train={"steps": 2, **train}, data=section, logging={"every": 1, "samples": 1})

    return make


def bundle(tmp_path: Path, folder: str) -> bytes:
    return (tmp_path / folder / "bundles" / "a2b.safetensors").read_bytes()


def test_one_after_the_other_with_other_precision(config: Callable[..., Any], tmp_path: Path) -> None:
    for folder, precision in (("first", "no"), ("half", "bf16"), ("again", "no")):
        assert build.train(config(folder, mixed_precision=precision)) == 0
    assert bundle(tmp_path, "first") == bundle(tmp_path, "again") != bundle(tmp_path, "half")


def test_one_that_fails_leaves_nothing_to_the_next(config: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    missing = config("missing", mixed_precision="bf16")
    missing = missing.model_copy(update={"data": missing.data.model_copy(update={"root": "nowhere"})})
    with pytest.raises(UserError, match="nowhere"):
        build.train(missing)
    with monkeypatch.context() as broken:
        broken.setattr(build, "Trainer", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            build.train(config("fault", mixed_precision="bf16"))
    assert build.train(config("sound")) == 0


def test_a_callers_own_accelerator_is_left_alone(config: Callable[..., Any]) -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    mine = Accelerator(cpu=True, mixed_precision="bf16")
    assert build.train(config("run")) == 0
    assert mine.mixed_precision == "bf16" and mine.device.type == "cpu" and mine.num_processes == 1
    assert Accelerator(cpu=True).mixed_precision == "bf16"
    AcceleratorState._reset_state(reset_partial_state=True)


def state_of_the_process() -> dict[str, Any]:
    signals = {name: signal.getsignal(getattr(signal, name)) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")}
    return {
        "signals": signals,
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "warnings": (list(warnings.filters), warnings.showwarning, warnings.formatwarning),
        "hooks": (sys.excepthook, threading.excepthook, sys.stdout, sys.stderr),
        "logging": (logging.root.level, list(logging.root.handlers), logging.getLogger("gan_style").level),
        "random": (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()),  # type: ignore[index]
        "denormal": (torch.tensor(1e-310, dtype=torch.float64) * 0.5).item(),
        "threads": (torch.get_num_threads(), cv2.getNumThreads(), sorted(thread.name for thread in threading.enumerate())),
        "torch": (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_float32_matmul_precision()),
        "kernels": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, torch.are_deterministic_algorithms_enabled()),
        "sharing": torch.multiprocessing.get_sharing_strategy(),
        "numpy": np.geterr(),
        "pictures": Image.MAX_IMAGE_PIXELS,
        "accelerate": dict(AcceleratorState._shared_state),
    }


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_the_process_is_afterwards_as_it_was(
    fails: bool, flushed: bool, config: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    build.train(config("imports", validate_every=1))  # what is loaded at first use stays loaded
    torch.manual_seed(5)
    torch.set_flush_denormal(flushed)
    run = config("run", workers=1, on_nonfinite="skip", validate_every=1)
    try:
        before = state_of_the_process()
        if fails:
            monkeypatch.setattr(build.Run, "fit", lambda self: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                build.train(run)
        else:
            assert build.train(run) == 0
        after = state_of_the_process()
    finally:
        torch.set_flush_denormal(False)
    assert {name for name in before if before[name] != after[name]} == set()


def in_a_thread(action: Callable[[], Any]) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(action()))
    thread.start()
    thread.join()
    return results[0]


def test_it_trains_in_a_thread_and_says_that_no_signal_stops_it(config: Callable[..., Any], tmp_path: Path) -> None:
    assert build.train(config("main")) == 0
    with pytest.warns(UserWarning, match=r"not in the main thread, so no signal stops it: train\.max_minutes does"):
        assert in_a_thread(lambda: build.train(config("thread", workers=1))) == 0
    assert bundle(tmp_path, "main") == bundle(tmp_path, "thread")


def test_two_at_once_are_refused(config: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = build.Run.fit

    def meanwhile(run: Any) -> int:
        with pytest.raises(UserError, match="a training goes on in this process already"):
            build.train(config("second"))
        return fit(run)

    monkeypatch.setattr(build.Run, "fit", meanwhile)
    assert build.train(config("first")) == 0


@pytest.mark.parametrize(
    ("train", "data", "tf32", "benchmark"),
    [
        ({}, {}, True, True),
        ({"tf32": False, "cudnn_benchmark": "off"}, {}, False, False),
        ({}, {"preprocess": "none"}, True, False),
        ({"cudnn_benchmark": "on"}, {"preprocess": "none"}, True, True),
    ],
)
def test_the_settings_of_cuda_hold_in_training_alone(
    train: dict[str, Any],
    data: dict[str, Any],
    tf32: bool,
    benchmark: bool,
    config: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def now() -> tuple[bool, bool, bool]:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark

    seen: list[Any] = []
    monkeypatch.setattr(build, "_run", lambda *_: seen.append(now()) or 0)
    before, wanted = now(), config("run", **train)
    assert build.train(wanted.model_copy(update={"data": wanted.data.model_copy(update=data)})) == 0
    assert seen == [(tf32, tf32, benchmark)]
    assert now() == before
