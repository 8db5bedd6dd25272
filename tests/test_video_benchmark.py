"""benchmarks/video.py measures what it says: its own clip has no flicker, and a flicker of one level counts one level."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks import video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    return video.clip(tmp_path_factory.mktemp("clip") / "streets")


def test_the_true_pictures_move_as_the_camera_does(clip: tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]) -> None:
    maps, truths, free = clip
    assert len(maps) == 2 * video.LENGTH and maps[0].shape == (video.HEIGHT, video.WIDTH, 3)
    assert video.measures(truths, truths, free) == [0, 0, 0, 0]
    assert video.measures(maps, maps, free) == pytest.approx([0, 0, 0, 0], abs=1e-9), "the car is left out"


def test_a_flicker_is_measured_in_levels(clip: tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]) -> None:
    _, truths, free = clip
    flickering = [np.clip(frame, 0, 254) + np.uint8(number % 2) for number, frame in enumerate(truths)]
    still, moving, sway, distance = video.measures(flickering, [np.clip(frame, 0, 254) for frame in truths], free)
    assert (still, moving, sway, distance) == pytest.approx((1, 1, 0.5, 0.5))


def test_a_lossless_clip_comes_back(clip: tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]], tmp_path: Path) -> None:
    maps, _, _ = clip
    video.write_clip(tmp_path / "clip.mkv", maps[:3])
    assert all(np.array_equal(frame, back) for frame, back in zip(maps, video.read_clip(tmp_path / "clip.mkv"), strict=False))
