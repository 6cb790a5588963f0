"""From the trials frame to the numbers of a table: a line for each level, with intervals, comparisons and notes.

A new number is one line in `QUANTITIES`; the columns of text are in `analysis.tables.columns`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor, log10

import numpy as np
import pandas as pd

from analysis.frames.collapse import one_class
from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER, outcome_words
from analysis.statistics.collapse import Collapse, collapse_of, no_normal_interval
from analysis.statistics.comparisons import Comparison
from analysis.statistics.intervals import Estimate, estimate
from analysis.tables.captions import DEFAULT_MARK, Said, table_caption
from analysis.tables.comparing import COMPARED, Judging, decisions, is_accuracy, judging, overlap_of, rows_of
from analysis.tables.sheet import Column
from analysis.text import within_sentence
from tune_jobs.ledger.record import MISSING
from tune_jobs.study.model import READS, Table
from tune_jobs.study.rows import Row, row_seeds
from tune_jobs.trial.config import FIELDS, METRIC_SPECS
from tune_jobs.trial.metrics import DeclaredMetric, declared_metric

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
        return next((_ended_words(outcome, count, self.planned) for outcome, count in counts if count), "")

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


def build_table(
    table: Table,
    rows: Sequence[tuple[int, Row]],
    frame: pd.DataFrame,
    *,
    seeds: Sequence[int],
    looks: Sequence[int] = (),
) -> TableView:
    """Turn a study's table into numbers: a line for each row, with the comparisons and the caption.

    Args:
        table: of the study.
        rows: its rows, each with its position among all rows of the study.
        frame: of `analysis.frames.frames.trials_frame`, for these rows at least.
        seeds: the replicates of every row.
        looks: numbers of seeds at which levels are decided; none for a fixed number of seeds.
    """
    of_table = frame[frame["table"] == table.name]
    metric, unit, higher_is_better = metric_of(of_table)
    reported = _reported(of_table)
    measured = quantities_of(reported, next(iter(of_table.loc[of_table["metric"] != "", "metric"]), ""))
    shown = {position: frame[frame["position"] == position] for position, _ in rows}
    alone, known = _timed_alone(rows, shown), judging(table, rows, shown, looks)
    making = _Making(table, measured, known, alone)
    lines = [_line(position, row, shown[position], len(row_seeds(row, seeds)), making) for position, row in rows]
    default = next((line for line in lines if line.is_default), None)
    compared = [line.position for line in lines if COMPARED in line.estimates]
    several = default is not None and default.planned > 1
    decided = decisions(rows, shown, known, compared, looks) if several else {}
    judged = {position: one.comparison for position, one in decided.items()}
    built = [row for _, row in rows]
    with_numbers = tuple(one for one in measured if one.name == COMPARED or of_table[one.name].notna().any())
    measured = with_numbers if reported else measured
    return TableView(
        name=table.name,
        title=table.title,
        headings=table.headings,
        lines=tuple(_with_comparison(line, judged.get(line.position)) for line in lines),
        metric=metric,
        unit=unit,
        higher_is_better=higher_is_better,
        said=(
            *table_caption(
                table,
                built,
                seeds,
                (compared_label(metric, reported), unit),
                known,
                list(judged.values()),
                timed_alone=alone,
            ),
        ),
        target=table.showing.epochs_until,
        measured=measured,
        reported=reported,
    )


def _with_comparison(line: Line, comparison: Comparison | None) -> Line:
    if comparison is None:
        return line
    notes = (*line.notes, comparison.reason) if comparison.reason else line.notes
    return replace(line, comparison=comparison, notes=notes)


def _timed_alone(rows: Sequence[tuple[int, Row]], shown: Mapping[int, pd.DataFrame]) -> bool:
    """Whether there is the time alone of every level that trains in stacks, and has numbers."""
    stacked = [shown[position] for position, row in rows if row.stacked and shown[position]["epoch"].notna().any()]
    return bool(stacked) and all(replicates["alone_seconds"].notna().any() for replicates in stacked)


@dataclass(frozen=True)
class _Making:
    """What the lines of a table are made with."""

    table: Table
    measured: Sequence[Quantity]
    known: Judging
    alone: bool


def _line(position: int, row: Row, replicates: pd.DataFrame, planned: int, making: _Making) -> Line:
    if row.config is None:
        note = f"cannot be built: {row.reason}"
        return Line(position, row.labels, row.is_default, planned, reason=row.reason, notes=(note,))
    outcomes = {str(name): int(count) for name, count in replicates["outcome"].value_counts(sort=False).items()}
    bad = bool(set(outcomes) & set(OUTCOMES_WITHOUT_NUMBER))
    present = replicates[replicates["epoch"].notna()]
    until = present["epochs_until"].dropna()
    collapse = None if bad else _collapse(present, making.known.collapsed[position], rows_of(row))
    notes = tuple(_line_notes(replicates, outcomes, planned, making.measured, collapse, rows_of(row)))
    if row.read != making.table.showing.read:
        notes = (*notes, READS[row.read])
    finite = [q.name for q in making.measured if np.isfinite(present[q.name]).all()]
    overlaps = {q.name: overlap_of(row, making.known.claim) for q in making.measured if q.name.startswith("validation")}
    estimates = {
        name: estimate(present[name], overlap=overlaps.get(name, 0.0))
        for name in finite
        if not bad and not present.empty
    }
    if COMPARED in estimates and is_accuracy(present):
        estimates[COMPARED] = estimate(present[COMPARED], rows=rows_of(row) or None, overlap=overlaps[COMPARED])
    if making.alone and row.stacked and "train_seconds" in estimates:
        estimates["train_seconds"] = estimate(present["alone_seconds"].dropna())
    return Line(
        position=position,
        labels=row.labels,
        is_default=row.is_default,
        planned=planned,
        outcomes=outcomes,
        estimates=estimates,
        epochs=None if present.empty else (int(present["epoch"].min()), int(present["epoch"].max())),
        reason=_reasons(replicates),
        notes=notes,
        losses_of="" if row.config.trainer else FIELDS["objective"].describe(row.config.objective),
        until=estimate(until) if len(until) == planned else None,
        reached=len(until),
        collapse=collapse,
    )


def has_numbers(replicates: pd.DataFrame) -> bool:
    """Whether a row shows numbers: some replicates have ended, and none of them badly."""
    return bool(replicates["epoch"].notna().any()) and not replicates["outcome"].isin(OUTCOMES_WITHOUT_NUMBER).any()


def _collapse(present: pd.DataFrame, collapsed: frozenset[int], rows: int) -> Collapse | None:
    values = present[COMPARED].to_numpy(dtype=np.float64)
    return collapse_of(values, present["seed"].isin(collapsed).to_numpy(dtype=bool), rows=rows or None)


def _line_notes(
    replicates: pd.DataFrame,
    outcomes: Mapping[str, int],
    planned: int,
    measured: Sequence[Quantity],
    collapse: Collapse | None,
    rows: int,
) -> list[str]:
    notes = []
    for outcome in OUTCOMES_WITHOUT_NUMBER:
        if count := outcomes.get(outcome, 0):
            reasons = _reasons(replicates[replicates["outcome"] == outcome])
            notes.append(_ended_words(outcome, count, planned) + (f": {reasons}" if reasons else ""))
    if missing := outcomes.get(MISSING, 0):
        reasons = _reasons(replicates[replicates["outcome"] == MISSING])
        share = "not run yet" if missing == planned else f"{planned - missing} of {planned} run"
        notes.append(f"{share} ({reasons})" if reasons else share)
    read = replicates[replicates["epoch"].notna()]
    if collapsed := int(one_class(read).sum()):
        notes.append("predicts one class only" + (f" in {collapsed} of {planned}" if collapsed < planned else ""))
    if collapse is not None and collapse.n > 1:
        rest = f", and the mean is of the other {collapse.rest.n}" if collapse.rest else ""
        notes.append(f"{collapse.words}{rest}")
    if is_accuracy(read) and not (set(outcomes) & set(OUTCOMES_WITHOUT_NUMBER)):
        count = 0 if collapse is None else collapse.count
        words = no_normal_interval(read[COMPARED], collapsed=count, rows=rows or None)
        notes += [words] if words else []
    for quantity in measured:
        if lost := int((~np.isfinite(read[quantity.name])).sum()):
            what = quantity.name if quantity.kind == "reported" else f"{quantity.part.lower()} {quantity.kind}"
            notes.append(f"{what} not finite in {lost} of {planned}")
    return notes


def _ended_words(outcome: str, count: int, planned: int) -> str:
    return outcome_words(outcome) + (f" in {count} of {planned}" if planned > 1 else "")


def _reasons(replicates: pd.DataFrame) -> str:
    return "; ".join(dict.fromkeys(str(reason) for reason in replicates["reason"] if reason))


def _reported(frame: pd.DataFrame) -> tuple[DeclaredMetric, ...]:
    """What training functions report in a table."""
    texts = dict.fromkeys(text for reported in frame["reported"] for text in reported.splitlines())
    return tuple({one.name: one for one in map(declared_metric, texts)}.values())


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
