"""Which trials pilots time and for how long, and the results. Loads without torch and Ray."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tune_jobs.forecast.estimate import Pilot
from tune_jobs.study.model import Study
from tune_jobs.trial.cost import epoch_weight
from tune_jobs.trial.shape import shape
from tune_jobs.trial.trial import Trial, differences

# Seconds of all pilots together. Very many shapes may take longer; what does not fit into MOST_SECONDS is left out.
PILOT_SECONDS = 12.0
MOST_SECONDS = 60.0
_LEAST_IN_ALL = 6.0
_LEAST_SECONDS, _LONGEST_SECONDS = 0.3, 3.0
# Overhead of a pilot: the warm-up, its record, starting it in Tune.
_BESIDE_SECONDS = 0.3


@dataclass(frozen=True)
class Sample:
    """A shape to time.

    Attributes:
        trial: one of its trials.
        share: of the work to come, 0 to 1.
        label: a readable name.
        trials: how many are to come.
    """

    shape: str
    trial: Trial
    share: float
    label: str
    trials: int = 1


@dataclass(frozen=True)
class PilotResults:
    """What the pilots found.

    Attributes:
        pilots: of the shapes that could be timed, two of each if time allows.
        failures: what the other shapes raised, by shape.
        between: seconds from the end of a pilot to the start of the next on the same worker.
        start_seconds: until the first pilot starts: workers start and load torch.
        stop_seconds: after the last pilot has ended.
    """

    pilots: Sequence[Pilot]
    failures: Mapping[str, str]
    between: Sequence[float]
    start_seconds: float
    stop_seconds: float


def samples(study: Study, trials: Sequence[Trial]) -> list[Sample]:
    """Pick one trial of each shape, with the shape's share of the work, by weight."""
    base = study.config()
    first: dict[str, Trial] = {}
    counts: Counter[str] = Counter()
    weights: dict[str, float] = {}
    for trial in trials:
        name = shape(trial.config)
        first.setdefault(name, trial)
        counts[name] += 1
        weights[name] = weights.get(name, 0.0) + trial.epochs * epoch_weight(trial.config)
    total = sum(weights.values())
    return [
        Sample(name, trial, weights[name] / total, differences(trial.config, base), counts[name])
        for name, trial in first.items()
    ]


def budget_seconds(work_seconds: float) -> float:
    """How long all pilots together may take: a tenth of the work that they time, within bounds."""
    return min(max(0.1 * work_seconds, _LEAST_IN_ALL), PILOT_SECONDS)


def seconds_for_pilot(share: float, shapes: int, seconds: float) -> float:
    """Seconds for one pilot: half of the time is split evenly, half by share of the work to come."""
    allotted = seconds * (0.5 / shapes + 0.5 * share)
    return min(max(allotted, _LEAST_SECONDS), _LONGEST_SECONDS)


def that_fit(wanted: Sequence[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """The first pilots that fit into so many seconds one after another; at least one."""
    ends = itertools.accumulate(pilot["seconds"] + _BESIDE_SECONDS for pilot in wanted)
    return [pilot for number, (pilot, end) in enumerate(zip(wanted, ends, strict=True)) if end <= seconds or not number]
