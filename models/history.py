"""What training returns: a row per epoch, and predictions at the epochs that are read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
from numpy.typing import NDArray

# How a trajectory can end; the caller of the engine adds "failed" for an exception.
COMPLETED, STOPPED_EARLY, DIVERGED, TIMED_OUT = "completed", "stopped_early", "diverged", "timed_out"
# Ended by a search that had seen enough.
PRUNED = "pruned"

# The lists of a history that have a value for each epoch.
CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate", "train_seconds")


@dataclass(frozen=True)
class Measurement:
    """What is measured after an epoch that a table or figure reads, with the network in evaluation mode.

    Attributes:
        train_loss, train_metric: over the whole training part.
        validation_outputs: the network's outputs on the validation part, float32 [n, outputs].
        grid_outputs: the outputs on `models.grid.grid_points()`, float32 [points, outputs], where the
            inputs are two-dimensional.
    """

    train_loss: float
    train_metric: float
    validation_outputs: NDArray[np.float32]
    grid_outputs: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class EpochRow:
    """What one epoch adds to a history; `seconds` are its training alone."""

    train_loss: float
    train_metric: float
    validation_loss: float
    validation_metric: float
    learning_rate: float
    seconds: float


@dataclass
class History:
    """One trajectory. The lists have one entry per finished epoch.

    Attributes:
        seed: what weights, shuffling and dropout were drawn from.
        outcome, reason: how it ended; and why, unless it was completed.
        train_loss, train_metric: running means over the epoch's batches, in training mode.
        validation_loss, validation_metric: after the epoch, in evaluation mode.
        learning_rate: of the epoch's last step.
        train_seconds: cumulative, training only.
        measurements: by epoch, counted from 1.
        metric: the metric's name; see `models.metrics`.
        reported: of a training function of the user: each metric that it reports, by name. The curves that it does not
            report are NaN.
    """

    seed: int
    outcome: str = COMPLETED
    reason: str = ""
    train_loss: list[float] = field(default_factory=list)
    train_metric: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_metric: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    train_seconds: list[float] = field(default_factory=list)
    measurements: dict[int, Measurement] = field(default_factory=dict)
    metric: str = ""
    reported: dict[str, list[float]] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.train_loss)

    @property
    def is_reported(self) -> bool:
        """Whether a training function of the user reports the numbers."""
        return bool(self.reported)

    @property
    def ends_without_number(self) -> bool:
        """Whether the last epoch has diverged."""
        judged = [self.validation_metric] if self.is_reported else [self.train_loss, self.validation_loss]
        return not all(isfinite(values[-1]) for values in judged)

    def append(self, row: EpochRow) -> None:
        """Add a finished epoch."""
        before = self.train_seconds[-1] if self.train_seconds else 0.0
        self.train_loss.append(row.train_loss)
        self.train_metric.append(row.train_metric)
        self.validation_loss.append(row.validation_loss)
        self.validation_metric.append(row.validation_metric)
        self.learning_rate.append(row.learning_rate)
        self.train_seconds.append(before + row.seconds)


class Best:
    """The best value so far, the first of equals; values that are not finite are never the best."""

    def __init__(self, *, higher_is_better: bool) -> None:
        self.epoch = 0
        self._value = float("-inf") if higher_is_better else float("inf")
        self._higher_is_better = higher_is_better

    @property
    def state(self) -> tuple[int, float]:
        """The best epoch and its value; (0, ±infinity) where there is none."""
        return self.epoch, self._value

    @state.setter
    def state(self, state: tuple[int, float]) -> None:
        self.epoch, self._value = state

    def improves(self, epoch: int, value: float) -> bool:
        """Add an epoch's value; return whether it beats all before."""
        better = isfinite(value) and (value > self._value if self._higher_is_better else value < self._value)
        if better:
            self.epoch, self._value = epoch, value
        return better


def improvements(values: Sequence[float], *, higher_is_better: bool) -> Iterator[int]:
    """Yield the epochs, counted from 1, whose value is better than every value before."""
    best = Best(higher_is_better=higher_is_better)
    for epoch, value in enumerate(values, start=1):
        if best.improves(epoch, value):
            yield epoch


def best_epoch(values: Sequence[float], *, higher_is_better: bool) -> int | None:
    """Return the first epoch, counted from 1, with the best value; None where no value is finite."""
    return max(improvements(values, higher_is_better=higher_is_better), default=None)


def early_stopping_epoch(validation_loss: Sequence[float], patience: int) -> int | None:
    """Return the epoch, counted from 1, after which early stopping ends a trajectory, or None.

    Training ends once the validation loss has not improved for `patience` epochs; 0 means never. A pure function of
    the history, so a longer trajectory also tells where early stopping would have ended it.
    """
    if not patience:
        return None
    best = Best(higher_is_better=False)
    for epoch, value in enumerate(validation_loss, start=1):
        if not best.improves(epoch, value) and epoch - best.epoch >= patience:
            return epoch
    return None
