"""Parts of a video, joined."""

import os
from pathlib import Path

import numpy as np
import pytest
from videos import TICKS, UNEVEN, draw_video, heard, shown

from gan_style.errors import UserError
from gan_style.files.video.codecs import CODECS, Encoding
from gan_style.files.video.encoding import PartWriter
from gan_style.files.video.frames import video_frames
from gan_style.files.video.joining import join


def divided(source: Path, target: Path, encoding: Encoding, length: int) -> list[str]:
    """Copy a video in parts of `length` frames."""
    frames = list(video_frames(source))
    parts = []
    for first in range(0, len(frames), length):
        some = frames[first : first + length]
        parts.append(path := target.parent / f"{first}.packets")
        writer = PartWriter(path, some[0].form, encoding, target.suffix)
        for frame in some:
            writer.add(frame.pixels(), frame.time)
        writer.close()
    return join(parts, frames[-1].duration, source, target, frames[0].form, encoding, target)


@pytest.mark.parametrize("length", [1, 3, 10])
@pytest.mark.parametrize("codec", [name for name in CODECS if name != "libsvtav1"])
def test_times_and_sound_survive_any_division(tmp_path: Path, codec: str, length: int) -> None:
    draw_video(tmp_path / "a.mkv", size=(66, 68), times=[17 * time for time in UNEVEN], sound="aac")  # seconds apart
    assert divided(tmp_path / "a.mkv", tmp_path / "b.mkv", Encoding(codec), length) == []
    before, after = shown(tmp_path / "a.mkv"), shown(tmp_path / "b.mkv")
    assert after.seconds == before.seconds
    assert heard(tmp_path / "b.mkv") == heard(tmp_path / "a.mkv")
    limit = 0 if codec == "ffv1" else 24
    assert np.abs(np.array(after.frames, int) - before.frames).mean(axis=(1, 2, 3)).max() <= limit / 4, "frames in their order"


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler") or os.geteuid() != 0, reason="only root's processes get another priority")
def test_an_encoder_of_root_gets_no_priority_of_real_time(tmp_path: Path) -> None:
    draw_video(tmp_path / "a.mp4", size=(66, 68))
    divided(tmp_path / "a.mp4", tmp_path / "b.mp4", Encoding("libsvtav1"), 10)
    assert {os.sched_getscheduler(int(thread.name)) for thread in Path("/proc/self/task").iterdir()} == {os.SCHED_OTHER}


def test_the_last_frame_lasts_as_long_as_before(tmp_path: Path) -> None:
    draw_video(tmp_path / "a.mp4", times=UNEVEN)
    divided(tmp_path / "a.mp4", tmp_path / "b.mp4", Encoding(), 4)
    import av

    with av.open(str(tmp_path / "a.mp4")) as before, av.open(str(tmp_path / "b.mp4")) as after:
        assert before.streams.video[0].duration == after.streams.video[0].duration
        assert after.streams.video[0].time_base == before.streams.video[0].time_base and TICKS == 12_800


def test_what_a_container_cannot_hold_is_said(tmp_path: Path) -> None:
    draw_video(tmp_path / "a.mkv", sound="aac")
    assert divided(tmp_path / "a.mkv", tmp_path / "b.webm", Encoding("libvpx-vp9"), 10) == ["sound (aac)"]
    assert len(shown(tmp_path / "b.webm").frames) == 10


@pytest.mark.parametrize(
    ("codec", "source", "result"),
    [
        (None, ".mp4", ".mp4"),
        (None, ".MOV", ".MOV"),
        (None, ".webm", ".webm"),
        (None, ".avi", ".mkv"),
        (None, ".mts", ".mp4"),
        (None, "", ".mkv"),
        ("libx264", ".webm", ".mkv"),
        ("libvpx-vp9", ".mov", ".mkv"),
        ("libvpx-vp9", ".mp4", ".mp4"),
        ("ffv1", ".mp4", ".mkv"),
    ],
)
def test_the_container_of_a_result(codec: str | None, source: str, result: str) -> None:
    assert Encoding(codec).suffix(source) == result


@pytest.mark.parametrize(("codec", "words"), [("libx265", "only sides of 65 or more"), ("libsvtav1", "take another codec")])
def test_sizes_that_an_encoder_does_not_take_are_one_line(codec: str, words: str, tmp_path: Path) -> None:
    draw_video(tmp_path / "a.mkv", size=(33, 47), pixels="yuv444p")
    with pytest.raises(UserError, match=f"--codec {codec}: cannot encode 47 x 33 pixels.*{words}"):
        divided(tmp_path / "a.mkv", tmp_path / "b.mkv", Encoding(codec), 3)
