"""The best bundle: kept when it is better, named when a checkpoint knows of it, found again after any kill."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from gan_style.engine.best import BestBundles
from gan_style.types import Direction


class Weights:
    """What stands for the present weights: a number, which their bundle holds."""

    def __init__(self) -> None:
        self.value = 0

    def write(self, path: Path, direction: Direction, scores: Mapping[str, float]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{direction} {self.value} {dict(scores)}")


def best(folder: Path, metric: str | None = "l1", images: int | None = None, network: str | None = None) -> BestBundles:
    return BestBundles(folder, metric, {"images": images}, network=network)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("metric", "values", "better"), [("l1", [3, 2, 2, 4, 1], [0, 1, 4]), ("psnr", [3, math.nan, 2, 4, math.inf, 4], [0, 3])]
)
def test_only_what_is_better_is_kept(metric: str, values: list[float], better: list[int], tmp_path: Path) -> None:
    weights, kept = Weights(), best(tmp_path, metric)
    found = [step for step, value in enumerate(values) if kept.offer("a2b", step, {metric: value}, weights.write)]
    assert found == better


def test_the_name_comes_with_the_checkpoint(tmp_path: Path) -> None:
    weights, kept = Weights(), best(tmp_path)
    for weights.value, value in ((1, 0.5), (2, 0.4), (3, 0.45)):
        kept.offer("a2b", weights.value, {"l1": value, "psnr": math.nan}, weights.write)
    assert not (tmp_path / "best_a2b.safetensors").exists()
    kept.publish(4, weights.write)
    assert names(tmp_path) == ["best_a2b.safetensors"]
    assert (tmp_path / "best_a2b.safetensors").read_text() == "a2b 2 {'l1': 0.4}"
    kept.publish(5, weights.write)
    assert (tmp_path / "best_a2b.safetensors").read_text() == "a2b 2 {'l1': 0.4}"


def test_directions_are_judged_by_themselves(tmp_path: Path) -> None:
    weights, kept = Weights(), best(tmp_path)
    for weights.value, a2b, b2a in ((1, 0.5, 0.5), (2, 0.4, 0.6), (3, 0.6, 0.4)):
        kept.offer("a2b", weights.value, {"l1": a2b}, weights.write)
        kept.offer("b2a", weights.value, {"l1": b2a}, weights.write)
    kept.publish(3, weights.write)
    assert [(tmp_path / f"best_{direction}.safetensors").read_text().split()[1] for direction in ("a2b", "b2a")] == ["2", "3"]


def test_killed_between_the_checkpoint_and_the_name(tmp_path: Path) -> None:
    weights, kept = Weights(), best(tmp_path)
    weights.value = 2
    kept.offer("a2b", 2, {"l1": 0.4}, weights.write)
    again = best(tmp_path)
    assert not again.load_state(kept.state())
    again.publish(4, weights.write)
    assert (tmp_path / "best_a2b.safetensors").read_text() == "a2b 2 {'l1': 0.4}"


def test_killed_before_the_checkpoint_the_older_best_stays(tmp_path: Path) -> None:
    weights, kept = Weights(), best(tmp_path)
    weights.value = 1
    kept.offer("a2b", 1, {"l1": 0.5}, weights.write)
    state = kept.state()
    kept.publish(1, weights.write)
    weights.value = 2
    kept.offer("a2b", 2, {"l1": 0.4}, weights.write)  # and killed
    again = best(tmp_path)
    again.load_state(state)
    assert (tmp_path / "best_a2b.safetensors").read_text() == "a2b 1 {'l1': 0.5}"
    assert not again.offer("a2b", 2, {"l1": 0.6}, weights.write), "as on a GPU, where the second time may give another value"
    again.publish(3, weights.write)
    assert (tmp_path / "best_a2b.safetensors").read_text() == "a2b 1 {'l1': 0.5}"
    assert names(tmp_path) == ["best_a2b.safetensors"]


def test_a_lost_bundle_is_written_again_where_its_weights_are_at_hand(tmp_path: Path) -> None:
    weights, kept = Weights(), best(tmp_path)
    weights.value = 2
    kept.offer("a2b", 2, {"l1": 0.4}, weights.write)
    kept.publish(2, weights.write)
    (tmp_path / "best_a2b.safetensors").unlink()
    kept.publish(2, weights.write)
    assert (tmp_path / "best_a2b.safetensors").read_text() == "a2b 2 {'l1': 0.4}"
    (tmp_path / "best_a2b.safetensors").unlink()
    with pytest.warns(UserWarning, match=r"best_a2b\.safetensors: is gone"):
        kept.publish(3, weights.write)
    assert kept.offer("a2b", 4, {"l1": 0.9}, weights.write), "the next one is the best there is"


def test_other_settings_begin_anew_and_none_carry_the_state_on(tmp_path: Path) -> None:
    weights, kept = Weights(), best(tmp_path)
    kept.offer("a2b", 1, {"l1": 0.5, "psnr": 20}, weights.write)
    for metric, images in (("psnr", None), ("l1", 7)):
        other = best(tmp_path, metric, images)
        assert other.load_state(kept.state())
        assert other.offer("a2b", 2, {"l1": 0.9, "psnr": 1}, weights.write)
    off = best(tmp_path, None)
    assert not off.load_state(kept.state())
    assert not off.offer("a2b", 2, {"l1": 0.1}, weights.write)
    off.publish(2, weights.write)
    assert off.state() == kept.state()
    again = best(tmp_path)
    assert not again.load_state(off.state())
    assert not again.offer("a2b", 3, {"l1": 0.6}, weights.write)


def test_values_of_another_network_are_not_compared(tmp_path: Path) -> None:
    weights, kept = Weights(), best(tmp_path, "kid", network="VGG-16, mean directions of 5 layers")
    kept.offer("a2b", 1, {"kid": 0.5}, weights.write)
    state = kept.state()
    assert not best(tmp_path, "kid", network="VGG-16, mean directions of 5 layers").load_state(state)
    change = best(tmp_path, "kid", network="VGG-19, mean directions of 5 layers").load_state(state)
    assert change == "kid is measured otherwise: by VGG-16, mean directions of 5 layers before, now by VGG-19, mean directions of 5 layers"
    earlier = {key: value for key, value in state.items() if key != "network"}
    assert "kid is measured otherwise" in best(tmp_path, "kid", network="VGG-16, mean directions of 5 layers").load_state(earlier)
    assert not best(tmp_path, "kid", network="Inception v3, file.pth").load_state(earlier), "earlier versions measured the same"
