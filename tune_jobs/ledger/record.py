"""A record: a trajectory as the ledger keeps it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.grid import GRID_REACH as GRID_REACH  # of the points of `Record.grid_predictions`
from models.history import COMPLETED, DIVERGED, PRUNED, STOPPED_EARLY, TIMED_OUT, best_epoch, early_stopping_epoch
from models.metrics import metric_spec
from tune_jobs.ledger.schema import SCHEMA
from tune_jobs.trial.metrics import Metrics, declared_metric
from tune_jobs.trial.trial import Trial

FAILED = "failed"
# A run says this of a trial whose worker was lost too often; the ledger never holds it.
LOST = "lost"
# Of `Record.process`: no user code ran in its process but what it names. Older records have "".
ISOLATED = "isolated"
# Of `Record.process` too: it trained elsewhere, with code that is not known.
IMPORTED = "imported"
# Not an outcome: the ledger does not have what a row reads.
MISSING = "missing"
OUTCOMES = (COMPLETED, STOPPED_EARLY, DIVERGED, TIMED_OUT, FAILED, PRUNED)


@dataclass(frozen=True, slots=True)
class Record:
    """A trajectory: what was trained, each epoch's numbers, what was measured, how it ended, and where it ran.

    Attributes:
        fields: the trajectory's configuration (see `tune_jobs.trial.key.trajectory`), as JSON.
        outcome: one of `OUTCOMES`; `reason` and `traceback` explain it.
        retriable: whether a failure came from outside the trial (out of memory).
        train_loss … train_seconds: a value per epoch; see `models.history.History`.
        measured_*: in evaluation mode, at `measured_epochs`.
        validation_outputs, grid_outputs: the network's outputs at `measured_epochs`, float32 little-endian bytes of an
            array [n, outputs]; empty if the ledger was read without predictions.
        node, gpu: Ray's ids of the node and of the GPUs that the trial was assigned; "" for none.
        machine_kind: device, instruction set, torch version and threads: what bits depend on.
        process: `ISOLATED`, or "" if the trial may have shared its process with other trials' user code; `IMPORTED` for
            results from elsewhere, whose `fields` name no code and whose epochs are NaN where nothing was reported.
        metrics: of a training function of the user: what it reports, see `tune_jobs.trial.metrics.declared_metric`.
            Curves that it does not report are NaN.
        metric_values: of each metric, one after the other, a value per epoch.
    """

    key: str
    fields: str
    dataset: str
    fingerprint: str
    engine_version: int
    seed: int
    outcome: str
    epochs: int
    metric: str
    target_unit: str
    outputs: int = 0
    reason: str = ""
    traceback: str = ""
    retriable: bool = False
    train_loss: tuple[float, ...] = ()
    train_metric: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    validation_metric: tuple[float, ...] = ()
    learning_rate: tuple[float, ...] = ()
    train_seconds: tuple[float, ...] = ()
    measured_epochs: tuple[int, ...] = ()
    measured_train_loss: tuple[float, ...] = ()
    measured_train_metric: tuple[float, ...] = ()
    validation_outputs: tuple[bytes, ...] = ()
    grid_outputs: tuple[bytes, ...] = ()
    study: str = ""
    code_version: str = ""
    packages: str = ""
    host: str = ""
    node: str = ""
    device: str = ""
    gpu: str = ""
    machine_kind: str = ""
    execution_mode: str = ""
    process: str = ""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    wall_seconds: float = 0.0
    time_limit_seconds: float | None = None
    command: str = ""
    metrics: tuple[str, ...] = ()
    metric_values: tuple[float, ...] = ()

    @property
    def is_reported(self) -> bool:
        """Whether a training function of the user has reported the numbers."""
        return bool(self.metrics)

    @property
    def is_imported(self) -> bool:
        """Whether the numbers are results from elsewhere."""
        return self.process == IMPORTED

    @property
    def has_gaps(self) -> bool:
        """Whether it is known to be without numbers at some epochs: results from elsewhere may be of the last alone."""
        if not self.is_imported:
            return False
        known = self.validation_metric[:-1] if self.outcome == DIVERGED else self.validation_metric
        return not all(map(isfinite, known))

    @property
    def reported(self) -> dict[str, tuple[float, ...]]:
        """The metrics that a training function of the user has reported, by name: a value per epoch."""
        count = self.epochs
        parts = (self.metric_values[count * place : count * (place + 1)] for place in range(len(self.metrics)))
        return {declared_metric(text).name: part for text, part in zip(self.metrics, parts, strict=True)}

    def compared_by(self, metrics: Metrics) -> "Record | None":
        """The record of a training function as a study reads it; None if it lacks a metric that the study declares.

        Args:
            metrics: that the study declares; a record of the project's own training stays as it is.
        """
        if not self.is_reported:
            return self
        values = self.reported
        if not set(metrics.names) <= set(values):
            return None
        curves: dict[str, Any] = metrics.curves(values, self.epochs)
        return replace(
            self,
            metric=metrics.by.compared_name,
            metrics=tuple(map(str, metrics)),
            metric_values=tuple(value for name in metrics.names for value in values[name]),
            **curves,
        )

    def keeps_predictions(self, epoch: int) -> bool:
        """Whether it has the outputs on the validation part after an epoch."""
        return epoch in self.measured_epochs and bool(self.validation_outputs)

    def predictions(self, epoch: int) -> NDArray[np.float32]:
        """The outputs on the validation part, [n, outputs], after a measured epoch.

        Raises:
            KeyError: the epoch was not measured, or the record was read without predictions.
        """
        return self._outputs(self.validation_outputs, epoch)

    def grid_predictions(self, epoch: int) -> NDArray[np.float32]:
        """The outputs on `models.grid.grid_points()` after a measured epoch; otherwise as `predictions`."""
        return self._outputs(self.grid_outputs, epoch)

    def _outputs(self, stored: tuple[bytes, ...], epoch: int) -> NDArray[np.float32]:
        if epoch not in self.measured_epochs or not stored:
            raise KeyError(f"trial {self.key} has no predictions after epoch {epoch}")
        content = stored[self.measured_epochs.index(epoch)]
        return np.frombuffer(content, dtype="<f4").reshape(-1, self.outputs)

    def to_row(self) -> dict[str, Any]:
        """The record as a row of `SCHEMA`."""
        row = {name: getattr(self, name) for name in SCHEMA.names}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}

    def reading(self, *, epochs: int, patience: int, read: str) -> "Reading":
        """Work out what a row reads of the trajectory, and how it ended as far as the row reads it.

        A long record also serves a shorter row, and a row that early stopping would have ended. A trajectory that
        diverged is complete up to the epoch before.

        Args:
            epochs: of the row.
            patience: of its early stopping; 0 for none.
            read: "last" or "best" epoch.
        """
        if self.outcome == FAILED:
            return Reading(FAILED, None)
        if self.has_gaps and not (self.outcome == DIVERGED and epochs >= self.epochs):
            needed = self.validation_metric[0 if patience or read == "best" else epochs - 1 : epochs]
            if not all(map(isfinite, needed)):
                return Reading(MISSING, None)
        stop = early_stopping_epoch(self._watched[:epochs], patience)
        last = stop if stop is not None else epochs
        if self.outcome == DIVERGED and last >= self.epochs:
            return Reading(DIVERGED, None)
        if self.epochs < last:
            return Reading(TIMED_OUT if self.outcome == TIMED_OUT else MISSING, None)
        outcome = STOPPED_EARLY if last < epochs else COMPLETED
        if read == "last":
            return Reading(outcome, last)
        higher = metric_spec(self.metric).higher_is_better
        return Reading(outcome, best_epoch(self.validation_metric[:last], higher_is_better=higher))

    @property
    def _watched(self) -> tuple[float, ...]:
        """What early stopping watches, lower is better: the validation loss, or the metric that a function reports."""
        if not self.is_reported:
            return self.validation_loss
        sign = -1 if metric_spec(self.metric).higher_is_better else 1
        return tuple(sign * value for value in self.validation_metric)

    def measured(self, epoch: int) -> tuple[float, float]:
        """The loss and the metric on the training part, in evaluation mode, after a measured epoch."""
        index = self.measured_epochs.index(epoch)
        return self.measured_train_loss[index], self.measured_train_metric[index]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a row reads of a trajectory: how it ended (an outcome or `MISSING`), and the epoch that it shows."""

    outcome: str
    epoch: int | None


