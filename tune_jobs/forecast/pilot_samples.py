"""Which trials are timed to estimate a run, for how long each, and what comes of it. Loads without torch and Ray."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tune_jobs.forecast.estimate import Pilot
from tune_jobs.study.model import Study
from tune_jobs.trial.cost import epoch_weight
from tune_jobs.trial.shape import shape
from tune_jobs.trial.trial import Trial, differences

# Seconds of all pilots together; where there are very many shapes, more, but those that would not fit into the most
# are left out.
PILOT_SECONDS = 12.0
MOST_SECONDS = 60.0
_LEAST_IN_ALL = 6.0
_LEAST_SECONDS, _LONGEST_SECONDS = 0.3, 3.0
# What a pilot takes beside: warming up, writing what it measures, its turn in Tune.
_BESIDE_SECONDS = 0.3


@dataclass(frozen=True)
class Sample:
    """A shape to time: one of its trials, its share of the work to come (0 to 1), and what a person knows it by."""

    shape: str
    trial: Trial
    share: float
    label: str


@dataclass(frozen=True)
class PilotResults:
    """What the pilots found.

    Attributes:
        pilots: of the shapes that could be timed, two of each where time allows.
        failures: what the other shapes raised, by shape.
        between: seconds from the end of one pilot on a worker to the start of the next.
        start_seconds: from the call to the first pilot's start: workers start and load torch.
        stop_seconds: from the last pilot's end to the return.
    """

    pilots: Sequence[Pilot]
    failures: Mapping[str, str]
    between: Sequence[float]
    start_seconds: float
    stop_seconds: float


def samples(study: Study, trials: Sequence[Trial]) -> list[Sample]:
    """Return one trial for each shape, with the shape's share of the work, by weight."""
    base = study.config()
    first: dict[str, Trial] = {}
    weights: dict[str, float] = {}
    for trial in trials:
        name = shape(trial.config)
        first.setdefault(name, trial)
        weights[name] = weights.get(name, 0.0) + trial.epochs * epoch_weight(trial.config)
    total = sum(weights.values())
    return [
        Sample(name, trial, weights[name] / total, differences(trial.config, base)) for name, trial in first.items()
    ]


def budget_seconds(work_seconds: float) -> float:
    """Return how long all pilots together may take for work of roughly so long: a tenth of it, within bounds."""
    return min(max(0.1 * work_seconds, _LEAST_IN_ALL), PILOT_SECONDS)


def seconds_for_pilot(share: float, shapes: int, seconds: float) -> float:
    """Return the seconds for one pilot: half of all in equal parts, half by the share of the work to come."""
    own = seconds * (0.5 / shapes + 0.5 * share)
    return min(max(own, _LEAST_SECONDS), _LONGEST_SECONDS)


def that_fit(wanted: Sequence[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """Return the first pilots, as many as fit into so many seconds one after the other; one at least."""
    ends = itertools.accumulate(pilot["seconds"] + _BESIDE_SECONDS for pilot in wanted)
    return [pilot for number, (pilot, end) in enumerate(zip(wanted, ends, strict=True)) if end <= seconds or not number]
