"""The best trial so far, by the validation metric after the last epoch; for displays, not for choosing."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from tune_jobs.ledger.record import Record
from tune_jobs.trial.config import METRIC_SPECS


@dataclass(frozen=True)
class Score:
    """What a trial has reached on validation.

    Attributes:
        key: of the trial.
        metric: its name, such as `accuracy`.
        unit: of the value; "" for none.
        value: after the last epoch.
    """

    key: str
    metric: str
    unit: str
    value: float


def score_of(record: Record) -> Score | None:
    """Return what a trial has reached; None if it has no finite value."""
    if not record.validation_metric or not isfinite(record.validation_metric[-1]):
        return None
    unit = METRIC_SPECS[record.metric].unit or record.target_unit
    return Score(record.key, record.metric, unit, float(record.validation_metric[-1]))


def best_score(scores: Iterable[Score | None]) -> Score | None:
    """Return the best of some scores; None if there is none, or if they are of different metrics."""
    found = [score for score in scores if score is not None]
    if len({(score.metric, score.unit) for score in found}) != 1:
        return None
    choose = max if METRIC_SPECS[found[0].metric].higher_is_better else min
    return choose(found, key=lambda score: score.value)
