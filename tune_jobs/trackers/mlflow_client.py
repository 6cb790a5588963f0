"""Runs in MLflow: an experiment for each study, a run for each trial.

What was sent is read back from the experiment: the tags say which trial a run is and how many epochs it has. So no
trial becomes two runs, whatever happened to the process that sent it. The tag with the epochs comes last.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tune_jobs.trackers.tracked_run import TrackedRun

_PREFIX = "ablatune."
_KEY, _EPOCHS, _REPORT = f"{_PREFIX}key", f"{_PREFIX}epochs", f"{_PREFIX}report"
_NAME = "mlflow.runName"
# A server takes so many of each at once, and so many letters of each.
_METRICS_AT_ONCE, _OTHERS_AT_ONCE = 1000, 100
_LONGEST_NAME, _LONGEST_PARAMETER, _LONGEST_TAG = 250, 500, 5000
_NOT_IN_NAMES = re.compile(r"[^/\w.\- :]")
_PAGE = 1000
# Unless the environment says otherwise: a file store is what was asked for, a server that is down is tried again here,
# and nobody is told what runs where.
_ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_T = TypeVar("_T")


@dataclass
class _Known:
    """A run of the experiment: its id, and how many epochs it has."""

    run: str
    epochs: int


class MlflowRuns:
    """Writes runs into an MLflow folder, database or server.

    Args:
        place: a folder, or a URI as MLflow takes it.
        study: names the experiment.

    Raises:
        Exception: of MLflow's own kinds, if it cannot be reached.
    """

    def __init__(self, place: str, study: str) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from mlflow.tracking import MlflowClient

        uri = place if "://" in place else Path(place).absolute().as_uri()
        self._client: Any = MlflowClient(tracking_uri=uri)
        found = self._client.get_experiment_by_name(study)
        self._experiment = self._client.create_experiment(study) if found is None else found.experiment_id
        self._known: dict[str, _Known] | None = None

    def send(self, run: TrackedRun) -> None:
        """Write a run, or what it lacks."""
        if self._known is None:
            self._known = self._read()
        known = self._known.get(run.key)
        if known is None:
            known = self._known[run.key] = self._create(run)
        for metrics in _batches(_metrics(run, known.epochs), _METRICS_AT_ONCE):
            self._client.log_batch(known.run, metrics=metrics)
        known.epochs = max(known.epochs, run.record.epochs)
        self._tag(known.run, {**_tags(run), _EPOCHS: str(known.epochs)})
        status = "FAILED" if run.failed else "KILLED" if run.cut_off else "FINISHED"
        self._client.set_terminated(known.run, status=status, end_time=_ended(run))

    def send_report(self, folder: Path) -> None:
        """Write the files of the study's report, in place of those of an earlier one."""
        found = self._client.search_runs([self._experiment], f"tags.`{_REPORT}` = 'yes'", max_results=1)
        if found:
            run = found[0].info.run_id
        else:
            run = self._client.create_run(self._experiment, tags={_REPORT: "yes"}, run_name="report").info.run_id
        self._client.log_artifacts(run, str(folder), "report")
        self._client.set_terminated(run)

    def close(self) -> None:
        """Nothing is left to be done."""

    def _read(self) -> dict[str, _Known]:
        """Read which trials the experiment has; a run that was left unfinished is deleted."""
        known: dict[str, _Known] = {}
        token = None
        while True:
            page = self._client.search_runs([self._experiment], max_results=_PAGE, page_token=token)
            for run in page:
                key = run.data.tags.get(_KEY)
                if key is None:
                    continue
                epochs = run.data.tags.get(_EPOCHS)
                if epochs is None:
                    self._client.delete_run(run.info.run_id)
                else:
                    known[key] = _Known(run.info.run_id, int(epochs))
            token = page.token
            if not token:
                return known

    def _create(self, run: TrackedRun) -> _Known:
        from mlflow.entities import Param

        made = self._client.create_run(
            self._experiment, start_time=_started(run), tags={_KEY: run.key}, run_name=run.name
        )
        parameters = [Param(_name(name), str(value)[:_LONGEST_PARAMETER]) for name, value in run.parameters.items()]
        for some in _batches(parameters, _OTHERS_AT_ONCE):
            self._client.log_batch(made.info.run_id, params=some)
        return _Known(made.info.run_id, 0)

    def _tag(self, run: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        given = [RunTag(_name(name), value[:_LONGEST_TAG]) for name, value in tags.items()]
        for some in _batches(given, _OTHERS_AT_ONCE):
            self._client.log_batch(run, tags=some)


def _tags(run: TrackedRun) -> dict[str, str]:
    facts = {f"{_PREFIX}{name}": value for name, value in run.facts.items()}
    tables = {f"table.{name}": ", ".join(levels) for name, levels in run.levels.items()}
    return {_NAME: run.name, **facts, **tables}


def _metrics(run: TrackedRun, done: int) -> list[Any]:
    """The metrics of the epochs after those that are there."""
    from mlflow.entities import Metric

    seconds, started = run.record.train_seconds, _started(run)
    return [
        Metric(_name(name), value, started + int(1000 * (seconds[epoch] if epoch < len(seconds) else 0)), epoch + 1)
        for name, values in run.metrics.items()
        for epoch, value in enumerate(values)
        if epoch >= done
    ]


def _started(run: TrackedRun) -> int:
    return int(1000 * run.record.started_at.timestamp())


def _ended(run: TrackedRun) -> int:
    return _started(run) + int(1000 * run.record.wall_seconds)


def _name(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name)[:_LONGEST_NAME]


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
