"""The numbers of a table: a line for each level, with intervals, comparisons and notes.

A new number is one line in `QUANTITIES`; the columns of text are in `analysis.tables.columns`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, log10

import pandas as pd

from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER, outcome_words
from analysis.statistics.collapse import Collapse
from analysis.statistics.comparisons import Comparison
from analysis.statistics.intervals import Estimate
from analysis.tables.captions import DEFAULT_MARK, Said
from analysis.tables.comparing import COMPARED
from analysis.tables.sheet import Column
from analysis.text import within_sentence
from tune_jobs.ledger.record import MISSING
from tune_jobs.trial.config import METRIC_SPECS
from tune_jobs.trial.metrics import DeclaredMetric

# What a line's notes about published numbers begin with.
PUBLISHED_NOTE = "published "


@dataclass(frozen=True)
class Quantity:
    """A number that tables show, a column of the trials frame.

    `kind` is "metric", "loss", "seconds", or "reported" for a metric beside the compared one that a training function
    reports.
    """

    name: str
    part: str
    kind: str


QUANTITIES = (
    Quantity("train_metric", "Train", "metric"),
    Quantity("validation_metric", "Validation", "metric"),
    Quantity("train_loss", "Train", "loss"),
    Quantity("validation_loss", "Validation", "loss"),
    Quantity("train_seconds", "Train", "seconds"),
)


def quantities_of(reported: Sequence[DeclaredMetric], compared: str) -> tuple[Quantity, ...]:
    """The numbers that tables show: the project's own, or what a training function reports, compared first."""
    if not reported:
        return QUANTITIES
    others = (Quantity(one.name, "", "reported") for one in reported if one.compared_name != compared)
    return (Quantity(COMPARED, "", "metric"), *others, Quantity("train_seconds", "Train", "seconds"))


@dataclass(frozen=True)
class Line:
    """One level of a table.

    Attributes:
        position: of its row among all rows of the study.
        planned: how many replicates it should have.
        outcomes: how many replicates had each outcome; empty for a cell that cannot be built.
        estimates: by quantity; empty where a replicate diverged, failed or timed out, or none has run.
        epochs: the first and the last epoch that a replicate is read at.
        reason: why the cell cannot be built, or why replicates have no number.
        notes: what a reader must know about the level.
        until: the mean first epoch that reaches the table's target, where every replicate reaches it.
        reached: how many replicates reach it.
        losses_of: the objective whose loss the line shows.
        collapse: the replicates that collapsed, where some did.
    """

    position: int
    labels: tuple[str, ...]
    is_default: bool
    planned: int
    outcomes: Mapping[str, int] = field(default_factory=dict)
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    epochs: tuple[int, int] | None = None
    comparison: Comparison | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
    losses_of: str = ""
    until: Estimate | None = None
    reached: int = 0
    collapse: Collapse | None = None

    @property
    def run(self) -> int:
        """How many replicates have ended, well or badly."""
        return sum(count for outcome, count in self.outcomes.items() if outcome != MISSING)

    @property
    def ended(self) -> str:
        """How replicates ended badly: "diverged in 1 of 3"; "" where none did."""
        counts = ((outcome, self.outcomes.get(outcome, 0)) for outcome in OUTCOMES_WITHOUT_NUMBER)
        return next((ended_words(outcome, count, self.planned) for outcome, count in counts if count), "")

    @property
    def shown_labels(self) -> tuple[str, ...]:
        """The labels, marked where the level is the default."""
        return tuple(label + DEFAULT_MARK * self.is_default for label in self.labels)


