"""The device of these tests. Without a GPU they are skipped; `--gpu-tests-on cpu` rehearses them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import torch
from compilers import compiling
from waiting import NeverWaiting

from gan_style.machine.device import cuda_settings


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """cuda or cpu. On CUDA, float32 is multiplied as on a CPU, and convolutions take the same kernels again."""
    name = request.config.getoption("--gpu-tests-on")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU; --gpu-tests-on cpu rehearses it")
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    with compiling(), cuda_settings(tf32=False, benchmark=False):
        yield name
    torch.backends.cudnn.deterministic = before


@pytest.fixture
def never_waiting(device: str) -> Callable[[], AbstractContextManager[None]]:
    """A context in which it is an error to wait for the device."""

    @contextmanager
    def entered() -> Iterator[None]:
        if device == "cpu":
            with NeverWaiting():
                yield
            return
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")

    return entered
