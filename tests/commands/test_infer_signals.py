"""infer.py ends at a signal, and every file that it has written is whole."""

import os
import signal
import time
from pathlib import Path

import pytest
import warm
from smoke import ROOT
from tiny_bundles import UNET_BATCH, pixels, tiny_bundle

from gan_style.files import images

pytestmark = pytest.mark.usefixtures("elsewhere")


def slow_translation() -> list[str]:
    """The command line of a translation that takes long: a slow machine must not be done before a signal comes."""
    tiny_bundle(Path("slow.safetensors"), {**UNET_BATCH, "base_channels": 16, "num_downs": 5})
    images.write(Path("picture.png"), pixels(256, 256))
    Path("many").mkdir()
    for index in range(3000):
        Path(f"many/{index:04d}.png").symlink_to("../picture.png")
    return [str(ROOT / "infer.py"), "--model", "slow.safetensors", "--input", "many", "--output", "out", "--device", "cpu"]


def start(words: list[str], ignored: tuple[str, ...] = ()) -> warm.WarmProcess:
    """The command, whose streams go to the files `said` and `err`."""
    return warm.start(words, Path.cwd(), stdout=Path("said"), stderr=Path("err"), ignored=ignored)


def wait_for_results(count: int = 1) -> None:
    deadline = time.monotonic() + 60
    while len(list(Path().glob("out/*.png"))) < count and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_signals(number: signal.Signals, code: int) -> None:
    process = start(slow_translation())
    with warm.ended(process):
        wait_for_results()
        process.send_signal(number)
        assert process.wait(60) == code, Path("err").read_text()
    assert "Traceback" not in Path("err").read_text()
    written = sorted(Path("out").iterdir())
    assert 0 < len(written) < 3000
    assert Path("said").read_text().splitlines()[-1] == f"{len(written)} translated, 0 skipped (exist), 0 failed -> out"
    for path in written:
        assert not path.name.startswith("."), "a temporary file was left"
        assert images.read(path, 3).pixels.shape == (256, 256, 3)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_signal_that_was_ignored_at_the_start_stays_ignored() -> None:
    process = start(slow_translation(), ignored=("SIGINT", "SIGHUP"))
    with warm.ended(process):
        wait_for_results()
        for number in (signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
        wait_for_results(len(list(Path().glob("out/*.png"))) + 3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143, Path("err").read_text()
    assert "translated, 0 skipped (exist), 0 failed -> out" in Path("said").read_text()
