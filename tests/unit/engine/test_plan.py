"""What extending a run means (docs/decisions/0019): the rate never falls to 0 and never jumps without a word."""

from typing import Any

import pytest

from gan_style.config.schema import OptimConfig, TrainConfig
from gan_style.engine.plan import Plan, continue_plan, how_to_extend, make_plan
from gan_style.engine.schedules import learning_rate
from gan_style.errors import UserError

EPOCH = 10
FALLING = ("linear", "cosine", "step")


def optim(**keys: Any) -> OptimConfig:
    return OptimConfig.model_validate({"lr": 1.0, **keys})


def plan(config: OptimConfig | None = None, **train: Any) -> Plan:
    return make_plan(TrainConfig.model_validate(train), config or optim(), EPOCH)


def rates(config: OptimConfig, steps: range, length: int) -> list[float]:
    return [learning_rate(config, step, length) for step in steps]


def test_epochs_plan_and_steps_end() -> None:
    assert plan(steps=7) == Plan(7, 7, 7, None)
    assert plan(epochs=3, batch_size=4) == Plan(8, 8, None, 3)
    assert plan(epochs=3, steps=5) == Plan(30, 5, 5, 3)


@pytest.mark.parametrize("schedule", FALLING)
def test_steps_beyond_the_epochs_of_a_falling_schedule_are_refused_at_the_first_start(schedule: str) -> None:
    with pytest.raises(UserError) as refusal:
        plan(optim(schedule=schedule), epochs=3, steps=31)
    for key in ("train.steps: 31", "train.epochs", "optim.extend=hold", "optim.extend=stretch"):
        assert key in str(refusal.value)
    assert plan(optim(schedule=schedule, extend="hold"), epochs=3, steps=31) == Plan(30, 31, 31, 3)
    assert plan(optim(schedule=schedule, extend="stretch"), epochs=3, steps=31) == Plan(31, 31, 31, 3)


@pytest.mark.parametrize("keys", [{"schedule": "constant"}, {"decay_start": 1.0}, {"schedule": "step", "step_every": 1.0}])
def test_a_schedule_that_does_not_fall_may_be_exceeded(keys: dict[str, Any]) -> None:
    assert plan(optim(**keys), epochs=3, steps=31) == Plan(30, 31, 31, 3)


@pytest.mark.parametrize("schedule", ["constant", *FALLING])
@pytest.mark.parametrize(
    ("first", "then"),
    [({"steps": 40}, {"steps": 60}), ({"steps": 60}, {"steps": 40}), ({"epochs": 4}, {"epochs": 6}), ({"epochs": 4}, {"steps": 60})],
)
def test_where_nothing_has_fallen_the_run_is_the_one_of_the_new_length(schedule: str, first: dict[str, Any], then: dict[str, Any]) -> None:
    config, done = optim(schedule=schedule), 10
    old, asked = plan(config, **first), plan(config, **then)
    taken, told = continue_plan(old, asked, done, config)
    assert taken == asked
    assert f"{asked.end} steps instead of {old.end}" in told
    assert rates(config, range(done), old.length) == rates(config, range(done), asked.length)


@pytest.mark.parametrize("schedule", FALLING)
@pytest.mark.parametrize("done", [31, 40])
@pytest.mark.parametrize(("key", "first", "then"), [("steps", 40, 60), ("epochs", 4, 6)])
def test_a_schedule_that_has_begun_to_fall_is_extended_by_a_choice(schedule: str, done: int, key: str, first: int, then: int) -> None:
    def extended(extend: str) -> tuple[Plan, str]:
        config = optim(schedule=schedule, extend=extend)
        return continue_plan(plan(config, **{key: first}), plan(config, **{key: then}), done, config)

    config = optim(schedule=schedule)
    with pytest.raises(UserError) as refusal:
        extended("refuse")
    for words in (f"train.{key}: {first} -> {then}", "optim.extend=hold", "optim.extend=stretch", "take the old value"):
        assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)

    held, told = extended("hold")
    assert (held.length, held.end) == (40, 60)
    assert f"stays at {learning_rate(config, 39, 40):.3g}" in told
    beyond = rates(config, range(done, 60), held.length)
    assert min(beyond) == beyond[-1] == learning_rate(config, 39, 40) > 0

    stretched, told = extended("stretch")
    assert (stretched.length, stretched.end) == (60, 60)
    before, after = (f"{learning_rate(config, step, length):.3g}" for step, length in ((done - 1, 40), (done, 60)))
    assert f"jumps from {before} in step {done} to {after}" in told


