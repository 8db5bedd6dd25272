"""The runs that `--sweep` asks for, their names, and what is no sweep."""

import pytest

from gan_style.commands.train.axes import MAX_RUNS, members
from gan_style.errors import UserError


def names(*sweeps: str) -> list[str]:
    return [member.name for member in members(sweeps, [])]


def test_the_product_in_turn() -> None:
    found = members(["optim.lr=1e-4,2e-4", "train.seed=0..2"], ["train.steps=3"])
    assert [member.name for member in found] == [f"lr={rate}_seed={seed}" for rate in ("1e-4", "2e-4") for seed in range(3)]
    assert [each.text for each in found[1].overrides] == ["optim.lr=1e-4", "train.seed=1"]


def test_names_have_as_much_of_a_key_as_tells_it_apart() -> None:
    assert names("method.generator.norm=batch", "method.discriminator.norm=none") == ["generator.norm=batch_discriminator.norm=none"]
    assert names("a.lr=1", "b.x.lr=2") == ["a.lr=1_x.lr=2"]
    assert names("lr=1", "optim.lr=2") == ["lr=1_optim.lr=2"]


def test_commas_in_brackets_and_quotes_divide_nothing() -> None:
    found = members(["x=[a, b],{c: 1, d: 2},'e,f',null"], [])
    assert [member.overrides[0].text for member in found] == ["x=[a, b]", "x={c: 1, d: 2}", "x='e,f'", "x=null"]
    assert all("/" not in member.name and len(member.name) < 60 for member in found)


def test_values_that_look_alike_in_a_name_keep_apart() -> None:
    found = names("data.root=my/pairs,my-pairs,my pairs,../my/pairs," + "x" * 300 + "," + "x" * 301)
    assert len(set(found)) == 6 and found[1] == "root=my-pairs"
    assert all("/" not in name and len(name) < 60 for name in found)


def test_the_name_of_many_keys_fits_a_file_system_and_stays_unique() -> None:
    sweeps = [f"data.domain_a.{key}={'x' * 38}{key}" for key in ("channels", "labels", "colours", "transforms", "range", "mask")]
    (first,), (second,) = members(sweeps, []), members([*sweeps[:-1], f"{sweeps[-1]}y"], [])
    assert len(first.name.encode()) <= 200 and first.name != second.name


def test_a_name_does_not_depend_on_the_other_values() -> None:
    assert set(names("train.seed=0..2")) < set(names("train.seed=5,0..3"))
    assert names("train.seed=-1..1") == ["seed=-1", "seed=0", "seed=1"]


@pytest.mark.parametrize(
    ("sweeps", "said"),
    [
        (["optim.lr"], "write key=value,value or key=0..4"),
        (["=1,2"], "write key=value,value"),
        (["optim.lr="], "--sweep optim.lr: an empty value"),
        (["optim.lr=1,,2"], "--sweep optim.lr: an empty value"),
        (["run_dir=a,b"], "--sweep run_dir: each run has a folder of its own"),
        (["train.seed=1", "train.seed=2"], "--sweep train.seed: given twice"),
        (["train.seed=4..1"], "4..1 counts up by ones"),
        ([f"train.seed=0..{MAX_RUNS}"], f"over at most {MAX_RUNS} values"),
        (["train.seed=0..99", "a=0..9", "b=0..9"], f"more than the {MAX_RUNS} allowed"),
        (["method.generator={name: unet},{name: resnet}", "method.generator.norm=batch"], "sets the same value as --sweep"),
        (["optim.lr=[1"], "--sweep 'optim.lr=[1': the value is not valid YAML"),
    ],
)
def test_what_is_no_sweep_is_one_line(sweeps: list[str], said: str) -> None:
    with pytest.raises(UserError) as mistake:
        members(sweeps, [])
    assert said in str(mistake.value) and "\n" not in str(mistake.value)


@pytest.mark.parametrize("override", ["train.seed=3", "train.seed.x=3"])
def test_an_override_that_the_sweep_would_undo_is_refused(override: str) -> None:
    with pytest.raises(UserError, match=r"--sweep train.seed: .* would have no effect"):
        members(["train.seed=1,2"], [override])
    assert members(["method.generator.norm=batch,none"], ["method={name: gan}"])
