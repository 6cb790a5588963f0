"""The first screen of a report: all differences on one axis, and time against quality."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analysis.figures.dots import dots_caption, dots_figure
from analysis.figures.forest import ForestGroup, ForestRow, forest_figure
from analysis.figures.tradeoff import Point, pareto_front, tradeoff_figure
from analysis.frames.evidence import Evidence
from analysis.report.differences import (
    FactorFound,
    LevelFound,
    compared_views,
    difference_decimals,
    differences,
    factor_names,
)
from analysis.report.path_findings import known_path, path_unit, step_words
from analysis.report.section import Picture, Section
from analysis.statistics.comparisons import BETTER, WORSE
from analysis.statistics.intervals import Difference
from analysis.tables.captions import compared_words
from analysis.tables.comparing import COMPARED
from analysis.tables.tables import Line, TableView
from analysis.text import Limits, difference_limits, difference_unit, format_range
from tune_jobs.words import counted, signed

# Lines of the figure of all differences, headings included.
_MOST_LINES = 40
# Points of the figure of time against quality.
_FEWEST = 2


def overview_of(
    views: Sequence[TableView], evidence: Evidence, factors: Sequence[FactorFound] | None = None
) -> Section | None:
    """Draw what the tables show together, or rows alone; None where there is nothing to see.

    Args:
        views: the tables.
        evidence: what the ledger knows of the study.
        factors: of `differences` over the study's own tables, if they are known already.
    """
    compared = compared_views(evidence, views)
    factors = differences(compared) if factors is None else factors
    groups = [*_table_groups(factors), *_path_groups(evidence)]
    pictures, frames = [], {}
    if groups:
        pictures += _forest_pictures(groups)
        frames["differences"] = _frame(groups)
    points, first = _points(compared, evidence)
    if first is not None and len(points) > _FEWEST:
        heading = f"{first.compared_label} ({first.unit})" if first.unit else first.compared_label
        front = pareto_front(points, higher_is_better=first.higher_is_better)
        figure = tradeoff_figure(points, front, heading=heading, higher_is_better=first.higher_is_better)
        pictures.append(Picture("tradeoff", figure, _tradeoff_caption(first)))
        frames["time-quality"] = pd.DataFrame(
            {
                "configuration": [one.label for one in points],
                "seconds": [one.seconds for one in points],
                "value": [one.value for one in points],
                "is_default": [one.is_default for one in points],
                "on_front": [one in front for one in points],
            }
        )
    if not pictures and not evidence.study.tables:
        pictures = _rows_picture(views, evidence)
    return Section("overview", "At a glance", pictures=pictures, frames=frames) if pictures else None


def _forest_pictures(groups: Sequence[ForestGroup]) -> list[Picture]:
    """A figure for each axis; what all of them share is said below the first."""
    shown, found = first_groups(groups), []
    for number, axis in enumerate(dict.fromkeys(group.axis for group in shown), start=1):
        figure = forest_figure([group for group in shown if group.axis == axis])
        if number == 1:
            found.append(Picture("overview", figure, _forest_caption(groups, shown)))
        else:
            found.append(Picture(f"overview-{number}", figure, f"The same for the {axis[:1].lower()}{axis[1:]}."))
    return found


def _rows_picture(views: Sequence[TableView], evidence: Evidence) -> list[Picture]:
    """The rows of a study of only final configurations, those with the first one's metric."""
    known = [view for view in views if any(COMPARED in line.estimates for line in view.lines)]
    if not known:
        return []
    first = known[0]
    alike = [view for view in known if (view.metric, view.unit) == (first.metric, first.unit)]
    lines = [line if len(alike) == 1 else _titled(line, view) for view in alike for line in view.lines]
    whole = replace(first, title=first.title if len(alike) == 1 else "All configurations", lines=tuple(lines))
    return [Picture("overview", dots_figure(whole, evidence.trials), dots_caption(whole))]


def _titled(line: Line, view: TableView) -> Line:
    label = view.title if len(view.lines) == 1 else f"{view.title}: {', '.join(line.labels)}"
    return replace(line, labels=(label,))


def _table_groups(factors: Sequence[FactorFound]) -> list[ForestGroup]:
    groups = []
    for one in sorted(factors, key=_largest, reverse=True):
        sign = 1.0 if one.view.higher_is_better else -1.0
        known = [
            (level, level.comparison.difference) for level in one.levels if level.comparison.difference is not None
        ]
        rows = [_row(level, found) for level, found in sorted(known, key=lambda pair: -sign * pair[1].mean)]
        if rows:
            name = f"{one.name[:1].upper()}{one.name[1:]} (default {one.default})"
            groups.append(ForestGroup(name, difference_axis(one.view), tuple(rows)))
    return groups


