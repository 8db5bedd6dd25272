"""Options of the whole suite, and what keeps its tests apart."""

from collections.abc import Iterator
from pathlib import Path

import compiled
import pytest
from isolation import leftovers, process_state, seed_everything, shuffled


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--vectors", metavar="DIR", default=None, help="golden vectors for tests/parity (default: ../shared/golden, where it exists)"
    )
    parser.addoption(
        "--gpu-tests-on", choices=["cuda", "cpu"], default="cuda", help="of tests/gpu; cpu runs them, as far as it can, without a GPU"
    )
    parser.addoption(
        "--compiled", nargs="?", const="inductor", choices=["inductor", "aot_eager"], help="compile networks where train.compile is auto"
    )
    parser.addoption("--shuffle", metavar="SEED", type=int, default=None, help="run files, and the tests in each, in random order")


def pytest_configure(config: pytest.Config) -> None:
    if compiler := config.getoption("--compiled"):
        config.pluginmanager.register(compiled.Compiled(compiler))


def pytest_report_header(config: pytest.Config) -> str | None:
    seed = config.getoption("--shuffle")
    return None if seed is None else f"random order: --shuffle {seed}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("--shuffle")
    if seed is not None:
        items[:] = shuffled(items, seed)
    else:
        items.sort(key=lambda item: SLOWEST.index(room) if (room := item.path.relative_to(HERE).parts[0]) in SLOWEST else len(SLOWEST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    item.stash[_BEFORE] = process_state()
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    seed_everything()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """An error of the very test that left the process in another state than it found."""
    result = yield
    left = leftovers(item.stash[_BEFORE], process_state())
    if left:
        pytest.fail(f"the test leaves behind {'; '.join(left)}", pytrace=False)
    return result


HERE = Path(__file__).parent
SLOWEST = ["launch", "distributed", "resume", "commands"]  # first, so that the last tests of two processes are short ones
_BEFORE = pytest.StashKey[dict[str, object]]()
