"""What the page's script shows: levels with their replicates, curves, the search's trials, and commands."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import pandas as pd

from analysis.figures.curves import are_dots, reported_with_curves
from analysis.figures.epoch_axes import good_limits, loss_label
from analysis.figures.losses import LOSSES
from analysis.figures.series import Series, series_of, styles
from analysis.figures.style import axis_label
from analysis.frames.evidence import Evidence, all_tables
from analysis.frames.search_frames import goal_of
from analysis.report.page.curves import few_digits, page_curves
from analysis.report.page.svg import INK, LEVEL_COLOURS
from analysis.report.section import Section
from analysis.report.summary import settings
from analysis.tables.comparing import COMPARED
from analysis.tables.tables import TableView
from tune_jobs.study.rows import Row

_CURVES = "curves"
# Of the metrics that a training function reports beside the compared one, so many have curves on the page.
_MOST_REPORTED = 8


@dataclass(frozen=True)
class Look:
    """How a page draws a level: a colour, and dashes as SVG writes them, "" for a whole line."""

    colour: str
    dashes: str


def looks_of(view: TableView) -> list[Look]:
    """The looks of a table's levels, as its figures draw them."""
    found = styles(view)
    return [_look(*found[line.position]) for line in view.lines]


def _look(colour: str, dashes: Any) -> Look:
    on, scale = ((), 2.0) if dashes == "-" else (dashes[1], 1.0)
    return Look(LEVEL_COLOURS.get(colour.lower(), INK), " ".join(f"{scale * length:g}" for length in on))


def marks_of(evidence: Evidence) -> dict[int, str]:
    """Name each level by the trials and epochs that it reads: equal levels have one name, whichever their tables."""
    trials = evidence.trials
    readings: dict[int, list[tuple[str, int]]] = {}
    columns = (trials["position"].tolist(), trials["key"].tolist(), trials["epoch"].fillna(-1).tolist())
    for position, key, epoch in zip(*columns, strict=True):
        readings.setdefault(int(position), []).append((key, int(epoch)))
    names: dict[tuple[tuple[str, int], ...], str] = {}
    return {position: names.setdefault(tuple(read), f"l{len(names)}") for position, read in sorted(readings.items())}


def page_data(sections: Sequence[Section], evidence: Evidence, marks: Mapping[int, str]) -> dict[str, Any]:
    """Gather what the script shows, in the form in which JSON holds it.

    Args:
        sections: of the report.
        evidence: what it was made from.
        marks: of `marks_of`.
    """
    views = [section.view for section in sections if section.view]
    charts = _charts(sections, evidence)
    quantities = dict.fromkeys([COMPARED, *(panel["q"] for chart in charts.values() for panel in chart["panels"])])
    curves = page_curves(evidence.curves, list(quantities))
    ends = evidence.curves.groupby("position")["epoch"].max()
    last = {int(position): int(epoch) for position, epoch in zip(ends.index.tolist(), ends.tolist(), strict=True)}
    replicates = _replicates(evidence.trials)
    return {
        "commands": _commands(evidence),
        "tables": {view.name: _table(view, evidence, marks, (replicates, last)) for view in views},
        "charts": charts,
        "grids": curves.grids,
        "curves": curves.of_key,
        "search": _search(evidence),
    }


def _commands(evidence: Evidence) -> dict[str, str]:
    """The commands that show a trial and train it again; KEY stands for its key."""
    if evidence.standing.ledger is None:
        return {}
    place = shlex.join(["--storage", evidence.ledger.storage.uri])
    return {
        "show": f"ablatune show KEY {place}",
        "remove": f"ablatune ledger remove KEY {place}",
        "run": evidence.study.command("run"),
    }


def _replicates(trials: pd.DataFrame) -> dict[int, list[list[Any]]]:
    """Seed, key, outcome, epoch, value, seconds and reason of each replicate, by the position of its row."""
    found: dict[int, list[list[Any]]] = {}
    columns = [
        trials["seed"].tolist(),
        trials["key"].tolist(),
        trials["outcome"].tolist(),
        [None if pd.isna(epoch) else int(epoch) for epoch in trials["epoch"]],
        few_digits(trials[COMPARED].to_numpy(dtype=float)),
        few_digits(trials["train_seconds"].to_numpy(dtype=float)),
        trials["reason"].tolist(),
    ]
    for position, *replicate in zip(trials["position"].tolist(), *columns, strict=True):
        found.setdefault(int(position), []).append(replicate)
    return found


