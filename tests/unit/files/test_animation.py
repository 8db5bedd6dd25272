"""Animated pictures, read and written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from videos import draw_frame

from gan_style.errors import UserError
from gan_style.files import animated
from gan_style.files.animated import is_animated, probe_animation
from gan_style.files.animation import animation_frames, write_animation

DURATIONS = (40.0, 100.0, 250.0, 70.0, 30.0)


def drawn(number: int, alpha: bool) -> np.ndarray:
    frame = draw_frame(number)
    holes = np.full((*frame.shape[:2], 1), 255, np.uint8)
    holes[2:9, 30:44] = 0
    return np.concatenate([frame, holes], axis=2) if alpha else frame


def written(path: Path, alpha: bool = False, plays: int = 0) -> Path:
    write_animation(path, path, ((drawn(number, alpha), duration) for number, duration in enumerate(DURATIONS)), plays, 1)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_frames_durations_plays_and_transparency_come_back(tmp_path: Path, suffix: str, alpha: bool, plays: int) -> None:
    path = written(tmp_path / f"a{suffix}", alpha, plays)
    about = probe_animation(path)
    assert (about.frames, about.plays, is_animated(path)) == (5, plays, True)
    for number, (frame, duration) in enumerate(zip(animation_frames(path, 3), DURATIONS, strict=True)):
        truth = drawn(number, alpha)
        assert frame.duration == duration
        if alpha:
            assert frame.alpha is not None
            np.testing.assert_array_equal(frame.alpha, truth[..., 3])
        seen = truth[..., 3] > 0 if alpha else np.ones(truth.shape[:2], bool)
        assert np.abs(frame.pixels[seen].astype(int) - truth[..., :3][seen]).mean() <= (6 if suffix == ".gif" else 0)


def test_alpha_lies_among_the_channels_of_a_network_that_takes_it(tmp_path: Path) -> None:
    (first, *_) = animation_frames(written(tmp_path / "a.png", alpha=True), 4)
    np.testing.assert_array_equal(first.pixels, drawn(0, True))
    assert first.alpha is None


def test_short_durations_add_up_in_a_gif(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    write_animation(path, path, ((draw_frame(number), 33.0) for number in range(9)), 0, 1)
    durations = [frame.duration for frame in animation_frames(path, 3)]
    assert set(durations) == {30, 40} and sum(durations) == 300


def test_a_still_picture_before_the_animation_is_no_frame(tmp_path: Path) -> None:
    pictures = [Image.fromarray(draw_frame(number)) for number in range(4)]
    pictures[0].save(tmp_path / "a.png", save_all=True, append_images=pictures[1:], default_image=True, duration=[50, 60, 70])
    assert probe_animation(tmp_path / "a.png").frames == 3
    frames = list(animation_frames(tmp_path / "a.png", 3))
    assert [frame.duration for frame in frames] == [50, 60, 70]
    np.testing.assert_array_equal(frames[0].pixels, draw_frame(1))


def test_a_picture_with_one_frame_is_not_animated(tmp_path: Path) -> None:
    Image.fromarray(draw_frame(0)).save(tmp_path / "a.gif")
    (tmp_path / "b.gif").write_bytes(b"GIF89a")
    assert not is_animated(tmp_path / "a.gif") and not is_animated(tmp_path / "b.gif") and not is_animated(tmp_path / "none.gif")


def test_damaged_and_huge_files_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(tmp_path / "a.gif").read_bytes()
    (tmp_path / "cut.gif").write_bytes(whole[: len(whole) * 3 // 5])
    with pytest.raises(UserError, match=r"cut\.gif: damaged or cut short"):
        list(animation_frames(tmp_path / "cut.gif", 3))
    monkeypatch.setattr(animated, "MAX_ANIMATED", 5 * 32 * 48 - 1)
    with pytest.raises(
        UserError, match=r"a\.gif: has 5 frames of 48 x 32 pixels, more than 7679 pixels together; make a video of it: ffmpeg"
    ):
        probe_animation(tmp_path / "a.gif")


def test_a_frame_that_a_format_cannot_hold_is_one_line(tmp_path: Path) -> None:
    frames = [(np.zeros((1, 16_400, 3), np.uint8), 10.0)] * 2
    with pytest.raises(UserError, match=r"a\.webp: its frames do not fit this format"):
        write_animation(tmp_path / "a.webp", tmp_path / "a.webp", frames, 0, 1)


def test_a_frame_that_lasts_longer_than_a_format_can_say_is_one_line(tmp_path: Path) -> None:
    """Pillow joins equal frames."""
    frames = [(np.zeros((2, 2, 3), np.uint8), 655_350.0)] * 2
    with pytest.raises(UserError, match=r"a\.gif: its frames do not fit this format"):
        write_animation(tmp_path / "a.gif", tmp_path / "a.gif", frames, 0, 1)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_formats_count_the_plays_to_the_largest_number_that_they_hold(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_animation(path, path, ((draw_frame(number), 40.0) for number in range(2)), 2**32 - 1, 1)
    assert probe_animation(path).plays >= 65_535


def test_more_frames_than_a_writer_can_hold_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "a.gif")
    monkeypatch.setattr(animated, "MAX_FRAMES", 4)
    with pytest.raises(UserError, match=r"a\.gif: has 5 frames of 48 x 32 pixels, more than 4 frames; make a video of it"):
        probe_animation(tmp_path / "a.gif")