@pytest.mark.parametrize("extend", ["refuse", "hold", "stretch"])
@pytest.mark.parametrize("done", [25, 35])
def test_a_run_may_always_end_earlier_on_the_schedule_that_it_has(extend: str, done: int) -> None:
    config = optim(extend=extend)
    taken, told = continue_plan(plan(steps=40), plan(steps=36), done, config)  # 36 steps would begin to fall after 18
    assert (taken.length, taken.end) == (40, 36)
    assert "36 steps instead of 40" in told
    assert "keeps 40" in told
    back, told = continue_plan(taken, plan(steps=40), 36, config)
    assert (back.length, back.end) == (40, 40)
    assert "40 steps instead of 36" in told


@pytest.mark.parametrize("schedule", ["constant", *FALLING])
def test_the_same_keys_keep_the_plan_whatever_became_of_the_data_set(schedule: str) -> None:
    config, train = optim(schedule=schedule), TrainConfig(epochs=4)
    old = make_plan(train, config, EPOCH)
    assert continue_plan(old, make_plan(train, config, EPOCH + 1), 39, config) == (old, "")


def test_what_was_extended_goes_on_by_the_same_keys_and_may_be_extended_again() -> None:
    hold = optim(extend="hold")
    asked = plan(steps=60)
    held, _ = continue_plan(plan(steps=40), asked, 40, hold)
    assert continue_plan(held, asked, 50, optim()) == (held, ""), "the choice was made"
    stretched, told = continue_plan(held, asked, 50, optim(extend="stretch"))
    assert stretched == asked
    assert "jumps" in told, "and may be made anew"
    longer, told = continue_plan(held, plan(steps=80), 60, hold)
    assert (longer.length, longer.end) == (40, 80)
    assert "80 steps instead of 60" in told
    with pytest.raises(UserError, match=r"optim\.extend=hold"):
        continue_plan(held, plan(steps=80), 60, optim())


def test_before_the_first_step_any_plan_is_taken() -> None:
    assert continue_plan(plan(steps=40), plan(steps=1), 0, optim())[0] == plan(steps=1)
    grown = make_plan(TrainConfig(epochs=4), optim(), EPOCH + 1)
    assert continue_plan(plan(epochs=4), grown, 0, optim())[0] == grown


@pytest.mark.parametrize(
    ("keys", "train", "named"),
    [
        ({}, {"steps": 4}, "raise train.steps to go on (optim.extend"),
        ({}, {"epochs": 4}, "raise train.epochs to go on (optim.extend"),
        ({}, {"epochs": 4, "steps": 9}, "raise train.steps to go on"),
        ({}, {"epochs": 4, "steps": 40}, "raise train.steps and train.epochs to go on (optim.extend"),
        ({"schedule": "constant"}, {"epochs": 4}, "raise train.epochs to go on"),
        ({"extend": "hold"}, {"steps": 4}, "raise train.steps to go on"),
    ],
)
def test_a_finished_run_names_the_keys_that_extend_it(keys: dict[str, Any], train: dict[str, Any], named: str) -> None:
    config = optim(**keys)
    told = how_to_extend(plan(config, **train), config)
    assert told.startswith(named)
    assert ("optim.extend" in told) == ("optim.extend" in named)


@pytest.mark.parametrize("first", [{"epochs": 15}, {"epochs": 15, "steps": 140}, {"steps": 200}])
@pytest.mark.parametrize("fewer", [{"epochs": 3}, {"steps": 27}])
def test_fewer_steps_than_are_done_end_the_run_where_it_is(first: dict[str, Any], fewer: dict[str, Any]) -> None:
    ended, told = continue_plan(plan(**first), plan(**fewer), 135, optim())
    assert (ended.end, ended.length) == (135, plan(**first).length)
    assert told == f"{plan(**fewer).end} steps are asked for, and 135 are done"
    assert how_to_extend(ended, optim()).startswith(f"raise train.{next(iter(fewer))} to go on")


def test_a_rate_that_stays_the_same_does_not_jump() -> None:
    config = optim(schedule="step", step_every=0.25, step_gamma=0.1, extend="stretch")
    told = continue_plan(plan(config, steps=40), plan(config, steps=44), 25, config)[1]
    assert "44 steps instead of 40" in told and "jumps" not in told


@pytest.mark.parametrize("schedule", ["constant", *FALLING])
def test_minutes_leave_the_plan_open_until_they_are_measured(schedule: str) -> None:
    config = optim(schedule=schedule, decay_start=0.0)
    opened = plan(config, minutes=15)
    assert opened.total is None
    assert rates(config, range(1000), opened.length) == [1.0] * 1000
    assert "15 minutes" in opened.in_words(1, EPOCH) and str(opened.end) not in opened.in_words(1, EPOCH)
    fixed = opened.fixed(300)
    assert (fixed.length, fixed.total, fixed.pace) == (300, 300, 20)
    assert opened.fixed(300, fastest=5).pace == 5, "minutes too short for the measured steps tell no pace"
    assert fixed.in_words(1, EPOCH).startswith("300 steps")


