"""Trackers: TensorBoard, Weights & Biases, MLflow and Trackio, through accelerate. None of them can stop or delay a run.

Each tracker has a thread, which calls it in order. Training hands over values and pictures and does not wait. A tracker that raises, or
that has not taken something for `PATIENCE` seconds, gives one warning and gets nothing more.
"""

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from gan_style.config.load import flatten
from gan_style.config.schema import RunConfig
from gan_style.engine.tracker_kinds import KINDS, Place, Tracker, identities
from gan_style.errors import one_line

PATIENCE = 120.0  # seconds

Action = Callable[[], None]


class Trackers:
    """The trackers of a run in its folder. Leaving the context ends them, and waits up to `PATIENCE` seconds for what they still hold.

    names: of `logging.trackers`; none on any process but the main one
    """

    def __init__(self, config: RunConfig[Any], names: Sequence[str]) -> None:
        self.config, self.names = config, names
        self._threads: list[_Thread] = []

    def start(self, step: int) -> None:
        """Start the trackers, or go on with their runs, after `step` steps."""
        known = identities(Path(self.config.run_dir))
        tree = flatten(self.config.model_dump(mode="json"))
        values = {key: value if isinstance(value, int | float | str | bool) else str(value) for key, value in tree.items()}
        for name in self.names:
            place = Place(Path(self.config.run_dir), self.config.logging.project, step, known.get(name))
            self._threads.append(_Thread(name, KINDS[name](place), values))

    def log(self, step: int, values: Mapping[str, Any]) -> None:
        """Hand over the numbers of one logged step."""
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        for thread in self._threads:
            thread.hand(partial(thread.tracker.log, step, numbers))

    def picture(self, step: int, path: Path | None) -> None:
        """Hand over the sample grid of a step, if one was drawn."""
        if path is None:
            return
        for thread in self._threads:
            thread.hand(partial(thread.tracker.picture, step, path))

    def __enter__(self) -> "Trackers":
        return self

    def __exit__(self, *_: object) -> None:
        until = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.hand(thread.tracker.finish)
        for thread in self._threads:
            thread.end(until)


class _Thread:
    """Calls a tracker in a thread of its own, which never keeps the process from ending."""

    def __init__(self, name: str, tracker: Tracker, values: Mapping[str, Any]) -> None:
        self.name, self.tracker = name, tracker
        self._waiting: deque[tuple[float, Action]] = deque()  # the first one is being done; with the time at which each was handed over
        self._change = threading.Condition()
        self._problem = ""
        self._off = False
        self.hand(partial(self._begin, values))
        threading.Thread(target=self._work, name=f"tracker {name}", daemon=True).start()

    def hand(self, action: Action) -> None:
        """Hand over something to do, unless the tracker is off. Warns once if it has failed or hangs."""
        with self._change:
            if not self._problem and self._waiting and time.monotonic() - self._waiting[0][0] > PATIENCE:
                self._problem = f"it has not answered for {PATIENCE:.0f} seconds"
            if not self._problem:
                self._waiting.append((time.monotonic(), action))
                self._change.notify_all()
        self._warn()

    def end(self, until: float) -> None:
        """Wait for everything that was handed over, up to the time `until` of the monotonic clock."""
        with self._change:
            done = self._change.wait_for(lambda: self._problem or not self._waiting, max(0.0, until - time.monotonic()))
            if not done:
                self._problem = f"it has not answered for {PATIENCE:.0f} seconds"
        self._warn()

    def _begin(self, values: Mapping[str, Any]) -> None:
        try:
            import_module(self.name)
        except ImportError:
            raise _Missing(f"{self.name} is not installed (pip install 'gan_style[{self.name}]')") from None
        self.tracker.start(values)

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._problem)
                if self._problem:
                    return
                action = self._waiting[0][1]
            try:
                action()
            except BaseException as problem:  # a tracker is someone else's code and may fail in any way, by sys.exit too
                said = str(problem) if isinstance(problem, _Missing) else f"{type(problem).__name__}: {problem}"
            else:
                said = ""
            with self._change:
                self._problem = self._problem or said
                self._waiting.popleft()
                self._change.notify_all()

    def _warn(self) -> None:
        if self._problem and not self._off:
            self._off = True
            warnings.warn(one_line(f"logging.trackers: {self.name} is off ({self._problem}); metrics.jsonl goes on"), stacklevel=4)


class _Missing(Exception):
    """The tracker's package is not installed."""
