"""Several runs: names that tell them apart, tables of what differs and of how they did."""

import json
from pathlib import Path
from typing import Any

import pytest
from run_folders import CONFIG, make_run

from gan_style.report.comparison import Comparison, distinct_names

NONE = "\N{EN DASH}"


def with_validation(run: Path, **values: list[float]) -> Path:
    lines = [{"step": 100 * (place + 1)} for place in range(max(map(len, values.values()), default=0))]
    for name, series in values.items():
        for place, value in enumerate(series):
            lines[place][f"val/{name}"] = value  # type: ignore[assignment]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return run


def rows(comparison: Comparison) -> dict[str, tuple[list[str], set[int]]]:
    return {row.name: (row.values, set(row.best)) for row in comparison.results()}


def test_results_name_the_best_run_of_each_metric(tmp_path: Path) -> None:
    first = with_validation(make_run(tmp_path / "first"), psnr=[20.0, 25.0, 24.0], fid=[90.0, 80.0], odd=[1.0])
    second = with_validation(make_run(tmp_path / "second"), psnr=[25.0], fid=[95.0, 99.0])
    third = make_run(tmp_path / "third")
    table = rows(Comparison([first, second, third]))
    assert table["psnr, best (↑)"] == (["25 at step 200", "25 at step 100", NONE], {0, 1})
    assert table["psnr, last"] == (["24", "25", NONE], set())
    assert table["fid, best (↓)"] == (["80 at step 200", "95 at step 100", NONE], {0})
    assert table["odd, last"] == (["1", NONE, NONE], set()) and "odd, best" not in str(table)
    assert table["steps"][0] == ["1500 of 4000", "1500 of 4000", "2000 of 4000"]  # samples know of more steps than these logs
    assert table["loss/l1"][0] == [NONE, NONE, "43"]  # the median of the last 20: 33.5 to 52.5
    assert table["images per second"][0] == [NONE, NONE, "31.25"]
    assert list(table).index("psnr, last") < list(table).index("loss/l1")


def test_only_keys_that_differ_are_listed(tmp_path: Path) -> None:
    def run(name: str, **changes: Any) -> Path:
        return make_run(tmp_path / name, lines=1, grids=0, config={**CONFIG, "run_dir": name, **changes})

    folders = [run("a"), run("b", optim={"lr": 0.1, "clip": [1, 2]}), run("c", note="x" * 1000)]
    table = [(row.name, row.values) for row in Comparison(folders).differences()]
    assert table == [
        ("optim.lr", ["0.0002", "0.1", "0.0002"]),
        ("optim.clip", [NONE, "[1, 2]", NONE]),
        ("note", [NONE, NONE, "x" * 200 + " ..."]),
    ]


def test_a_run_without_configuration_makes_no_difference(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / name, lines=1, grids=0) for name in "ab"]
    (folders[1] / "config.yaml").unlink()
    assert Comparison(folders).differences() == []


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/x/a", "/x/b"], ["a", "b"]),
        (["/x/a", "/y/a", "/x/b"], ["x/a", "y/a", "x/b"]),
        (["/a", "/x/a"], ["/a", "x/a"]),
        (["/r/1/a", "/r/1/b", "/q/1/a"], ["r/1/a", "r/1/b", "q/1/a"]),
    ],
)
def test_names_are_as_long_as_it_takes_to_tell_them_apart(paths: list[str], names: list[str]) -> None:
    assert distinct_names([Path(path) for path in paths]) == names
