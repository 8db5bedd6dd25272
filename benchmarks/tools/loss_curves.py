"""Draw a run's loss curves as one SVG picture: python benchmarks/tools/loss_curves.py RUN_DIR --output curves.svg."""

import sys
from html import escape
from pathlib import Path

from gan_style.commands.parser import CommandParser
from gan_style.commands.running import run_command
from gan_style.errors import UserError
from gan_style.files.atomic import write_text
from gan_style.report.charts import PLANE, Chart
from gan_style.report.log import RunLog
from gan_style.report.sections import of_run

COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")
STYLE = "<style>text{font:11px sans-serif;fill:#444}path{fill:none;stroke-width:1.5}line{stroke:#ddd}</style>"
WIDTH, HEIGHT, LEFT, TOP, ROW = 360, 150, 60, 34, 230


def main() -> int:
    """Parse, draw, say where."""

    def command() -> int:
        parser = CommandParser(description=__doc__)
        parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
        parser.add_argument("--output", type=Path, required=True, metavar="FILE.svg")
        options = parser.parse_args()
        log = RunLog(options.run_dir / "metrics.jsonl").read()
        if not log.under("loss/"):
            raise UserError(f"{options.run_dir}: has no metrics.jsonl with losses in it; train first")
        write_text(options.output, draw(log))
        print(options.output)
        return 0

    return run_command(command)


def draw(log: RunLog) -> str:
    """One chart for each first word of the losses' names, two in a row."""
    charts = [chart for section in of_run(log, {}, log.step) if section.heading == "Losses" for chart in section.charts]
    rows = (len(charts) + 1) // 2
    body = "".join(
        f'<g transform="translate({LEFT + place % 2 * 460} {TOP + place // 2 * ROW})">{panel(each)}</g>'
        for place, each in enumerate(charts)
    )
    size = f'width="940" height="{rows * ROW + 20}"'
    style = STYLE
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}<rect {size} fill="#fff"/>{body}</svg>\n'


def panel(each: Chart) -> str:
    """A chart with its axes and legend."""
    parts = [f'<text y="-12" font-weight="bold">{escape(each.title)} loss {"log scale" if each.log else ""}</text>']
    for tick in each.y_ticks:
        y = tick.place / 100 * HEIGHT
        parts.append(f'<line x2="{WIDTH}" y1="{y}" y2="{y}"/><text x="-6" y="{y + 4}" text-anchor="end">{tick.label}</text>')
    parts += [f'<text x="{tick.place / 100 * WIDTH}" y="{HEIGHT + 16}" text-anchor="middle">{tick.label}</text>' for tick in each.x_ticks]
    for place, curve in enumerate(each.lines):
        colour = COLOURS[curve.colour % len(COLOURS)]
        stretch = f'transform="scale({WIDTH / PLANE} {HEIGHT / PLANE})" vector-effect="non-scaling-stroke" stroke="{colour}"'
        parts.append(f'<path d="{curve.raw}" {stretch} opacity="{0.3 if curve.smooth else 1}"/>')
        if curve.smooth:
            parts.append(f'<path d="{curve.smooth}" {stretch}/>')
        x, y = place % 2 * 190, HEIGHT + 34 + place // 2 * 15
        parts.append(f'<text x="{x}" y="{y}" style="fill:{colour}">{escape(curve.name)} {curve.last}</text>')
    return "".join(parts)


if __name__ == "__main__":
    sys.exit(main())
