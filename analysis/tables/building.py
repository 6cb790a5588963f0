"""From the trials frame to a table: a line for each level, with intervals, comparisons and notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.frames.collapse import one_class
from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER
from analysis.statistics.collapse import Collapse, collapse_of, no_normal_interval
from analysis.statistics.comparisons import Comparison
from analysis.statistics.intervals import estimate
from analysis.tables.captions import table_caption
from analysis.tables.comparing import COMPARED, Judging, decisions, is_accuracy, judging, overlap_of, rows_of
from analysis.tables.tables import Line, Quantity, TableView, compared_label, ended_words, metric_of, quantities_of
from tune_jobs.ledger.record import MISSING
from tune_jobs.study.model import READS, Table
from tune_jobs.study.rows import Row, row_seeds
from tune_jobs.trial.config import FIELDS
from tune_jobs.trial.metrics import DeclaredMetric, declared_metric


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
            notes.append(ended_words(outcome, count, planned) + (f": {reasons}" if reasons else ""))
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


def _reasons(replicates: pd.DataFrame) -> str:
    return "; ".join(dict.fromkeys(str(reason) for reason in replicates["reason"] if reason))


def _reported(frame: pd.DataFrame) -> tuple[DeclaredMetric, ...]:
    """What training functions report in a table."""
    texts = dict.fromkeys(text for reported in frame["reported"] for text in reported.splitlines())
    return tuple({one.name: one for one in map(declared_metric, texts)}.values())
