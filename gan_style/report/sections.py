"""The charts of a page: the metrics of one run, or each metric of several runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gan_style.report.charts import Chart, chart
from gan_style.report.log import Curve, RunLog

_UNITS = {"psnr": "dB"}
_HEALTH = {  # kind of health/<direction or discriminator>_<kind> -> heading, title, unit
    "saturated": ("Output", "saturated output", "share of values near -1 or 1"),
    "deviation": ("Output", "contrast of the output", "standard deviation over pixels, of [-1, 1]"),
    "change": ("Output", "change from the input", "mean absolute difference, of [-1, 1]"),
    "augmentation": ("Augmentation", "probability of augmentation", "of each transform of ADA"),
    "overfitting": ("Augmentation", "overfitting of the discriminator", "E[sign D(real)]: 0 knows nothing, 1 knows all real images"),
}


@dataclass(frozen=True)
class ChartGroup:
    """A heading and its charts."""

    heading: str
    charts: list[Chart]

    @property
    def smooth(self) -> bool:
        """Is any of its curves smoothed?"""
        return any(line.smooth for chart in self.charts for line in chart.lines)


@dataclass
class _Plot:
    """A chart to be drawn from a log. names: the curve's name in the chart -> its key in the log, or several keys of which a log has one"""

    heading: str
    title: str
    names: dict[str, Sequence[str]] = field(default_factory=dict)
    unit: str = ""
    percent: bool = False
    from_zero: bool = False
    smooth: bool = True

    def draw(self, title: str, curves: Mapping[str, Curve], end: int, colours: Sequence[int] | None = None) -> Chart | None:
        """Draw the chart. colours: given for a chart of several runs, which is drawn without bands because they would overlap"""
        points = {name: curve.points for name, curve in curves.items()}
        return chart(title, points, end, self.unit, self.percent, self.from_zero, self.smooth, colours is None, colours)


def of_run(log: RunLog, players: Mapping[str, Sequence[str]], end: int) -> list[ChartGroup]:
    """The sections for one run. Metrics that belong together share a chart."""
    charts = []
    for plot in _plots([log], players):
        curves = {name: curve for name, keys in plot.names.items() if (curve := _first(log, keys))}
        charts.append((plot.heading, plot.draw(plot.title, curves, end)))
    return _sections(charts)


def of_runs(logs: Mapping[str, RunLog], players: Mapping[str, Sequence[str]], end: int) -> list[ChartGroup]:
    """The sections for several runs by label: one chart for each metric. A run has the same colour in all of them."""
    charts = []
    for plot in _plots(list(logs.values()), players):
        for name, keys in plot.names.items():
            title = name if plot.title in name else plot.title if len(plot.names) == 1 else f"{plot.title} · {name}"
            found = [(place, label, curve) for place, (label, log) in enumerate(logs.items()) if (curve := _first(log, keys))]
            curves = {label: curve for _, label, curve in found}
            charts.append((plot.heading, plot.draw(title, curves, end, [place for place, _, _ in found])))
    return _sections(charts)


def _sections(charts: Iterable[tuple[str, Chart | None]]) -> list[ChartGroup]:
    sections: dict[str, ChartGroup] = {}
    for heading, drawn in charts:
        if drawn:
            sections.setdefault(heading, ChartGroup(heading, [])).charts.append(drawn)
    return list(sections.values())


def _plots(logs: Sequence[RunLog], players: Mapping[str, Sequence[str]]) -> list[_Plot]:
    """The charts for all metrics that occur in any of the logs."""
    keys = list(dict.fromkeys(key for log in logs for key in log.curves))
    return [*_validation(keys), *_losses(keys, players), *_health(keys), *_pace(keys, logs), *_others(keys)]


def _validation(keys: Sequence[str]) -> Iterable[_Plot]:
    """Charts of validation. The directions of one metric (psnr, b2a_psnr) share a chart."""
    plots: dict[str, _Plot] = {}
    for key, name in _under(keys, "val/"):
        words = name.replace("/", "_").split("_")
        title = "_".join(word for word in words if word not in ("a2b", "b2a")) or name
        unit = next((_UNITS[word] for word in words if word in _UNITS), "")
        plots.setdefault(title, _Plot("Validation", title, unit=unit)).names[name] = [key]
    return plots.values()


def _losses(keys: Sequence[str], players: Mapping[str, Sequence[str]]) -> Iterable[_Plot]:
    """Charts of losses by player. Losses with the same first word (discriminator_real, discriminator_fake) share a chart."""
    found = dict(_under(keys, "loss/"))
    owners = {term: player for player, terms in players.items() for term in terms}
    order = list(players)
    plots: dict[tuple[str, str], _Plot] = {}
    for key, name in found.items():
        first = name.partition("_")[0]
        player = owners.get(name) or ("discriminator" if first in ("discriminator", "critic") else "generator")
        if player not in order:
            order.append(player)
        plots.setdefault((player, first), _Plot("Losses", first, unit=f"{player}, weighted loss")).names[name] = [key]
    # The translating player comes first, because readers look for its losses.
    judges = {player for player, first in plots if first in ("discriminator", "critic")}
    ranked = sorted(plots, key=lambda place: (place[0] in judges, order.index(place[0])))
    return [plots[place] for place in ranked]


def _health(keys: Sequence[str]) -> Iterable[_Plot]:
    plots: dict[str, _Plot] = {}
    for key, name in _under(keys, "health/"):
        direction, _, kind = name.rpartition("_")
        if kind in _HEALTH and direction:
            heading, title, unit = _HEALTH[kind]
            plots.setdefault(kind, _Plot(heading, title, unit=unit, percent=kind == "saturated")).names[direction] = [key]
    return plots.values()


def _pace(keys: Sequence[str], logs: Sequence[RunLog]) -> Iterable[_Plot]:
    rates: dict[str, Sequence[str]] = {name: [key] for key, name in _under(keys, "lr/")}
    alike = [key for key in keys if key.startswith("lr/")]
    if all(len({_outline(log.curves[key]) for key in alike if key in log.curves}) <= 1 for log in logs):
        rates = {"all players": alike}
    if alike:
        yield _Plot("Pace", "learning rate", rates, from_zero=True, smooth=False)
    for key, title, unit, percent in (
        ("images_per_second", "throughput", "images per second", False),
        ("data_wait", "waiting for data", "share of the time", True),
    ):
        if key in keys:
            yield _Plot("Pace", title, {title: [key]}, unit, percent, from_zero=True)


def _others(keys: Sequence[str]) -> Iterable[_Plot]:
    """One chart for each metric of any other name."""
    known, pace = ("val/", "loss/", "lr/", "health/"), ("images_per_second", "data_wait")
    return [_Plot("Others", key, {key: [key]}) for key in keys if not key.startswith(known) and key not in pace]


def _under(keys: Sequence[str], prefix: str) -> list[tuple[str, str]]:
    return [(key, key.removeprefix(prefix)) for key in keys if key.startswith(prefix)]


def _first(log: RunLog, keys: Sequence[str]) -> Curve | None:
    return next((log.curves[key] for key in keys if key in log.curves), None)


def _outline(curve: Curve) -> tuple[tuple[float, float], ...]:
    return tuple((point.step, point.value) for point in curve.points)
