"""Stand-ins for the packages wandb, mlflow and trackio: as much of each as accelerate calls, noted call by call."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

NAMES = ("wandb", "mlflow", "trackio")
Fault = Callable[[str, str], None]


class Noted:
    """What the stand-ins were told. begun: (tracker, identity that was given); fault: called with (tracker, call) before each call"""

    def __init__(self, fault: Fault = lambda tracker, call: None) -> None:
        self.fault = fault
        self.begun: list[tuple[str, str | None]] = []
        self.settings: list[tuple[str, dict[str, Any]]] = []
        self.values: dict[str, list[tuple[int, dict[str, Any]]]] = {name: [] for name in NAMES}
        self.pictures: dict[str, list[Any]] = {name: [] for name in NAMES}
        self.finished: list[str] = []
        self.where: dict[str, Any] = {}

    def steps(self, tracker: str) -> list[int]:
        return [step for step, _ in self.values[tracker]]

    def install(self, patch: pytest.MonkeyPatch) -> "Noted":
        """Put the stand-ins in the place of the packages."""
        for name, parts in (
            ("wandb", self._run_like("wandb", "id")),
            ("trackio", self._run_like("trackio", "name")),
            ("mlflow", self._mlflow()),
        ):
            module = ModuleType(name)
            vars(module).update(parts)
            patch.setitem(sys.modules, name, module)
        return self

    def _begin(self, tracker: str, identity: str | None, **where: Any) -> None:
        self.fault(tracker, "start")
        self.begun.append((tracker, identity))
        self.where[tracker] = where

    def _log(self, tracker: str, values: dict[str, Any], step: int) -> None:
        self.fault(tracker, "log")
        pictures = values.pop("samples", None)
        if pictures is None:
            self.values[tracker].append((step, values))
        else:
            self.pictures[tracker].append((step, pictures))

    def _finish(self, tracker: str) -> None:
        self.fault(tracker, "finish")
        self.finished.append(tracker)

    def _configure(self, tracker: str, values: dict[str, Any]) -> None:
        self.settings.append((tracker, values))

    def _run_like(self, tracker: str, key: str) -> dict[str, Any]:
        """The interface that wandb has, and trackio after it."""
        run = SimpleNamespace(log=lambda values, step: self._log(tracker, dict(values), step), finish=lambda: self._finish(tracker))

        def init(project: str, **given: Any) -> SimpleNamespace:
            self._begin(tracker, given[key], project=project, **given)
            return run

        config = SimpleNamespace(update=lambda values, allow_val_change: self._configure(tracker, values))
        return {"init": init, "config": config, "Image": lambda picture: picture}

    def _mlflow(self) -> dict[str, Any]:
        def start_run(run_id: str | None, **given: Any) -> SimpleNamespace:
            self._begin("mlflow", run_id, **given)
            return SimpleNamespace(info=SimpleNamespace(run_id=run_id or "made-by-the-server"))

        bounds = SimpleNamespace(MAX_PARAM_VAL_LENGTH=6000, MAX_PARAMS_TAGS_PER_BATCH=1000)
        return {
            "search_experiments": lambda filter_string: [],
            "create_experiment": lambda name, artifact_location, tags: name,
            "start_run": start_run,
            "log_params": lambda values: self._configure("mlflow", values),
            "log_metrics": lambda values, step: self._log("mlflow", dict(values), step),
            "log_artifact": lambda local_path, artifact_path: self.pictures["mlflow"].append((artifact_path, Path(local_path).name)),
            "end_run": lambda: self._finish("mlflow"),
            "utils": SimpleNamespace(validation=bounds),
        }
