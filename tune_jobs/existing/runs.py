"""Runs as values: what each was configured with, what it measured over its epochs, and how it ended."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from models.history import COMPLETED, DIVERGED, PRUNED, TIMED_OUT
from tune_jobs.existing import names
from tune_jobs.existing.columns import Columns
from tune_jobs.ledger.record import FAILED, MISSING

# How trackers and tuners say that a run has ended, or not.
_SAID = {
    COMPLETED: "finished completed complete terminated success succeeded successful ok done stopped_early",
    FAILED: "failed fail failure error errored crashed killed lost oom",
    MISSING: "running pending scheduled queued waiting paused preempted preempting missing",
    PRUNED: "pruned stopped",
    DIVERGED: "diverged nan",
    TIMED_OUT: "timed_out timeout",
}
_ENDINGS = {word: outcome for outcome, words in _SAID.items() for word in words.split()}
# Where so many runs have a number at their end, one that has none has diverged.
_USUALLY = 0.5

Value = Hashable


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        name: by which it is listed.
        settings: the value of each setting, in the order of the columns; None for an empty cell.
        seed: the value of each column of seeds.
        outcome: one of `tune_jobs.ledger.record.OUTCOMES`, or MISSING for one that is not over.
        reason: why it has no number.
        epochs: those that were reported, ascending; (1,) without a column of epochs.
        metrics: by name, a value for each epoch; NaN where nothing was reported.
        seconds: of training, up to each epoch; NaN where that is not known.
    """

    name: str
    settings: tuple[Value, ...]
    seed: tuple[Value, ...]
    outcome: str
    reason: str
    epochs: tuple[int, ...]
    metrics: Mapping[str, tuple[float, ...]]
    seconds: tuple[float, ...]


def runs_of(columns: Columns, metric: str) -> list[Run]:
    """Make a run of the lines that belong together, in the order of names, settings and seeds.

    Args:
        columns: of the frame.
        metric: that is compared; a run without it at its end has no number.
    """
    frame = columns.frame
    lines = [_Lines(columns, str(name), part) for name, part in _grouped(columns)]
    last = [one.metric(metric)[-1] for one in lines if len(one.part)]
    usual = sum(map(math.isfinite, last)) >= _USUALLY * len(last)
    runs = [one.run(metric, ends_with_number=usual) for one in lines]
    assert len(frame) == sum(len(one.part) for one in lines)
    return sorted(runs, key=lambda run: (run.name, *map(sort_key, run.settings), *map(sort_key, run.seed)))


def plain(value: Any) -> Value:
    """A cell as a plain value: whole numbers are int, an empty cell is None, a list is text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if isinstance(value, str | int | float | bool) else str(value)


def sort_key(value: Value) -> tuple[int, float, str]:
    """Order values: empty ones, then numbers by size, then text."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, int | float):
        return (1, float(value), str(value))
    return (2, 0.0, str(value))


def _grouped(columns: Columns) -> "list[tuple[Any, pd.DataFrame]]":
    """The lines of each run: by the column that names it; else by settings and seeds, if there are epochs."""
    frame = columns.frame
    if columns.run:
        return list(frame.groupby(columns.run, dropna=False, sort=True))
    apart = [*columns.settings, *columns.seeds]
    if columns.epoch and apart and frame.duplicated(apart).any():
        return [("", part) for _, part in frame.groupby(apart, dropna=False, sort=False)]
    return [("", frame.iloc[[index]]) for index in range(len(frame))]


class _Lines:
    """The lines of one run."""

    def __init__(self, columns: Columns, name: str, part: pd.DataFrame) -> None:
        self._columns = columns
        self._name = name
        self.part = part.sort_values(columns.epoch, kind="stable") if columns.epoch else part

    def metric(self, name: str) -> list[float]:
        return [float(value) for value in pd.to_numeric(self.part[name], errors="coerce")]

    def run(self, metric: str, *, ends_with_number: bool) -> Run:
        outcome, reason = self._ending()
        values = self.metric(metric)
        if outcome == COMPLETED:
            last = values[-1] if ends_with_number else next((one for one in reversed(values) if one == one), math.nan)
            if not math.isfinite(last):
                outcome, reason = DIVERGED, f"{metric} is not finite"
        elif outcome == MISSING:
            reason = "has not ended"
        return Run(
            name=self._name,
            settings=tuple(plain(self._constant(name)) for name in self._columns.settings),
            seed=tuple(plain(self._constant(name)) for name in self._columns.seeds),
            outcome=outcome,
            reason=reason,
            epochs=self._epochs(),
            metrics={name: tuple(self.metric(name)) for name in self._columns.metrics},
            seconds=tuple(self._seconds()),
        )

    def _ending(self) -> tuple[str, str]:
        if not self._columns.status:
            return COMPLETED, ""
        said = str(self._constant(self._columns.status) or "").strip()
        return _ENDINGS.get(said.lower().replace(" ", "_"), COMPLETED), said

    def _constant(self, name: str) -> Any:
        """A setting's value: the last that is not empty, as settings that came late are those of the whole run."""
        present = self.part[name].dropna()
        return present.iloc[-1] if len(present) else None

    def _epochs(self) -> tuple[int, ...]:
        if not self._columns.epoch:
            return (1,) * len(self.part)
        column = self.part[self._columns.epoch]
        return tuple(int(value) if value == value else 0 for value in column)

    def _seconds(self) -> Sequence[float]:
        name = self._columns.seconds
        if not name:
            return [math.nan] * len(self.part)
        column = self.part[name]
        if pd.api.types.is_numeric_dtype(column):
            values = [float(value) * names.seconds_per_unit(name) for value in column]
        else:
            values = [float(value) for value in pd.to_timedelta(column, errors="coerce").dt.total_seconds()]
        known = [value for value in values if value == value]
        # Times of single epochs do not grow; those since the start do.
        if len(known) > 1 and any(later < earlier for earlier, later in pairwise(known)):
            return list(np.cumsum(np.nan_to_num(values)))
        return values