def _table(
    view: TableView,
    evidence: Evidence,
    marks: Mapping[int, str],
    read: tuple[Mapping[int, list[list[Any]]], Mapping[int, int]],
) -> dict[str, Any]:
    replicates, last = read
    rows = evidence.standing.rows
    configurations = [_settings(rows[line.position], evidence) for line in view.lines]
    built = [one for one in configurations if one]
    shared = set(built[0].items()).intersection(*(one.items() for one in built[1:])) if built else set()
    return {
        "title": view.title,
        "heading": view.heading_words,
        "metric": _unshielded(axis_label(view.compared_label, view.unit)),
        "higher": view.higher_is_better,
        "shared": [[name, value] for name, value in (built[0].items() if built else ()) if (name, value) in shared],
        "rows": [
            {
                "of": marks.get(line.position, f"r{line.position}"),
                "position": line.position,
                "label": ", ".join(line.shown_labels),
                "last": last.get(line.position, 0),
                "colour": look.colour,
                "dashes": look.dashes,
                "set": [[name, value] for name, value in configuration.items() if (name, value) not in shared],
                "replicates": replicates.get(line.position, []),
            }
            for line, look, configuration in zip(view.lines, looks_of(view), configurations, strict=True)
        ],
    }


def _settings(row: Row, evidence: Evidence) -> dict[str, str]:
    if row.config is None or evidence.standing.ledger is None:
        return {}
    return {fact.name: fact.value for fact in settings(row.config, evidence.study, row.moves)}


def _charts(sections: Sequence[Section], evidence: Evidence) -> dict[str, dict[str, Any]]:
    """What the script draws in place of a figure of curves, by the figure's name; dots stay as they are."""
    kinds = {table.name: table.showing.figures for table in all_tables(evidence.study)}
    found = {}
    for section in sections:
        view = section.view
        figures = kinds.get(view.name, ()) if view else ()
        drawn = {picture.name for picture in section.pictures}
        for number, kind in enumerate(figures):
            name = f"{section.name}-{kind}" if number else section.name
            if view is None or name not in drawn or kind not in (_CURVES, "losses"):
                continue
            series = series_of(view, evidence.curves, evidence.trials)
            panels = _metric_panels(view, series) if kind == _CURVES else _loss_panels(view)
            found[name] = {"table": view.name, "panels": panels, "still": kind == _CURVES and are_dots(series)}
    return found


def _metric_panels(view: TableView, series: Sequence[Series]) -> list[dict[str, Any]]:
    label = axis_label(view.compared_label, view.unit)
    limits = good_limits(series, COMPARED, higher_is_better=view.higher_is_better)
    panels = [_panel(COMPARED, label, domain=limits)]
    if view.losses_of:
        panels.append(_panel("train_loss", loss_label("Train", view.losses_of), log=True))
    reported = reported_with_curves(view, series)[:_MOST_REPORTED]
    return [*panels, *(_panel(one.name, view.heading(one)) | {"reported": True} for one in reported)]


def _loss_panels(view: TableView) -> list[dict[str, Any]]:
    of = view.losses_of or "differs by level"
    return [_panel(name, loss_label(part, of), log=True) for name, part in LOSSES.items()]


def _unshielded(label: str) -> str:
    """A figure's label without what shields it from matplotlib, which a page does not need."""
    return label.replace("\\$", "$")


def _panel(
    quantity: str, label: str, *, log: bool = False, domain: tuple[float, float] | None = None
) -> dict[str, Any]:
    return {
        "q": quantity,
        "label": " ".join(_unshielded(label).split()),
        "log": log,
        "domain": few_digits(domain) if domain else None,
    }


def _search(evidence: Evidence) -> dict[str, Any] | None:
    """The search's trials: number, name, key, how each ended, epochs, value, and the values of the parameters."""
    state, study = evidence.standing.search, evidence.study
    goal = goal_of(state) if state is not None else None
    if state is None or goal is None:
        return None
    frame = evidence.searched[evidence.searched["fate"] != ""]
    parameters = [
        {
            "label": study.own.label(one.name),
            "log": one.log,
            "choices": [study.own.describe(one.name, choice) for choice in one.choices] if one.choices else None,
        }
        for one in state.search.space
    ]
    values = [_parameter_values(frame[one.name], one, study) for one in state.search.space]
    columns = [frame[name].tolist() for name in ("number", "name", "key", "ended", "epochs")]
    columns.append(few_digits(frame["value"].to_numpy(dtype=float)))
    return {
        "label": _unshielded(axis_label(goal.label, goal.unit)),
        "higher": goal.higher_is_better,
        "parameters": parameters,
        "trials": [list(line) for line in zip(*columns, *values, strict=True)],
    }


def _parameter_values(column: "pd.Series[Any]", parameter: Any, study: Any) -> list[Any]:
    known = column.notna().tolist()
    if parameter.choices:
        return [
            study.own.describe(parameter.name, value) if is_known else None
            for value, is_known in zip(column.tolist(), known, strict=True)
        ]
    return [
        float(f"{float(value):.5g}") if is_known and isfinite(float(value)) else None
        for value, is_known in zip(column.tolist(), known, strict=True)
    ]
