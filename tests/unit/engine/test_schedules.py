import pytest
from pydantic import ValidationError

from gan_style.config.schema import OptimConfig
from gan_style.engine.schedules import ENDLESS, learning_rate, warm_up_steps
from gan_style.errors import UserError


def rates(steps: int, **keys: object) -> list[float]:
    config = OptimConfig.model_validate({"lr": 1.0, **keys})
    return [learning_rate(config, step, steps) for step in range(steps)]


def test_constant() -> None:
    assert rates(5, schedule="constant") == [1.0] * 5


def test_a_player_may_have_its_own() -> None:
    config = OptimConfig.model_validate({"lr": 1.0, "player_lr": {"critic": 4.0}, "schedule": "linear", "decay_start": 0.0})
    for player, first in (("critic", 4.0), ("generator", 1.0)):
        assert [learning_rate(config, step, 4, player) for step in range(4)] == pytest.approx(
            [first, 0.75 * first, 0.5 * first, 0.25 * first]
        )


def test_linear_falls_to_zero_just_after_the_last_step() -> None:
    assert rates(10, schedule="linear", decay_start=0.5) == pytest.approx([1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


def test_cosine_is_half_way_down_in_the_middle_of_its_decay() -> None:
    got = rates(8, schedule="cosine", decay_start=0.0)
    assert got[0] == 1.0
    assert got[4] == pytest.approx(0.5)
    assert got == sorted(got, reverse=True)


def test_step_drops_at_each_share_of_the_run() -> None:
    assert rates(8, schedule="step", step_every=0.25, step_gamma=0.1) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "step"])
@pytest.mark.parametrize("decay_start", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 10, 100_000])
def test_beyond_the_plan_the_rate_stays_at_its_last_which_is_not_0(schedule: str, decay_start: float, steps: int) -> None:
    config = OptimConfig.model_validate({"schedule": schedule, "decay_start": decay_start})
    last = learning_rate(config, steps - 1, steps)
    assert last > 0
    assert [learning_rate(config, step, steps) for step in (steps, steps + 1, 9 * steps)] == [last] * 3


def test_a_decay_that_starts_at_the_end_never_comes() -> None:
    assert rates(4, schedule="linear", decay_start=1.0) == [1.0] * 4


def test_a_warm_up_rises_to_the_schedule_in_equal_parts() -> None:
    config = OptimConfig.model_validate({"lr": 1.0, "player_lr": {"critic": 4.0}, "schedule": "linear", "decay_start": 0.5})
    assert [learning_rate(config, step, 10, warm_up=4) for step in range(10)] == pytest.approx(
        [0.25, 0.5, 0.75, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]
    )
    assert [learning_rate(config, step, ENDLESS, "critic", 2) for step in range(3)] == pytest.approx([2, 4, 4])
    assert learning_rate(config, 7, 10, warm_up=8) == pytest.approx(0.6)


@pytest.mark.parametrize(("warmup", "steps"), [(0, 0), (1, 1), (30, 30), (0.25, 5), (0.051, 2)])
def test_a_warm_up_is_a_number_of_steps_or_a_share_of_the_schedule(warmup: float, steps: int) -> None:
    assert warm_up_steps(OptimConfig(warmup=warmup), 20) == steps


def test_a_warm_up_of_a_length_that_nobody_knows_is_refused() -> None:
    assert warm_up_steps(OptimConfig(warmup=7), ENDLESS) == 7
    with pytest.raises(UserError, match=r"optim\.warmup: 0\.1 is a share of the schedule, whose length train\.minutes does not tell"):
        warm_up_steps(OptimConfig(warmup=0.1), ENDLESS)


def test_steps_of_a_warm_up_are_whole() -> None:
    with pytest.raises(ValidationError, match=r"a share of the schedule below 1 or a whole number of steps, not 1\.5"):
        OptimConfig(warmup=1.5)
