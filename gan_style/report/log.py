"""Reading metrics.jsonl into curves of bounded memory. Every line is read once, however often the report is written."""

import json
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from statistics import median
from typing import Any

from gan_style.files.opening import open_regular

MAX_POINTS = 400  # points of a curve: about as many as a chart has pixels
MAX_CURVES = 200
MAX_ALARMS = 20
RECENT = 20  # the newest lines, from which present values are computed
_MAX_NAME = 200
_MAX_LINE_BYTES = 1 << 16
_CHUNK = 1 << 20
_FINGERPRINT = 64
_MAX_STEP = 2**53
_LARGEST = 3.4e38  # a float32 beyond this has diverged
_STOPPED = 20  # a longer gap, in usual steps, means that the run was stopped


@dataclass(slots=True)
class Point:
    """One or more neighbouring values of a curve.

    step: the mean of their steps
    value, low, high: mean, smallest and largest of the finite values; NaN if none is finite
    """

    step: float
    value: float
    low: float
    high: float
    lines: int = 1
    finite: int = 1

    def take(self, step: int, value: float, finite: bool) -> None:
        """Add one value to the point."""
        self.lines += 1
        self.step += (step - self.step) / self.lines
        if not finite:
            return
        self.finite += 1
        if self.finite == 1:
            self.value = self.low = self.high = value
            return
        self.value += (value - self.value) / self.finite
        if value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value

    def merge(self, other: "Point") -> None:
        """Add the values of `other` to the point."""
        self.step = (self.step * self.lines + other.step * other.lines) / (self.lines + other.lines)
        if not self.finite:
            self.value, self.low, self.high = other.value, other.low, other.high
        elif other.finite:
            self.value += (other.value - self.value) * other.finite / (self.finite + other.finite)
            self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.lines += other.lines
        self.finite += other.finite


class Curve:
    """One metric over the steps. At MAX_POINTS points, neighbours are merged in pairs, so memory does not grow with the run.

    last: the newest value
    lowest, highest: (value, step) of the finite values
    bad: the number of values that were not finite; the first one was at step first_bad
    """

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.step = -1
        self.last = math.nan
        self.lowest: tuple[float, int] | None = None
        self.highest: tuple[float, int] | None = None
        self.bad = 0
        self.first_bad = -1
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._lines = 0
        self._each = 1  # lines that a point stands for

    def add(self, step: int, value: float) -> None:
        """Add the next value. It is left out unless its step is beyond the last one."""
        if step <= self.step:
            return
        self.step, self.last = step, value
        self._lines += 1
        finite = math.isfinite(value)
        if finite:
            self._recent.append(value)
            if self.lowest is None or value < self.lowest[0]:
                self.lowest = (value, step)
            if self.highest is None or value > self.highest[0]:
                self.highest = (value, step)
        else:
            self.bad += 1
            self.first_bad = step if self.bad == 1 else self.first_bad
            value = math.nan
        newest = self.points[-1] if self.points else None
        if newest and newest.lines < self._each:
            newest.take(step, value, finite)
            return
        if len(self.points) == MAX_POINTS:
            for place in range(0, MAX_POINTS, 2):
                self.points[place].merge(self.points[place + 1])
            del self.points[1::2]
            self._each *= 2
        self.points.append(Point(step, value, value, value, 1, int(finite)))

    def usual(self) -> float | None:
        """The median of the last finite values, without the first line of the run if there are others."""
        values = list(self._recent)
        return median(values[1:] if 1 < self._lines <= RECENT and values[1:] else values) if values else None


@dataclass
class Alarm:
    """A text under `alarms`, with the first and the last step that had it. on: the newest line with losses has it"""

    text: str
    first: int
    last: int
    on: bool = True