def test_an_open_plan_goes_on_open_and_a_fixed_one_fixed() -> None:
    opened = plan(minutes=15)
    assert continue_plan(opened, plan(minutes=15), 9, optim()) == (opened, "")
    assert continue_plan(opened.fixed(300), plan(minutes=15), 9, optim()) == (opened.fixed(300), "")


@pytest.mark.parametrize(("minutes", "end"), [(30, 600), (15.05, 301), (5, 100)])
def test_other_minutes_are_steps_at_the_pace_that_was_measured(minutes: float, end: int) -> None:
    old, done = plan(minutes=15).fixed(300), 40
    taken, told = continue_plan(old, plan(minutes=minutes), done, optim())
    assert (taken.length, taken.end, taken.minutes) == (end, end, minutes)
    assert f"the run now has {end} steps instead of 300" in told
    assert continue_plan(taken, plan(minutes=15), done, optim())[0].end == 300, "and back"


def test_minutes_that_are_raised_after_the_rate_has_fallen_need_a_choice() -> None:
    old = plan(minutes=15).fixed(300)
    with pytest.raises(UserError, match=r"train\.minutes: 15 -> 30: asks for 600 steps, but the schedule of 300 has begun to fall"):
        continue_plan(old, plan(minutes=30), 200, optim())
    assert continue_plan(old, plan(minutes=30), 200, optim(extend="hold"))[0].length == 300
    assert how_to_extend(old, optim()).startswith("raise train.minutes to go on (optim.extend")


@pytest.mark.parametrize(("minutes", "words"), [(1, "1 minute holds"), (1.5, "1.5 minutes hold"), (60, "60 minutes hold")])
def test_a_length_in_minutes_in_words(minutes: float, words: str) -> None:
    assert plan(minutes=minutes).in_words(1, EPOCH).startswith(f"as many steps as {words}; ")
    assert (
        continue_plan(plan(steps=100), plan(minutes=minutes), 40, optim())[1] == f"the run now has as many steps as {words} instead of 100"
    )


def test_steps_may_become_minutes_and_minutes_steps() -> None:
    opened, told = continue_plan(plan(steps=100), plan(minutes=15), 40, optim())
    assert opened == plan(minutes=15)
    assert told == "the run now has as many steps as 15 minutes hold instead of 100"
    counted, told = continue_plan(opened, plan(steps=60), 40, optim())
    assert (counted.length, counted.end) == (60, 60), "an open schedule has no shape that could be kept"
    assert told == "the run now has 60 steps instead of as many steps as 15 minutes hold"
    with pytest.raises(
        UserError, match=r"train\.steps: 100 -> null, train\.minutes: null -> 15: asks for as many steps as 15 minutes hold"
    ):
        continue_plan(plan(steps=100), plan(minutes=15), 80, optim())
    held, _ = continue_plan(plan(steps=100), plan(minutes=15), 80, optim(extend="hold"))
    assert (held.length, held.total) == (100, None)
    assert (held.fixed(300).length, held.fixed(300).end) == (100, 300)


def test_a_warm_up_counts_as_no_fall_of_the_rate() -> None:
    config = optim(warmup=5)
    old, asked = plan(config, steps=40), plan(config, steps=60)
    assert continue_plan(old, asked, 3, config)[0] == asked, "the rate has not begun to fall"
    with pytest.raises(UserError, match="has begun to fall"):
        continue_plan(old, asked, 30, config)


def test_a_longer_run_keeps_the_steps_of_its_warm_up() -> None:
    config = optim(warmup=0.1)
    old, asked = plan(config, steps=40), plan(config, steps=60)
    assert (old.warm_up, asked.warm_up) == (4, 6)
    for step, kept in ((0, 6), (1, 4), (10, 4)):
        longer, _ = continue_plan(old, asked, step, config)
        assert (longer.length, longer.warm_up) == (60, kept)


def test_minutes_take_a_warm_up_in_steps() -> None:
    opened = plan(optim(warmup=9), minutes=1)
    assert opened.warm_up == opened.fixed(300).warm_up == 9
    with pytest.raises(UserError, match=r"optim\.warmup"):
        plan(optim(warmup=0.5), minutes=1)


def test_a_warm_up_that_outlasts_the_run_is_told() -> None:
    plans = [make_plan(TrainConfig(steps=20), OptimConfig(warmup=steps), EPOCH) for steps in (20, 500)]
    assert "learning rate" not in plans[0].in_words(1, EPOCH)
    assert plans[1].in_words(1, EPOCH).endswith("; the learning rate rises to the end, for optim.warmup is 500 steps")
