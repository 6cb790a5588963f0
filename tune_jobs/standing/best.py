"""The best trial so far, by the validation metric after the last epoch; for displays, not for choosing."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from models.history import DIVERGED
from tune_jobs.ledger.record import FAILED, Record
from tune_jobs.trial.config import METRIC_SPECS, TrialConfig
from tune_jobs.trial.trial import Trial, label_of


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

    @property
    def words(self) -> str:
        """The metric with the value and its unit: "Accuracy 98.06%"."""
        return value_in_words(self.metric, self.unit, self.value)

    def is_better(self, other: "Score") -> bool:
        """Whether it is better than another of the same metric."""
        ahead = self.value - other.value
        return ahead > 0 if METRIC_SPECS[self.metric].higher_is_better else ahead < 0


def value_in_words(metric: str, unit: str, value: float) -> str:
    """Write a value of a metric with the metric's label and the unit.

    Args:
        metric: its name in records.
        unit: of the metric, or else of the target; "" for none.
        value: finite.
    """
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"
    if unit != "%" and abs(value) < 1:
        number = f"{value:.3g}"
    return f"{METRIC_SPECS[metric].label} {number}{'%' if unit == '%' else f' {unit}'.rstrip()}"


def score_of(record: Record) -> Score | None:
    """Return what a trial has reached; None if it has no finite value."""
    if record.outcome in (DIVERGED, FAILED):
        return None
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


class BestSoFar:
    """The best trial of each dataset and metric, which alone can be compared, as trials end."""

    def __init__(self) -> None:
        self._best: dict[tuple[str, str, str], tuple[Score, str, str]] = {}

    @classmethod
    def of(cls, ended: Iterable[tuple[Trial, Record]], base: TrialConfig) -> "BestSoFar":
        """Take in trials that have ended, named by how they differ from a base."""
        made = cls()
        for trial, record in ended:
            made.add(trial.config, score_of(record), label_of(trial, base))
        return made

    def add(self, config: TrialConfig, score: Score | None, label: str) -> None:
        """Take in a trial that has ended, by a readable name."""
        if score is None:
            return
        group = config.dataset, score.metric, score.unit
        if group not in self._best or score.is_better(self._best[group][0]):
            self._best[group] = score, label, config.dataset_info.label

    @property
    def found(self) -> list[tuple[str, str]]:
        """The value of each best trial, in words, and which trial that is."""
        several = len({dataset for dataset, *_ in self._best}) > 1
        return [
            (f"{dataset}: {score.words}" if several and dataset else score.words, label)
            for score, label, dataset in self._best.values()
        ]