def is_finished(record: Record, trial: Trial, *, time_limit_seconds: float | None, retry_failed: bool) -> bool:
    """Whether a trial need not run again.

    A divergence is a result. A time-out stands until the limit is raised. A failure stands unless it came from outside
    the trial or `retry_failed` is set.
    """
    if record.outcome == FAILED:
        return not (retry_failed or record.retriable)
    readings = [
        record.reading(epochs=epochs, patience=patience, read=read)
        for epochs in trial.measure_at
        for patience in (trial.config.early_stopping_patience, *trial.stops)
        for read in (["last", "best"] if trial.measure_improvements else ["last"])
    ]
    outcomes = {reading.outcome for reading in readings}
    if MISSING in outcomes:
        return False
    limit_then, limit_now = record.time_limit_seconds, time_limit_seconds
    if TIMED_OUT in outcomes and (limit_now is None or limit_then is None or limit_now > limit_then):
        return False
    if record.is_reported:  # every epoch has all its numbers
        return True
    return {reading.epoch for reading in readings if reading.epoch is not None} <= set(record.measured_epochs)


def encode_fields(fields: Mapping[str, Any]) -> str:
    """Encode a trajectory's fields as the ledger keeps them: JSON, in the order of declaration."""
    return json.dumps(fields, allow_nan=False)