@dataclass(frozen=True)
class TableView:
    """The numbers of a table.

    Attributes:
        metric: what its metric columns are called; `unit` is the metric's.
        said: the caption.
        target: the validation metric whose first epoch is a column; None for no such column.
        measured: all numbers that lines may have.
        reported: what a training function reports.
        beside: columns that stand beside those of a quantity, by its name, such as what a report printed.
        numbers: of levels by their labels, the same in all tables of a report; of `analysis.tables.level_numbers`.
        factors: the same of each of several crossed factors, by label, as the tables of that factor alone have them.
    """

    name: str
    title: str
    headings: tuple[str, ...]
    lines: tuple[Line, ...]
    metric: str
    unit: str
    higher_is_better: bool
    said: tuple[Said, ...] = ()
    target: float | None = None
    measured: tuple[Quantity, ...] = QUANTITIES
    reported: tuple[DeclaredMetric, ...] = ()
    beside: Mapping[str, Column] = field(default_factory=dict)
    numbers: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    factors: tuple[Mapping[str, int], ...] = ()

    @property
    def caption(self) -> tuple[str, ...]:
        """The sentences of the caption."""
        return tuple(one.words for one in self.said)

    @property
    def metric_words(self) -> str:
        """The metric within a sentence."""
        return within_sentence(self.metric)

    @property
    def compared_label(self) -> str:
        """The metric that is compared, as a heading: "Validation Accuracy", or as a training function's study says."""
        return compared_label(self.metric, self.reported)

    @property
    def heading_words(self) -> str:
        """The factors as the title of a legend."""
        return " × ".join(self.headings)

    @property
    def replicated(self) -> bool:
        """Whether levels have more than one replicate."""
        return any(line.planned > 1 for line in self.lines)

    @property
    def losses_of(self) -> str:
        """The loss that all levels share, by its label; "" where losses cannot be compared."""
        names = {line.losses_of for line in self.lines if line.losses_of}
        return names.pop() if len(names) == 1 else ""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The numbers that the table shows: losses only where all levels share one, and the metric is an error."""
        shows_losses = bool(self.losses_of) and not self.higher_is_better
        return tuple(quantity for quantity in self.measured if quantity.kind != "loss" or shows_losses)

    def heading(self, quantity: Quantity) -> str:
        """Head a quantity's column, with its unit."""
        name, unit = {
            "metric": (self.metric, self.unit),
            "loss": ("Loss", self.losses_of),
            "seconds": ("Time", "s"),
            "reported": ("", ""),
        }[quantity.kind]
        declared = self._declared(quantity)
        if declared is not None:
            name, unit = declared.label, declared.unit
        return f"{quantity.part} {name} ({unit})".lstrip() if unit else f"{quantity.part} {name}".lstrip()

    def unit_of(self, quantity: Quantity) -> str:
        """The unit of a metric."""
        declared = self._declared(quantity)
        return self.unit if declared is None else declared.unit

    def _declared(self, quantity: Quantity) -> DeclaredMetric | None:
        """What a training function declares of a quantity; None for the project's own numbers."""
        if quantity.kind == "reported":
            return next(one for one in self.reported if one.name == quantity.name)
        others = {other.name for other in self.measured if other.kind == "reported"}
        compared = (one for one in self.reported if one.name not in others)
        return next(compared, None) if quantity.name == COMPARED else None

    def decimals(self, quantity: Quantity) -> int:
        """How many decimals a quantity has, the same in the whole table."""
        of_metric = quantity.kind in ("metric", "reported")
        if quantity.kind == "seconds" or (of_metric and self.unit_of(quantity) == "%"):
            return 2
        means = [abs(line.estimates[quantity.name].mean) for line in self.lines if quantity.name in line.estimates]
        smallest = min((mean for mean in means if mean > 0), default=1.0)
        magnitude = floor(log10(smallest))
        return min(max(2 - magnitude, 4), 6) if quantity.kind == "loss" else min(max(3 - magnitude, 0), 6)


def compared_label(metric: str, reported: Sequence[DeclaredMetric]) -> str:
    """How a heading names the metric that is compared."""
    declared = (one.label for one in reported if METRIC_SPECS[one.compared_name].label == metric)
    return next(declared, f"Validation {metric}")


def ended_words(outcome: str, count: int, planned: int) -> str:
    """Write that so many of the planned replicates have ended in a way: "diverged in 1 of 5"."""
    return outcome_words(outcome) + (f" in {count} of {planned}" if planned > 1 else "")


def metric_of(frame: pd.DataFrame) -> tuple[str, str, bool]:
    """Return the label and the unit of the metric of some replicates, and whether higher is better."""
    known = frame[frame["metric"] != ""]
    if known.empty:
        return "Metric", "", True
    names = list(dict.fromkeys(zip(known["metric"], known["target_unit"], strict=True)))
    specs = [(METRIC_SPECS[name], unit) for name, unit in names]
    label = " or ".join(dict.fromkeys(spec.label for spec, _ in specs))
    units = " or ".join(dict.fromkeys(spec.unit or unit for spec, unit in specs if spec.unit or unit))
    return label, units, specs[0][0].higher_is_better
