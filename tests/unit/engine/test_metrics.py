import json
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from gan_style.engine.metrics import LossMeans, MetricsLog, Tracker


def test_means_are_over_the_steps_in_which_a_loss_was_there() -> None:
    means, accelerator = LossMeans(), Accelerator(cpu=True)
    means.add({"a": torch.tensor(1.0), "b": torch.tensor(10.0)})
    means.add({"a": torch.tensor(2.0)})
    assert means.means(accelerator) == {"a": 1.5, "b": 10.0}
    means.reset()
    assert means.means(accelerator) == {}


def test_means_go_on_after_a_restart() -> None:
    accelerator = Accelerator(cpu=True)
    first, second = LossMeans(), LossMeans()
    first.add({"a": torch.tensor(1.0)})
    second.load_state(first.state(accelerator), torch.device("cpu"))
    second.add({"a": torch.tensor(4.0)})
    assert second.means(accelerator) == {"a": 2.5}


def test_rewind_drops_later_and_torn_lines(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    for step in (1, 2, 3):
        log.write(step, {"loss/a": step})
    with log.path.open("a") as file:
        file.write('{"step": 2, "loss')
    log.rewind(2)
    log.write(3, {"loss/a": 30})
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [(line["step"], line["loss/a"]) for line in lines] == [(1, 1), (2, 2), (3, 30)]
    assert all(line["time"] > 0 for line in lines)


def test_a_tracker_that_fails_is_said_once_and_stops_nothing() -> None:
    class Broken:
        def init_trackers(self, *args: object, **keywords: object) -> None:
            raise RuntimeError("no disk")

    with pytest.warns(UserWarning, match="TensorBoard is off"):
        tracker = Tracker(Broken(), {})  # type: ignore[arg-type]
    tracker.log(1, {"a": 1.0})
