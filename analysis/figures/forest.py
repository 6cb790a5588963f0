"""The figure of all differences: every level against its default, grouped by factor, on one axis for each unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from analysis.figures.style import BLUE, DARK_GREY, GREY, ORANGE, PAGE_WIDTH, legend_of, plain, style_axes
from analysis.statistics.comparisons import BETTER, EQUAL, WORSE

_ROW_INCHES, _EDGE_INCHES = 0.2, 0.6
# Names longer than this are cut: of factors, which have a line of their own, and of levels.
_FACTOR_WIDTH, _LEVEL_WIDTH = 110, 42
# An end further away than this many times the upper quartile of all ends is off the axis.
_FAR, _QUARTILE = 3.0, 0.75
_LEFT, _RIGHT = 0.36, 0.76
_LEGEND_INCHES = 0.5
_MARKS: dict[str, tuple[str, str]] = {BETTER: (BLUE, "^"), WORSE: (ORANGE, "v"), EQUAL: (DARK_GREY, "D")}


@dataclass(frozen=True)
class ForestRow:
    """A level's difference from the default.

    Attributes:
        low, high: the ends of its interval; None where there is none.
        verdict: of its table.
        holds: whether the verdict holds over the whole report.
        words: the difference with its interval, as text.
        position: of its row among all rows of the study; None where the row is not one level's.
    """

    label: str
    mean: float
    low: float | None
    high: float | None
    verdict: str
    holds: bool
    words: str
    position: int | None = None


@dataclass(frozen=True)
class ForestGroup:
    """A factor with its levels, and the axis that its differences are on: "Validation Accuracy (points)"."""

    name: str
    axis: str
    rows: tuple[ForestRow, ...]


def forest_figure(groups: Sequence[ForestGroup]) -> Figure:
    """Draw differences with their intervals, a line for each level and a heading for each factor.

    Raises:
        ValueError: no groups.
    """
    if not groups:
        raise ValueError("groups: none were given; give at least one factor with its levels")
    axes_names = list(dict.fromkeys(group.axis for group in groups))
    of_axis = [[group for group in groups if group.axis == name] for name in axes_names]
    lines = [sum(1 + len(group.rows) for group in those) for those in of_axis]
    edge = _EDGE_INCHES * len(lines) + _LEGEND_INCHES
    height = edge + _ROW_INCHES * sum(lines)
    figure = Figure(figsize=(PAGE_WIDTH, height))
    top = 1 - _LEGEND_INCHES / height
    for name, those, count in zip(axes_names, of_axis, lines, strict=True):
        tall = _ROW_INCHES * count / height
        ax = figure.add_axes((_LEFT, top - tall, _RIGHT - _LEFT, tall))
        draw_forest(ax, those)
        ax.set_xlabel(plain(name), fontsize="small")
        top -= tall + _EDGE_INCHES / height
    return legend_of(figure, _handles(groups), columns=4, loc="upper")


def draw_forest(ax: Axes, groups: Sequence[ForestGroup]) -> Axes:
    """Draw the levels of factors that share an axis."""
    reach = _reach([row for group in groups for row in group.rows])
    place = 0
    for group in groups:
        ax.axhline(place - 0.5, color=GREY, linewidth=0.4, alpha=0.5)
        _write(
            ax,
            -_LEFT / (_RIGHT - _LEFT),
            place,
            shorten(group.name, _FACTOR_WIDTH, placeholder="…"),
            ha="left",
            weight="bold",
        )
        for row in group.rows:
            place += 1
            _draw_row(ax, place, row, reach)
        place += 1
    ax.axvline(0.0, color="black", linewidth=0.8, zorder=1)
    ax.set_ylim(place - 0.5, -0.5)
    ax.set_xlim(-reach * 1.06, reach * 1.06)
    ax.set_yticks([])
    if reach >= 1000:
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(labelsize="small")
    ax.spines["left"].set_visible(False)
    return style_axes(ax, grid="x")


def _draw_row(ax: Axes, place: int, row: ForestRow, reach: float) -> None:
    colour, marker = _MARKS.get(row.verdict, (GREY, "o"))
    gid = None if row.position is None else f"level-{row.position}"
    if row.low is not None and row.high is not None:
        low, high = (float(np.clip(end, -reach, reach)) for end in (row.low, row.high))
        ax.hlines(place, low, high, color=colour, linewidth=1.5, zorder=2, gid=gid)
        for end, cut in ((low, row.low < -reach), (high, row.high > reach)):
            if cut:
                ax.plot([end], [place], marker="<" if end < 0 else ">", color=colour, markersize=4, zorder=2)
    if abs(row.mean) <= reach:
        face = colour if row.holds else "white"
        ax.plot(
            [row.mean], [place], marker=marker, color=colour, markerfacecolor=face, markersize=5.5, zorder=3, gid=gid
        )
    _write(ax, -0.02, place, shorten(row.label, _LEVEL_WIDTH, placeholder="…"), ha="right", gid=gid)
    _write(ax, 1.02, place, row.words, ha="left", gid=gid)


def _reach(rows: Sequence[ForestRow]) -> float:
    """How far the axis reaches to both sides: to the farthest end, unless few lie far beyond the others."""
    ends = np.array([max(abs(row.mean), abs(row.low or 0.0), abs(row.high or 0.0)) for row in rows])
    usual = _FAR * float(np.quantile(ends, _QUARTILE))
    farthest = float(ends.max())
    return (usual if farthest > usual > 0 else farthest) or 1.0


def _write(
    ax: Axes, across: float, place: int, text: str, *, ha: Any, weight: str = "normal", gid: str | None = None
) -> None:
    ax.text(
        across,
        place,
        plain(text),
        transform=ax.get_yaxis_transform(),
        ha=ha,
        va="center",
        fontsize="small",
        fontweight=weight,
        clip_on=False,
        gid=gid,
    )


def _handles(groups: Sequence[ForestGroup]) -> list[Line2D]:
    """The marks that the figure shows, as entries of a legend."""
    rows = [row for group in groups for row in group.rows]
    found = []
    for verdict, (colour, marker) in _MARKS.items():
        for holds in (True, False):
            if any(row.verdict == verdict and row.holds == holds for row in rows):
                only = "" if holds or verdict == EQUAL else ", in its table alone"
                face = colour if holds else "white"
                found.append(_handle(colour, marker, face, verdict.capitalize() + only))
    if any(row.verdict not in _MARKS for row in rows):
        found.append(_handle(GREY, "o", "white", "No clear difference"))
    return found


def _handle(colour: str, marker: str, face: str, label: str) -> Line2D:
    style: dict[str, Any] = {"color": colour, "marker": marker, "markerfacecolor": face}
    return Line2D([], [], linewidth=1.5, markersize=5.5, label=label, **style)
