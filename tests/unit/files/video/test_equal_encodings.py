"""Equal frames are encoded into equal bytes: the finished parts of a killed run are joined with new ones."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gan_style.files.video.codecs import CODECS, Encoding
from gan_style.files.video.encoding import PartWriter
from gan_style.files.video.form import Form

HEIGHT, WIDTH = 72, 112
FORM = Form(WIDTH, HEIGHT, Fraction(1, 12_800), Fraction(25), Fraction(1), None, 1, 2, 2, 2, deep=False)


@pytest.mark.parametrize(("codec", "times"), {name: 12 if name == "libx264" else 6 for name in CODECS}.items())
def test_equal_frames_are_encoded_into_equal_bytes(codec: str, times: int, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 120, (60, HEIGHT, WIDTH, 3), np.uint8)
    scene = np.random.default_rng(1).integers(0, 130, (HEIGHT // 8, WIDTH // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    written = set[bytes]()
    for _ in range(times):
        part = PartWriter(tmp_path / "part", FORM, Encoding(codec), ".mkv")
        for number, each in enumerate(noise):
            part.add(each + np.roll(scene, 3 * number, axis=1), 512 * number)
        part.close()
        written.add((tmp_path / "part").read_bytes())
    assert len(written) == 1
