"""Damaged and hostile videos: one line, before memory or time is spent."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from videos import draw_video, shown

from gan_style.errors import UserError
from gan_style.files.video.frames import video_frames
from gan_style.files.video.opening import count_frames


def cut(path: Path) -> None:
    draw_video(path, frames=20)
    path.write_bytes(path.read_bytes()[:-1500])


def cut_behind_its_index(path: Path) -> None:
    draw_video(path.with_name("whole.mp4"), frames=20)
    with av.open(str(path.with_name("whole.mp4"))) as whole, av.open(str(path), "w", options={"movflags": "+faststart"}) as first:
        stream = first.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                packet.stream = stream
                first.mux(packet)
    path.write_bytes(path.read_bytes()[:-1500])


def sound_alone(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def no_frames(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        container.start_encoding()


def a_picture(path: Path) -> None:
    Image.new("RGB", (9, 9)).save(path, "PNG")


def a_playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")


def a_list_of_files(path: Path) -> None:
    path.write_text("ffconcat version 1.0\nfile '/etc/hostname'\n")


CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut.mp4": (cut, "is no video that can be read, or is cut short"),
    "front.mp4": (cut_behind_its_index, "cut short: it claims 20 frames and holds"),
    "sound.mp4": (sound_alone, "has no video in it"),
    "none.mp4": (no_frames, "has no video in it|has no frames"),
    "picture.mp4": (a_picture, "is no video that can be read"),
    "list.mkv": (a_playlist, "is no video that can be read"),
    "concat.avi": (a_list_of_files, "is no video that can be read"),
    "text.mov": (lambda path: path.write_text("words " * 100), "is no video that can be read"),
    "empty.mp4": (lambda path: path.write_bytes(b""), r"the file is empty \(0 bytes\)"),
    "long.mkv": (lambda path: draw_video(path, times=[0, 512, 10**11]), "its frames span more than 30 days"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_names_the_file(name: str, tmp_path: Path) -> None:
    make, message = CASES[name]
    make(tmp_path / name)
    with pytest.raises(UserError, match=message) as mistake:
        count_frames(tmp_path / name)
    assert str(mistake.value).startswith(f"{tmp_path / name}: ") and "\n" not in str(mistake.value)


def test_a_frame_that_is_too_large_is_not_decoded(tmp_path: Path) -> None:
    draw_video(tmp_path / "a.mp4", size=(96, 96))
    with pytest.raises(UserError, match=r"its frames claim 96 x 96, more than the 9000 pixels allowed.*--max-pixels"):
        count_frames(tmp_path / "a.mp4", 9000)
    with pytest.raises(UserError, match="its frames claim 96 x 96"):
        next(video_frames(tmp_path / "a.mp4", 9000))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(UserError, match=r"a\.mp4: cannot be opened \(it is not a regular file\)"):
        count_frames(tmp_path / "a.mp4")


def test_damaged_frames_end_in_one_line_or_fewer_frames(tmp_path: Path) -> None:
    draw_video(tmp_path / "a.mkv", frames=40, size=(64, 64))
    whole = bytearray((tmp_path / "a.mkv").read_bytes())
    random = np.random.default_rng(0)
    ends = set[str]()
    for number in range(30):
        data = whole.copy()
        for place in random.integers(1000, len(data), 200).tolist():
            data[place] ^= int(random.integers(1, 256))
        path = tmp_path / f"{number}.mkv"
        path.write_bytes(data)
        try:
            count_frames(path)
            ends.add("frames" if [frame.pixels() for frame in video_frames(path)] else "none")
        except UserError as mistake:
            assert str(mistake).startswith(f"{path}: ")
            ends.add("line")
    assert "none" not in ends and ends


def test_times_that_do_not_grow_are_put_after_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_video(tmp_path / "a.mp4", frames=4)
    from gan_style.files.video import frames as module

    class Standing:
        """A container whose frames have no time, or the same."""

        def __init__(self, container: object) -> None:
            self.container = container

        def decode(self, stream: object) -> object:
            for number, frame in enumerate(self.container.decode(stream)):  # type: ignore[attr-defined]
                frame.pts = None if number == 1 else 7
                yield frame

    opened = module.opened_video

    from contextlib import contextmanager

    @contextmanager
    def standing(path: Path, most: int):
        with opened(path, most) as (container, stream):
            yield Standing(container), stream

    monkeypatch.setattr(module, "opened_video", standing)
    assert [frame.time for frame in video_frames(tmp_path / "a.mp4")] == [7, 8, 9, 10]
    assert len(shown(tmp_path / "a.mp4").frames) == 4
