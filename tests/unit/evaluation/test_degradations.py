"""A learned VGG-16 orders degradations of the demo's pictures as people do, and random weights do not.

../shared/weights has two files of a learned VGG-16. Their tests skip without them.
"""

from pathlib import Path

import pytest
from benchmarks.degradation_kinds import Pictures, Place, degraded

from gan_style.demo.sets import draw_paired
from gan_style.evaluation.suite import Case, Networks, Suite
from gan_style.files import images
from gan_style.machine.device import flushing_denormal

WEIGHTS = Path(__file__).parents[4] / "shared/weights"
SOFT, SOFTER, UNKNOWN = ("blur", 1), ("blur", 2), ("blur", 4)
LIGHT, GRID, RUBBLE, GRAY, HUE = ("JPEG", 2), ("grid", 4), ("tiles", 3), ("gray", 4), ("hue", 4)
Scores = dict[Place, dict[str, float]]


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("demo") / "streets"
    draw_paired(folder, train=0, val=12, size=64, seed=3)
    return [images.to_tensor(images.read(path, 3).pixels) for path in sorted((folder / "valB").iterdir())]


def measured(weights: str, streets: Pictures) -> Scores:
    """The scores of degradations of every second street. The other streets are the real pictures."""
    suite = Suite(("fid", "kid", "lpips", "structure"), Networks(weights, weights, weights))
    sources = streets[::2]
    found: Scores = {}
    with flushing_denormal():
        real = {place: suite.describe(street, "") for place, street in enumerate(streets[1::2])}
        for kind, level in (SOFT, SOFTER, UNKNOWN, LIGHT, GRID, RUBBLE, GRAY, HUE):
            cases = [Case("", *each) for each in zip(degraded(sources, kind, level), sources, sources, strict=True)]
            found[kind, level] = suite.combine({place: suite.measure(case) for place, case in enumerate(cases)}, real)
    return found


@pytest.fixture(scope="module", params=["vgg16_hed.safetensors", "vgg16_hed_normalised.safetensors"])
def learned(request: pytest.FixtureRequest, streets: Pictures) -> Scores:
    path = WEIGHTS / request.param
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return measured(str(path), streets)


@pytest.fixture(scope="module")
def random(streets: Pictures) -> Scores:
    return measured("random", streets)


@pytest.mark.parametrize("metric", ["fid", "kid", "lpips", "structure"])
def test_more_blur_is_worse(metric: str, learned: Scores) -> None:
    assert learned[SOFT][metric] < learned[SOFTER][metric] < learned[UNKNOWN][metric]


@pytest.mark.parametrize("metric", ["fid", "kid", "lpips", "structure"])
def test_what_spoils_a_picture_is_worse_than_a_light_compression(metric: str, learned: Scores) -> None:
    for spoilt in (UNKNOWN, GRID, RUBBLE):
        assert learned[spoilt][metric] > 2 * learned[LIGHT][metric], spoilt


@pytest.mark.parametrize("metric", ["fid", "kid", "lpips", "structure"])
def test_rubble_is_worse_than_another_colour(metric: str, learned: Scores) -> None:
    for coloured in (GRAY, HUE):
        assert learned[RUBBLE][metric] > 1.2 * learned[coloured][metric], coloured


def test_structure_is_the_layout(learned: Scores) -> None:
    assert all(scores["structure"] < 0.7 * learned[RUBBLE]["structure"] for place, scores in learned.items() if place != RUBBLE)


def test_random_weights_order_otherwise(random: Scores) -> None:
    assert all(random[RUBBLE][metric] < random[GRAY][metric] / 2 for metric in ("fid", "kid")), "colours count more than objects"
    assert random[GRID]["lpips"] < random[GRAY]["lpips"], "a grid over everything counts less than a gray picture"
    assert random[RUBBLE]["structure"] < random[UNKNOWN]["structure"], "blur counts more than the layout"


def test_random_weights_are_named() -> None:
    words = Suite(("fid", "kid", "lpips", "structure"), Networks("random", "random", "random")).words()
    assert all("random weights" in network for network in words.values()) and len(words) == 4
