"""What a training function of the user has reported, judged epoch by epoch: its history, and how it ends."""

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.history import DIVERGED, PRUNED, STOPPED_EARLY, TIMED_OUT, Best, EpochRow, History, Measurement
from models.sealed import sealed, unsealed
from models.trajectory import out_of_time
from tune_jobs.trainer.link import Answer, Reported
from tune_jobs.training.trial_training import Training
from tune_jobs.trial.metrics import LEARNING_RATE, SECONDS, TRAIN_LOSS, VALIDATION_LOSS, Metrics

_PAYLOAD, _SECONDS, _METRIC, _PREDICTIONS = "payload", "seconds", "metric ", "predictions "


@dataclass
class Course:
    """The history of a trial that a training function trains, and what may end it.

    Args:
        training: what to train.
        metrics: that the study declares.
        after_epoch: called after each epoch; a reason that it returns ends the trial there.

    Attributes:
        history: one row for each epoch that counts.
        targets: what kept predictions are compared with, if the function gave them.
    """

    training: Training
    metrics: Metrics
    after_epoch: Callable[[History], str | None]
    history: History = field(init=False)
    targets: NDArray[Any] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.history = History(
            self.training.config.seed,
            metric=self.metrics.by.compared_name,
            reported={name: [] for name in self.metrics.names},
        )
        self._best = Best(higher_is_better=self.metrics.by.higher_is_better)
        self._last = self.training.plan.last_epoch(self.training.config)
        self._started = time.monotonic()
        self._saved = 0, b""

    def add(self, reported: Reported) -> Answer:
        """Take an epoch, and say whether the trial ends there."""
        history, limit = self.history, self.training.time_limit_seconds
        if limit is not None and time.monotonic() - self._started > limit:
            history.outcome, history.reason = TIMED_OUT, out_of_time(reported.epoch)
            return Answer(ends=True)
        improves = self._append(reported.values, reported.seconds)
        plan, epoch = self.training.plan, history.epochs
        answer = self._judged(self.after_epoch(history))
        wanted = epoch in plan.measure_at or (improves and plan.measure_improvements) or answer.ends
        if reported.predictions is not None and wanted:
            history.measurements[epoch] = Measurement(nan, nan, reported.predictions)
            self.targets = reported.targets
        return answer

    def _append(self, values: Mapping[str, float], seconds: float) -> bool:
        """Add an epoch; return whether it is the best so far."""
        for name in self.metrics.names:
            self.history.reported[name].append(values[name])
        compared = values[self.metrics.compared]
        self.history.append(
            EpochRow(
                values.get(TRAIN_LOSS, nan),
                values.get(self.metrics.by.train_name, nan),
                values.get(VALIDATION_LOSS, nan),
                compared,
                values.get(LEARNING_RATE, nan),
                values.get(SECONDS, seconds),
            )
        )
        return self._best.improves(self.history.epochs, compared)

    def _judged(self, pruned: str | None) -> Answer:
        history, epoch = self.history, self.history.epochs
        value, patience = history.validation_metric[-1], self.training.config.early_stopping_patience
        if not isfinite(value):
            history.outcome = DIVERGED
            history.reason = f"{self.metrics.compared} was {value:g} in epoch {epoch}"
            return Answer(ends=True)
        if epoch >= self._last:
            return Answer(ends=True, keeps=True)
        if 0 < patience <= epoch - self._best.epoch:
            history.outcome = STOPPED_EARLY
            history.reason = f"no better {self.metrics.compared} for {patience} epochs at epoch {epoch}"
        elif pruned:
            history.outcome, history.reason = PRUNED, pruned
        else:
            return Answer()
        return Answer(ends=True, keeps=True)

    @property
    def state(self) -> bytes | None:
        """What the function has saved after the last of all its epochs; None if it has not."""
        epoch, state = self._saved
        return state if epoch == self._last else None

    def snapshot(self, payload: bytes) -> bytes:
        """The history and what the function has saved, as a file's content."""
        self._saved = self.history.epochs, payload
        kept, stream = self.history, io.BytesIO()
        seconds = np.diff(kept.train_seconds, prepend=0.0)
        arrays: dict[str, Any] = {_PAYLOAD: np.frombuffer(payload, dtype=np.uint8), _SECONDS: seconds}
        arrays |= {f"{_METRIC}{name}": np.array(values) for name, values in kept.reported.items()}
        arrays |= {f"{_PREDICTIONS}{epoch}": one.validation_outputs for epoch, one in kept.measurements.items()}
        np.savez(stream, **arrays)
        return sealed(stream.getvalue())

    def restore(self, content: bytes | None) -> tuple[int, bytes] | None:
        """Go on from a snapshot, if it has all that is wanted and leaves an epoch to train.

        Returns:
            Its epoch, and what the function has saved.
        """
        if content is None:
            return None
        with np.load(io.BytesIO(unsealed(content)), allow_pickle=False) as arrays:
            seconds = arrays[_SECONDS]
            lacking = [name for name in self.metrics.names if f"{_METRIC}{name}" not in arrays]
            if lacking or len(seconds) >= self._last:
                return None
            curves = {name: arrays[f"{_METRIC}{name}"] for name in self.metrics.names}
            for epoch, spent in enumerate(seconds):
                self._append({name: float(values[epoch]) for name, values in curves.items()}, float(spent))
            for name in arrays.files:
                if name.startswith(_PREDICTIONS):
                    measured = Measurement(nan, nan, arrays[name])
                    self.history.measurements[int(name.removeprefix(_PREDICTIONS))] = measured
            return len(seconds), arrays[_PAYLOAD].tobytes()


def saved_in(content: bytes) -> tuple[int, bytes]:
    """The epoch of a snapshot, and what the training function has saved in it."""
    with np.load(io.BytesIO(unsealed(content)), allow_pickle=False) as arrays:
        return len(arrays[_SECONDS]), arrays[_PAYLOAD].tobytes()
