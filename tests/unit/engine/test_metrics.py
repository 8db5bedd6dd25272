import json
from pathlib import Path

import torch
from accelerate import Accelerator

from gan_style.engine.metrics import LossMeans, MetricsLog


def test_means_are_over_the_steps_in_which_a_loss_was_there() -> None:
    means, accelerator = LossMeans(), Accelerator(cpu=True)
    means.add({"a": torch.tensor(1.0), "b": torch.tensor(10.0)})
    means.add({"a": torch.tensor(2.0)})
    assert means.means(accelerator) == {"a": 1.5, "b": 10.0}
    means.reset()
    assert means.means(accelerator) == {}


def test_means_go_on_after_a_restart_on_any_number_of_processes() -> None:
    accelerator, device = Accelerator(cpu=True), torch.device("cpu")
    first, other, again, alone = (LossMeans() for _ in range(4))
    first.add({"a": torch.tensor(1.0)})
    other.add({"a": torch.tensor(3.0)})
    again.load_state([other.state(), first.state()], process=1, processes=2, device=device)  # its own, to the bit
    again.add({"a": torch.tensor(4.0)})
    assert again.means(accelerator) == {"a": 2.5}
    alone.load_state([first.state(), other.state()], process=0, processes=1, device=device)  # the average
    alone.add({"a": torch.tensor(5.0)})
    assert alone.means(accelerator) == {"a": 3.5}


def test_values_that_are_not_finite_do_not_count() -> None:
    means = LossMeans()
    for value in (1.0, float("nan"), 2.0, float("inf")):
        means.add({"a": torch.tensor(value), "b": torch.tensor(float("nan"))})
    result = means.means(Accelerator(cpu=True))
    assert result["a"] == 1.5
    assert result["b"] != result["b"]


def test_rewind_drops_later_and_torn_lines(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    for step in (1, 2, 3):
        log.write(step, {"loss/a": step})
    with log.path.open("a") as file:
        file.write('{"step": 2, "loss')
    log.rewind(2)
    log.write(3, {"loss/a": 30})
    log.write(4, {"loss/a": float("nan")})  # JSON has no NaN
    lines = [json.loads(line, parse_constant=lambda name: name) for line in log.path.read_text().splitlines()]
    assert lines.pop()["loss/a"] is None
    assert [(line["step"], line["loss/a"]) for line in lines] == [(1, 1), (2, 2), (3, 30)]
    assert all(line["time"] > 0 for line in lines)
