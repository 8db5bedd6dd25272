"""Several runs side by side: their names, what differs in their configurations, and how they ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_style.config.load import flatten
from gan_style.report.charts import in_digits
from gan_style.report.log import Curve
from gan_style.report.past import Past, better
from gan_style.report.pictures import MAX_PICTURES
from gan_style.terminal.progress import duration

MAX_RUNS = 12  # colours that can be told apart
_MAX_VALUE = 200  # characters of a value in a table
_MAX_ROWS = 300
_MISSING = "\N{EN DASH}"


@dataclass(frozen=True)
class TableRow:
    """A line of a table: a value for each run; best: the places of the best ones."""

    name: str
    values: list[str]
    best: frozenset[int] = frozenset()


class Comparison:
    """Runs by labels that tell them apart, in the order given."""

    def __init__(self, folders: Sequence[Path]) -> None:
        labels = distinct_names([folder.resolve() for folder in folders])
        most = max(2, MAX_PICTURES // len(folders))
        self.runs = {label: Past(folder, most) for label, folder in zip(labels, folders, strict=True)}

    def results(self) -> list[TableRow]:
        """Progress and pace, then each metric: validation at its best and last, the others as the median of their last lines."""
        runs = list(self.runs.values())
        rows = [
            TableRow("method", [str(run.get("method", "name") or _MISSING) for run in runs]),
            TableRow("steps", [f"{run.step} of {run.total}" if run.total else str(run.step) for run in runs]),
            TableRow("trained for", [duration(run.log.trained) if run.log.pace else _MISSING for run in runs]),
        ]
        keys = list(dict.fromkeys(key for run in runs for key in run.log.curves))
        for key in sorted(keys, key=lambda key: not key.startswith("val/")):
            curves = [run.log.curves.get(key) for run in runs]
            if key.startswith("val/"):
                rows += _validation(key.removeprefix("val/"), curves)
            elif key.startswith(("loss/", "images_per_second")):
                usual = [curve.usual() if curve else None for curve in curves]
                rows.append(TableRow(key.replace("_", " ") if "/" not in key else key, [_written(value) for value in usual]))
        return rows[:_MAX_ROWS]

    def differences(self) -> list[TableRow]:
        """The configuration keys that do not have the same value in all runs that have a configuration."""
        trees = [flatten(run.config) for run in self.runs.values()]
        known = [tree for tree in trees if tree]
        keys = list(dict.fromkeys(key for tree in known for key in tree))
        return [
            TableRow(key, [_shown(tree[key]) if key in tree else _MISSING for tree in trees])
            for key in keys
            if key != "run_dir" and any(key not in tree or tree[key] != known[0].get(key) for tree in known)
        ][:_MAX_ROWS]


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """The last parts of each path, as many as it takes to tell all of them apart."""
    deepest = max(len(folder.parts) for folder in folders)
    for count in range(1, deepest + 1):
        names = [str(Path(*folder.parts[-count:])) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _validation(name: str, curves: Sequence[Curve | None]) -> list[TableRow]:
    """The last value of a metric, and the best one where it is known which way is better."""
    last = TableRow(f"{name}, last", [_written(curve.last) if curve else _MISSING for curve in curves])
    way = better(name)
    if not way:
        return [last]
    bests = [(curve.highest if way == "higher" else curve.lowest) if curve else None for curve in curves]
    values = [best[0] for best in bests if best]
    if not values:
        return [last]
    winner = max(values) if way == "higher" else min(values)
    return [
        TableRow(
            f"{name}, best ({'↑' if way == 'higher' else '↓'})",
            [f"{in_digits(best[0])} at step {best[1]}" if best else _MISSING for best in bests],
            frozenset(place for place, best in enumerate(bests) if best and best[0] == winner),
        ),
        last,
    ]


def _written(value: float | None) -> str:
    return _MISSING if value is None else in_digits(value)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MAX_VALUE else text[:_MAX_VALUE] + " ..."
