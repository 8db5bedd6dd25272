"""Cuts of a video."""

import numpy as np
from videos import draw_frame

from gan_style.translation.cuts import Cuts


def cuts_of(frames: list[np.ndarray]) -> list[int]:
    cuts = Cuts()
    return [number for number, frame in enumerate(frames) if cuts.at(frame)]


def test_another_scene_is_a_cut_and_motion_is_none() -> None:
    moving = [draw_frame(number, 64, 96) for number in range(20)]
    assert cuts_of(moving) == []
    assert cuts_of([*moving[:7], *[255 - frame for frame in moving[7:]]]) == [7]


def test_a_change_of_light_is_none() -> None:
    frame = draw_frame(0).astype(float)
    assert cuts_of([(frame * light).astype(np.uint8) for light in (1.0, 0.8, 0.6, 0.5, 0.7, 1.0)]) == []


def test_16_bits_and_gray_are_compared_alike() -> None:
    deep = [frame.astype(np.uint16) * 257 for frame in (draw_frame(0), 255 - draw_frame(0))]
    assert cuts_of(deep) == [1] and cuts_of([frame[..., :1] for frame in deep]) == [1]


def test_a_detector_goes_on_from_its_last_thumbnail() -> None:
    cuts = Cuts()
    cuts.at(draw_frame(0))
    assert Cuts(cuts.last).at(255 - draw_frame(0)) and not Cuts(cuts.last).at(draw_frame(1))