class RunLog:
    """The content of a metrics.jsonl. `read` reads the lines that were appended since the last call, and a rewritten file as a whole.

    step: of the last line
    trained: seconds of training, without the time in which the run was stopped
    pace: recent seconds a step
    left_out: metrics beyond MAX_CURVES
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin()

    def _begin(self) -> None:
        self.curves: dict[str, Curve] = {}
        self.alarms: dict[str, Alarm] = {}
        self.left_out: set[str] = set()
        self.step = 0
        self.trained = 0.0
        self._stamp: tuple[int, float] | None = None
        self._paces: deque[float] = deque(maxlen=RECENT)
        self._offset = 0
        self._before = b""  # the bytes before the offset

    @property
    def pace(self) -> float | None:
        return median(self._paces) if self._paces else None

    def read(self) -> "RunLog":
        """Read the new lines. Torn and foreign lines are left out; a missing file counts as empty."""
        try:
            with open_regular(self.path) as file:
                self._read(file)
        except OSError:
            self._begin()
        return self

    def under(self, prefix: str) -> dict[str, Curve]:
        """The curves whose keys begin with `prefix`, by the rest of the key, in the order of their first appearance."""
        return {key.removeprefix(prefix): curve for key, curve in self.curves.items() if key.startswith(prefix)}

    def _read(self, file: FileIO) -> None:
        file.seek(max(0, self._offset - _FINGERPRINT))
        if file.read(min(self._offset, _FINGERPRINT)) != self._before:
            self._begin()
        file.seek(self._offset)
        rest = b""
        while chunk := file.read(_CHUNK):
            *whole, rest = (rest + chunk).split(b"\n")
            for raw in whole:
                self._take(raw)
                self._offset += len(raw) + 1
            if len(rest) > _MAX_LINE_BYTES:  # not a line of gan_style: its pieces are not JSON
                self._offset += len(rest)
                rest = b""
        if rest and self._take(rest):  # else it is still being written
            self._offset += len(rest)
        file.seek(max(0, self._offset - _FINGERPRINT))
        self._before = file.read(min(self._offset, _FINGERPRINT))

    def _take(self, raw: bytes) -> bool:
        """Add one line; False if it is not a line of a log."""
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            return False
        step = line.get("step") if isinstance(line, dict) else None
        if not isinstance(step, int) or isinstance(step, bool) or not self.step <= step < _MAX_STEP:
            return False
        self.step = step
        for key, value in line.items():
            if key not in ("step", "time") and (value is None or type(value) in (int, float)):
                self._add(key, step, math.nan if value is None else _number(value))
        self._note_alarms(line, step)
        self._note_time(line, step)
        return True

    def _add(self, key: str, step: int, value: float) -> None:
        if key not in self.curves:
            if len(self.curves) >= MAX_CURVES or len(key) > _MAX_NAME:
                if len(self.left_out) < MAX_CURVES:
                    self.left_out.add(key[:_MAX_NAME])
                return
            self.curves[key] = Curve()
        self.curves[key].add(step, value)

    def _note_alarms(self, line: Mapping[str, Any], step: int) -> None:
        if any(key.startswith("loss/") for key in line):  # further metrics of a step may have a line of their own
            for alarm in self.alarms.values():
                alarm.on = False
        texts = line.get("alarms")
        for text in [text[:_MAX_NAME] for text in texts if isinstance(text, str)] if isinstance(texts, list) else ():
            if text in self.alarms or len(self.alarms) < MAX_ALARMS:
                alarm = self.alarms.setdefault(text, Alarm(text, step, step))
                alarm.last, alarm.on = step, True

    def _note_time(self, line: Mapping[str, Any], step: int) -> None:
        time = line.get("time")
        if not isinstance(time, int | float) or not abs(time) < _LARGEST:
            return
        if self._stamp and step > self._stamp[0]:
            steps, seconds = step - self._stamp[0], time - self._stamp[1]
            usual = self.pace
            if seconds > 0 and (usual is None or seconds < _STOPPED * usual * steps):
                self.trained += seconds
                self._paces.append(seconds / steps)
        self._stamp = (step, time)


def _number(value: float) -> float:
    """`value` as a float; infinite if it is too large for float32."""
    return float(value) if abs(value) < _LARGEST or value != value else math.inf
