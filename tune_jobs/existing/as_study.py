"""Laid-out results as a study with its rows, so that tables and figures take them like results of a study's own."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tune_jobs.existing import names
from tune_jobs.existing.layout import Configuration, LaidOutTable, Layout
from tune_jobs.existing.looking import Found
from tune_jobs.existing.results import MAX
from tune_jobs.existing.runs import Run, Value
from tune_jobs.files import cut_name
from tune_jobs.study.model import Level, Showing, Study, Table
from tune_jobs.study.resources import Resources
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.fields import plain_words
from tune_jobs.trial.metrics import DeclaredMetric, Metrics, name_problem

# In place of a training function: nobody here knows what trained.
ELSEWHERE = "elsewhere:trained"
_PARTS = {names.VALIDATION: "Validation ", names.TRAINING: "Train ", names.TEST: "Test ", names.ANY: ""}
# An accuracy above this is in percent.
_MOST_SHARE = 1.5


@dataclass(frozen=True, eq=False)
class ExistingStudy:
    """Results as a study.

    Attributes:
        rows: of all tables, in order.
        configurations: that each row shows.
    """

    layout: Layout
    study: Study
    metrics: Metrics
    rows: tuple[Row, ...]
    configurations: tuple[Configuration, ...]


def as_study(layout: Layout) -> ExistingStudy:
    """Make a study of laid-out results."""
    found = layout.found
    metrics = _metrics(found)
    showing = Showing(read=found.read, figures=("curves",) if found.columns.epoch and _have_curves(found) else ())
    tables, rows, configurations = [], [], []
    for laid_out in layout.tables:
        table = _table(found, laid_out, showing)
        tables.append(table)
        for level, configuration in zip(table.levels, laid_out.configurations, strict=True):
            rows.append(_row(found, table, level, configuration))
            configurations.append(configuration)
    study = Study(
        name=place_name(found.results.place),
        title=f"Results from elsewhere: {place_name(found.results.place)}",
        reproduces="",
        description=f"{found.results.form[:1].upper()}{found.results.form[1:]}, read from {found.results.place}.",
        source=found.results.place,
        seeds=1,
        base={},
        tables=tuple(tables),
        finals=(),
        resources=Resources(),
        showing=showing,
        metrics=metrics,
    )
    return ExistingStudy(layout, study, metrics, tuple(rows), tuple(configurations))


def place_name(place: str) -> str:
    """Name a report after the place of its results: "results/sweep.csv" is "sweep"."""
    last = PurePosixPath(place.partition("?")[0].rstrip("/")).name or "results"
    stem = last if last.startswith(".") else last.rpartition(".")[0] or last
    return cut_name(re.sub(r"[^\w.-]+", "_", stem).strip("._") or "results")


def level_label(name: str, value: Value) -> str:
    """Write a level as tables do."""
    if name in FIELDS:
        return FIELDS[name].describe(value)
    if isinstance(value, float) and float(f"{value:g}") != value:
        return repr(value)
    return plain_words(value)


def metric_column(name: str) -> str:
    """The name of a metric as a column of tables of trials, and as a trial reports it."""
    plain = re.sub(r"\W+", "_", name).strip("_") or "metric"
    plain = f"_{plain}" if plain[0].isdigit() else plain
    return f"{plain}_reported" if name_problem(plain) else plain


def _table(found: Found, laid_out: LaidOutTable, showing: Showing) -> Table:
    headings = tuple(names.factor_label(name) for name in laid_out.factors)
    places = [found.factors.index(name) for name in laid_out.factors]
    levels = tuple(
        Level(
            tuple(level_label(found.factors[place], one.levels[place]) for place in places),
            {found.factors[place]: one.levels[place] for place in places},
        )
        for one in laid_out.configurations
    )
    name = "-".join(re.sub(r"\W+", "_", factor) for factor in laid_out.factors)
    title = " × ".join(headings) if laid_out.crossed else " with ".join(headings)
    return Table(cut_name(name), title, headings, levels, {}, showing)


def _row(found: Found, table: Table, level: Level, configuration: Configuration) -> Row:
    own = {f"trainer.{name}": value for name, value in zip(found.factors, configuration.levels, strict=True)}
    return Row(
        table.name,
        level.labels,
        TrialConfig(trainer=ELSEWHERE, own=own),
        is_default=configuration.levels == found.default,
        read=found.read,
        epochs=max((run.epochs[-1] for run in configuration.runs), default=1),
        seeds=configuration.seeds,
        sets=level.values,
    )


def _metrics(found: Found) -> Metrics:
    declared = [_declared(found, name) for name in (found.metric, *found.others)]
    return Metrics(tuple(declared), declared[0].name)


def _declared(found: Found, name: str) -> DeclaredMetric:
    label = names.metric_label(name)
    goal = found.goal if name == found.metric else found.results.goals.get(name) or names.goal_of(name)
    unit = "%" if _in_percent(found.runs, name) else ""
    return DeclaredMetric(metric_column(name), _PARTS[names.part_of(name)] + label, unit, goal == MAX)


def _in_percent(runs: Sequence[Run], name: str) -> bool:
    """Whether an accuracy is between 0 and 100, rather than between 0 and 1."""
    if not {"acc", "accuracy"} & set(names.words_of(name)):
        return False
    values = [value for run in runs for value in run.metrics[name] if math.isfinite(value)]
    return bool(values) and _MOST_SHARE < max(values) <= 100 and min(values) >= 0


def _have_curves(found: Found) -> bool:
    return any(len(run.epochs) > 1 for run in found.runs)
