"""Colours on their way from a video to pixels and back."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from videos import draw_frame, draw_video, shown

from gan_style.files.video.codecs import Encoding
from gan_style.files.video.encoding import PartWriter
from gan_style.files.video.form import Form
from gan_style.files.video.frames import video_frames
from gan_style.files.video.joining import join

COLOUR = (200, 60, 30)


def copy(source: Path, target: Path, codec: str | None = None) -> Form:
    """Decode and encode a video as infer does. Returns its form."""
    part, writer, frame = target.with_suffix(".packets"), None, None
    for frame in video_frames(source):
        writer = writer or PartWriter(part, frame.form, Encoding(codec), target.suffix)
        writer.add(frame.pixels(), frame.time)
    assert writer is not None and frame is not None
    writer.close()
    assert join([part], frame.duration, source, target, frame.form, Encoding(codec), target) == []
    return frame.form


@pytest.mark.parametrize("range", [1, 2])
@pytest.mark.parametrize("matrix", [1, 5, 9])
def test_the_matrix_and_the_range_of_a_video_are_those_of_its_result(tmp_path: Path, matrix: int, range: int) -> None:
    flat = [np.full((32, 32, 3), COLOUR, np.uint8)] * 3
    draw_video(tmp_path / "a.mp4", drawn=flat, matrix=matrix, range=range)
    (first, *_) = video_frames(tmp_path / "a.mp4")
    assert np.abs(first.pixels().astype(int) - COLOUR).max() <= 4, "another matrix or range would be 10 off"
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    facts = shown(tmp_path / "b.mp4").facts
    assert (facts["matrix"], facts["range"]) == (matrix, range)
    (again, *_) = video_frames(tmp_path / "b.mp4")
    assert np.abs(again.pixels().astype(int) - COLOUR).max() <= 5


def test_what_the_video_does_not_say_stays_unsaid(tmp_path: Path) -> None:
    draw_video(tmp_path / "a.mp4")
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert shown(tmp_path / "b.mp4").facts == shown(tmp_path / "a.mp4").facts and shown(tmp_path / "b.mp4").facts["matrix"] == 2


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_pixels_are_upright_and_the_result_is_stored_as_the_video_is(tmp_path: Path, turn: int) -> None:
    drawn = [draw_frame(number) for number in range(3)]
    draw_video(tmp_path / "a.mkv", drawn=drawn, codec="ffv1", pixels="bgr0", turn=turn)
    for frame, picture in zip(video_frames(tmp_path / "a.mkv"), drawn, strict=True):
        np.testing.assert_array_equal(frame.pixels(), np.rot90(picture, turn // 90))
    copy(tmp_path / "a.mkv", tmp_path / "b.mkv", "ffv1")
    after = shown(tmp_path / "b.mkv")
    assert after.facts["turn"] == shown(tmp_path / "a.mkv").facts["turn"]
    np.testing.assert_array_equal(after.frames, drawn)


def test_frames_of_16_bits_lose_nothing(tmp_path: Path) -> None:
    draw_video(tmp_path / "a.mp4", pixels="yuv420p10le")
    form = copy(tmp_path / "a.mp4", tmp_path / "b.mkv", "ffv1")
    assert form.deep
    for before, after in zip(video_frames(tmp_path / "a.mp4"), video_frames(tmp_path / "b.mkv"), strict=True):
        assert before.pixels().dtype == np.uint16
        np.testing.assert_array_equal(after.pixels(), before.pixels())


def test_the_proportions_stay_when_the_size_changes(tmp_path: Path) -> None:
    draw_video(tmp_path / "a.mkv", size=(32, 48), turn=90)
    form = next(video_frames(tmp_path / "a.mkv")).form
    small = form.sized(16, 16)  # upright 48 x 32
    assert (small.height, small.width) == (16, 16) and small.shape == Fraction(48, 32)
    assert form.sized(48, 32) == form