def _path_groups(evidence: Evidence) -> list[ForestGroup]:
    """The steps of a path, each against the step before it, over fresh seeds."""
    path = known_path(evidence)
    if path is None:
        return []
    unit = path_unit(evidence)
    rows = [
        ForestRow(
            label=step_words(step),
            mean=step.gain.mean,
            low=step.gain.low,
            high=step.gain.high,
            verdict=step.verdict,
            holds=step.verdict in (BETTER, WORSE),
            words=difference_words(step.gain, 2, difference_limits(unit)),
        )
        for step in path.steps
        if step.gain is not None and step.chosen
    ]
    name = "Each step, with fresh seeds"
    return [ForestGroup(name, f"Gain ({difference_unit(unit)})" if unit else "Gain", tuple(rows))] if rows else []


def _row(level: LevelFound, found: Difference) -> ForestRow:
    if level.comparison.by_share:
        words, low, high = f"{level.collapse}, {level.verdict}", None, None
        return ForestRow(level.label, found.mean, low, high, level.verdict, level.holds, words, level.line.position)
    words = difference_words(
        found, difference_decimals(level.view, found.half_width or 0.0), difference_limits(level.view.unit)
    )
    ends, position = (found.low, found.high), level.line.position
    return ForestRow(level.label, found.mean, *ends, level.verdict, level.holds, words, position)


def difference_words(found: Difference, decimals: int, limits: Limits) -> str:
    """Write a difference beside its line of a figure: "+1.20 (0.40 to 2.00)"."""
    number = signed(found.mean, decimals)
    if found.low is None or found.high is None:
        return f"{number} in every pair" if found.n > 1 else number
    return f"{number} ({format_range(found.low, found.high, decimals, limits)})"


def difference_axis(view: TableView) -> str:
    """What the axis of a table's differences is called, and which way is better."""
    unit = difference_unit(view.unit)
    better = "higher" if view.higher_is_better else "lower"
    return f"Difference in {compared_words(view.compared_label)}{f' ({unit})' if unit else ''}; {better} is better"


def _largest(one: FactorFound) -> float:
    return max(
        (abs(level.comparison.difference.mean) for level in one.levels if level.comparison.difference), default=0
    )


def first_groups(groups: Sequence[ForestGroup]) -> list[ForestGroup]:
    """The first groups of each axis, as many as a figure has room for."""
    shown: list[ForestGroup] = []
    axes = dict.fromkeys(group.axis for group in groups)
    for axis in axes:
        lines = 0
        for group in (one for one in groups if one.axis == axis):
            lines += 1 + len(group.rows)
            if lines > _MOST_LINES // len(axes) and lines > 1 + len(group.rows):
                break
            shown.append(group)
    return shown


def _frame(groups: Sequence[ForestGroup]) -> pd.DataFrame:
    lines = [(group.name, group.axis, row) for group in groups for row in group.rows]
    return pd.DataFrame(
        {
            "factor": [name for name, _, _ in lines],
            "axis": [axis for _, axis, _ in lines],
            "level": [row.label for *_, row in lines],
            "difference": [row.mean for *_, row in lines],
            "low": [row.low for *_, row in lines],
            "high": [row.high for *_, row in lines],
            "verdict": [row.verdict for *_, row in lines],
            "holds_over_the_report": [row.holds for *_, row in lines],
        }
    )


def _points(views: Sequence[TableView], evidence: Evidence) -> tuple[list[Point], TableView | None]:
    """Time and quality of each distinct configuration, of the tables on the same data with the same metric."""
    groups: dict[tuple[str, str, str], list[TableView]] = {}
    for view in views:
        config = next((evidence.standing.rows[line.position].config for line in view.lines if line.is_default), None)
        if config is not None:
            groups.setdefault((config.dataset, view.metric, view.unit), []).append(view)
    if not groups:
        return [], None
    largest = max(groups.values(), key=lambda those: sum(len(view.lines) for view in those))
    names, found = factor_names(views), {}
    for view in largest:
        for line in view.lines:
            seconds, value = line.estimates.get("train_seconds"), line.estimates.get(COMPARED)
            config = evidence.standing.rows[line.position].config
            if seconds is not None and value is not None and config is not None:
                label = "default" if line.is_default else f"{names[view.name]} {' × '.join(line.labels)}"
                key = (round(seconds.mean, 9), round(value.mean, 9))
                if key not in found or line.is_default:
                    found[key] = Point(label, seconds.mean, value.mean, line.is_default, line.position)
    return list(found.values()), largest[0]


def _forest_caption(groups: Sequence[ForestGroup], shown: Sequence[ForestGroup]) -> str:
    left = sum(len(group.rows) for group in groups) - sum(len(group.rows) for group in shown)
    more = f" {counted(left, 'more level')} with smaller differences: see differences.csv." if left else ""
    return (
        "Every level against its default, the factor with the largest difference first. Lines are intervals, corrected "
        "for the comparisons of a table. Filled marks hold over the whole report; an arrow is an interval that goes "
        f"beyond the axis.{more}"
    )


def _tradeoff_caption(view: TableView) -> str:
    return (
        f"The {compared_words(view.compared_label)} of each level against the time of one training, both means over "
        "replicates. No level is faster than one on the line and also better, by these means alone."
    )
