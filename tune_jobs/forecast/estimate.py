"""From the time of an epoch to the time of a run: pure functions of what pilots measured.

`costs` turns pilots into the cost of each shape; `estimate` packs `Work` onto slots.
"""

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# A range leaves out this share of the timings at either end.
_TAIL = 0.1


@dataclass(frozen=True)
class Span:
    """A quantity with its range: `low` ≤ `expected` ≤ `high`."""

    low: float
    expected: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> "Span":
        """A quantity without uncertainty."""
        return cls(value, value, value)

    def __add__(self, other: "Span") -> "Span":
        return Span(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: "Span | float") -> "Span":
        by = other if isinstance(other, Span) else Span.exactly(other)
        return Span(self.low * by.low, self.expected * by.expected, self.high * by.high)

    def capped(self, most: float) -> "Span":
        """Limit the quantity to a maximum."""
        return Span(min(self.low, most), min(self.expected, most), min(self.high, most))


ZERO, ONE = Span.exactly(0.0), Span.exactly(1.0)


@dataclass(frozen=True)
class Pilot:
    """What one pilot of a shape measured, in seconds and bytes.

    Attributes:
        epoch_seconds: of each timed epoch, including the evaluation on the validation part.
        measure_seconds: additional time of an epoch that a table reads.
        trial_seconds: time of a trial beside its epochs.
        share: of the training rows that an epoch ran over; the seconds are scaled to all rows.
        record_bytes, epoch_bytes: of a record without predictions, and what each epoch adds.
        measure_bytes: of the predictions of one measured epoch, compressed as in the ledger.
        log_bytes, log_epoch_bytes: of a TensorBoard log, and what each epoch adds.
        model_bytes: of the trained network.
    """

    shape: str
    epoch_seconds: tuple[float, ...]
    measure_seconds: float
    trial_seconds: float
    share: float
    record_bytes: float
    epoch_bytes: float
    measure_bytes: float
    log_bytes: float
    log_epoch_bytes: float
    model_bytes: float


@dataclass(frozen=True)
class Cost:
    """Seconds that a shape costs: per epoch, additionally per measured epoch, and per trial beside its epochs."""

    epoch: Span
    measurement: Span
    trial: Span


@dataclass(frozen=True)
class Work:
    """One trial to run.

    Attributes:
        shape: of `tune_jobs.trial.shape`.
        epochs: how many; fewer at the low end if it may stop early.
        measured: how many epochs' predictions are kept.
        at_most: time limit of the trial, in seconds.
    """

    shape: str
    epochs: Span
    measured: Span = ONE
    at_most: float = math.inf

    def seconds(self, cost: Cost) -> Span:
        """How long it occupies its slot."""
        return (cost.trial + self.epochs * cost.epoch + self.measured * cost.measurement).capped(self.at_most)


@dataclass(frozen=True)
class Estimate:
    """How long work takes, in seconds: wall time, and summed over its trials."""

    wall: Span
    busy: Span

    def __add__(self, other: "Estimate") -> "Estimate":
        """The estimate if one runs after the other."""
        return Estimate(self.wall + other.wall, self.busy + other.busy)


def estimate(work: Sequence[Work], costs: Mapping[str, Cost], slots: int, *, fixed: Span = ZERO) -> Estimate:
    """Estimate how long work takes on so many slots.

    As in Tune, each trial in turn goes to the slot that is free first.

    Args:
        work: in the order in which it starts; see `tune_jobs.trial.cost.longest_first`.
        costs: of every shape in the work.
        slots: how many trials run at once.
        fixed: seconds before the first trial and after the last.

    Raises:
        ValueError: there is no slot.
    """
    seconds = [piece.seconds(costs[piece.shape]) for piece in work]
    low, expected, high = ([getattr(one, end) for one in seconds] for end in ("low", "expected", "high"))
    packed = Span(makespan(low, slots), makespan(expected, slots), makespan(high, slots))
    return Estimate(packed + fixed if work else ZERO, Span(sum(low), sum(expected), sum(high)))


def makespan(seconds: Sequence[float], slots: int) -> float:
    """When the last trial ends, if each in turn starts on the slot that is free first.

    Raises:
        ValueError: there is no slot.
    """
    if slots < 1:
        raise ValueError(f"slots: {slots} is less than 1; nothing would ever run")
    free = [0.0] * min(slots, max(len(seconds), 1))
    for duration in seconds:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


def spread(pilots: Sequence[Pilot]) -> Span:
    """How much faster and slower than the mean of its shape an epoch was: the inner 80% of all timed epochs.

    Each pilot has the same weight, however many epochs it timed. Over a run much of this averages out, but not what
    slows all epochs at once, such as other work on the machine: so the full spread is the range.
    """
    means = _means(pilots)
    ratios = [seconds / means[pilot.shape] for pilot in pilots for seconds in pilot.epoch_seconds]
    votes = [1 / len(pilot.epoch_seconds) for pilot in pilots for _ in pilot.epoch_seconds]
    return _inner(ratios, votes, middle=1.0)


def costs(pilots: Sequence[Pilot], weights: Mapping[str, float], between: Sequence[float] = ()) -> dict[str, Cost]:
    """Work out the cost of each shape; a shape without a pilot is scaled by its weight.

    Args:
        pilots: any number of each shape, at least one in all.
        weights: of every shape; see `tune_jobs.trial.cost.epoch_weight`.
        between: seconds from the end of a trial to the start of the next on the same worker.

    Raises:
        ValueError: there is no pilot.
    """
    if not pilots:
        raise ValueError("pilots: there are none to estimate from")
    noise = spread(pilots)
    gap = _mean_and_inner(between) if between else ZERO
    means = _means(pilots)
    ratios = [means[shape] / weights[shape] for shape in means if weights.get(shape)]
    scale = _mean_and_inner(ratios) if ratios else ZERO
    every_measure = float(np.mean([pilot.measure_seconds / means[pilot.shape] for pilot in pilots]))
    every_trial = _mean_and_inner([pilot.trial_seconds for pilot in pilots])
    found = {}
    for name, weight in weights.items():
        timed = [pilot for pilot in pilots if pilot.shape == name]
        if timed:
            measurement = noise * float(np.mean([pilot.measure_seconds for pilot in timed]))
            trial = noise * float(np.mean([pilot.trial_seconds for pilot in timed]))
            found[name] = Cost(noise * means[name], measurement, trial + gap)
        else:
            epoch = scale * weight * noise
            found[name] = Cost(epoch, epoch * every_measure, every_trial + gap)
    return found


def _means(pilots: Sequence[Pilot]) -> dict[str, float]:
    """Mean seconds of an epoch of each shape: the mean of the means of its pilots."""
    by_shape: dict[str, list[float]] = {}
    for pilot in pilots:
        by_shape.setdefault(pilot.shape, []).append(float(np.mean(pilot.epoch_seconds)))
    return {shape: float(np.mean(seconds)) for shape, seconds in by_shape.items()}


def _mean_and_inner(values: Sequence[float]) -> Span:
    return _inner(values, [1.0] * len(values), middle=float(np.mean(values)))


def _inner(values: Sequence[float], votes: Sequence[float], *, middle: float) -> Span:
    """The inner 80% of weighted values, widened to include the middle."""
    order = np.argsort(values)
    ordered, weights = np.asarray(values)[order], np.asarray(votes)[order]
    reached = np.cumsum(weights) / weights.sum()
    low = float(ordered[np.searchsorted(reached, _TAIL)])
    high = float(ordered[min(int(np.searchsorted(reached, 1 - _TAIL)), len(ordered) - 1)])
    return Span(min(low, middle), middle, max(high, middle))
