"""A trial of a search: what it reached at the rungs, how it stands, and the scores of its epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, nan
from typing import Any, Protocol

from models.history import COMPLETED, DIVERGED, STOPPED_EARLY
from models.metrics import metric_spec
from tune_jobs.ledger.record import FAILED, MISSING, Record
from tune_jobs.study.schedulers import Decision
from tune_jobs.trial.trial import Trial

# Where a trial of a search stands.
OPEN, STOPPED, FINISHED, BROKEN = "open", "stopped", "finished", "failed"


@dataclass(frozen=True)
class Arrival:
    """A trial at a rung: its score there, and the decision. `seed` is the replicate's."""

    trial: int
    epoch: int
    score: float
    decision: Decision
    seed: int = 0


@dataclass(frozen=True)
class SearchTrial:
    """A trial of a search; with replicates a candidate, whose seeds are trained one after the other.

    Attributes:
        number: in the order of drawing; negative for a row of the study's tables.
        values: of the searched fields that it reads.
        source: "default", a sampler's name, or "table".
        trial: with seed 0; None if the study can no longer build it.
        arrivals: at rungs, in order.
        began: how long the search had been running when the trial was drawn, in seconds.
        seconds: how long the search had been running when the trial ended; None before.
        record: its record in the ledger.
        more: its trials of seeds 1, 2, …, where the search has replicates; `more_records` are theirs.
    """

    number: int
    values: Mapping[str, Any]
    source: str
    trial: Trial | None
    bracket: int
    arrivals: tuple[Arrival, ...] = ()
    began: float = 0.0
    seconds: float | None = None
    record: Record | None = None
    more: tuple[Trial, ...] = ()
    more_records: tuple[Record | None, ...] = ()

    @property
    def trials(self) -> list[Trial]:
        """Its trials, by seed; none if it cannot be built."""
        return [] if self.trial is None else [self.trial, *self.more]

    @property
    def records(self) -> list[Record | None]:
        """The records of its trials, by seed."""
        return [self.record, *self.more_records]

    @property
    def begun(self) -> list[Trial]:
        """Its trial of seed 0, and those of further seeds that have a record."""
        return [
            trial for trial, record in zip(self.trials, self.records, strict=False) if not trial.config.seed or record
        ]

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"trial {self.number}" if self.number >= 0 else "a row of a table"

    @cached_property
    def stopped_at(self) -> int | None:
        """The rung that stopped it, in epochs; None if no rung did."""
        return next((epoch for epoch, last in self.decisions.items() if last.stop and not last.more), None)

    @property
    def waits_at(self) -> int | None:
        """The rung at which it waits for another of its seeds, in epochs; None for none."""
        return next((epoch for epoch, last in self.decisions.items() if last.more), None)

    @property
    def decisions(self) -> dict[int, Decision]:
        """What holds at each rung, by epoch: what was decided when the last of its seeds reached it."""
        return {arrival.epoch: arrival.decision for arrival in self.arrivals}

    def reached(self, seed: int) -> int:
        """The last rung that a seed has reached, in epochs; 0 for none."""
        return max((arrival.epoch for arrival in self.arrivals if arrival.seed == seed), default=0)

    def standing(self, read: str) -> str:
        """Return `OPEN` while there is something left to train, else how the trial ended."""
        if self.trial is None or FAILED in (record.outcome for record in self.records if record is not None):
            return BROKEN
        if self.ending(read)[0] != MISSING:
            return FINISHED
        stopped = self.stopped_at
        if stopped is None or any(
            length_of(self.records[a.seed]) < stopped for a in self.arrivals if a.epoch == stopped
        ):
            return OPEN
        return STOPPED

    def ending(self, read: str) -> tuple[str, int | None]:
        """Return the outcome at full length, and the epoch that is read there.

        With replicates, it is diverged if one of them is, missing if one of them is, and else the worst; the epoch is
        that of the first.
        """
        endings = [self.ending_of(seed, read) for seed in range(len(self.trials))]
        if len(endings) == 1:
            return endings[0]
        outcomes = [outcome for outcome, _ in endings]
        for outcome in (DIVERGED, MISSING):
            if outcome in outcomes:
                return endings[outcomes.index(outcome)]
        bad = (ending for ending in endings if ending[0] not in (COMPLETED, STOPPED_EARLY))
        return next(bad, endings[0] if endings else (MISSING, None))

    def ending_of(self, seed: int, read: str) -> tuple[str, int | None]:
        """Return the outcome of one of its replicates at full length, and the epoch that is read there."""
        trial, record = self.trials[seed], self.records[seed]
        if record is None:
            return MISSING, None
        reading = record.reading(epochs=trial.epochs, patience=trial.config.early_stopping_patience, read=read)
        return reading.outcome, reading.epoch

    def next_seed(self, read: str) -> int:
        """The seed of the replicate to train next, if there is one left."""
        seeds, waits_at = range(len(self.trials)), self.waits_at
        for seed in seeds:
            record = self.records[seed]
            # Of a process that was killed, a decision is known and the record is not.
            if length_of(record) < self.reached(seed) or (record is not None and record.outcome == FAILED):
                return seed
        if waits_at is not None:
            there = {arrival.seed for arrival in self.arrivals if arrival.epoch == waits_at}
            return next((seed for seed in seeds if seed not in there), 0)
        return next((seed for seed in seeds if self.ending_of(seed, read)[0] == MISSING), 0)


def length_of(record: Record | None) -> int:
    """How many epochs a record has; 0 for none."""
    return 0 if record is None else record.epochs


class Curves(Protocol):
    """A history or a record: a value for each epoch."""

    @property
    def metric(self) -> str: ...
    @property
    def train_loss(self) -> Sequence[float]: ...
    @property
    def validation_loss(self) -> Sequence[float]: ...
    @property
    def validation_metric(self) -> Sequence[float]: ...
    @property
    def is_reported(self) -> bool: ...


def signed(curves: Curves, *, select: str) -> list[float]:
    """Return the validation metric or loss of each epoch, with the sign that makes higher better.

    NaN after an epoch that diverged: a network that gives no numbers still has an accuracy, that of chance.
    """
    higher = select != "loss" and metric_spec(curves.metric).higher_is_better
    values = curves.validation_loss if select == "loss" else curves.validation_metric
    if curves.is_reported:
        finite = [isfinite(value) for value in curves.validation_metric]
    else:
        losses = zip(curves.train_loss, curves.validation_loss, strict=True)
        finite = [isfinite(train) and isfinite(validation) for train, validation in losses]
    return [
        (value if higher else -value) if is_finite else nan for value, is_finite in zip(values, finite, strict=True)
    ]


def scores_of(record: Record, *, read: str, select: str) -> list[float]:
    """Return the score of each epoch of a record, the higher the better; see `signed` and `comparable`."""
    return comparable(signed(record, select=select), read=read)


def comparable(values: Sequence[float], *, read: str) -> list[float]:
    """Return values that can be compared: minus infinity for what is not finite, running maxima for `best`."""
    found: list[float] = []
    best = -inf
    for value in values:
        best = max(best, value) if isfinite(value) else best
        found.append(-inf if not isfinite(value) else best if read == "best" else value)
    return found
