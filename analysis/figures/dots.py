"""A table's levels as dots: the mean of each with its interval, and every replicate, where curves say nothing.

Curves of one epoch are points, and curves of many levels lie over each other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.series import level_words, styles
from analysis.figures.style import PAGE_WIDTH, axis_label, plain, style_axes
from analysis.tables.captions import compared_words
from analysis.tables.comparing import COMPARED
from analysis.tables.tables import Line, TableView
from analysis.text import cut_range, percent_limits

_ROW_INCHES = 0.22
# A level further from the median than this many times the quartiles' distance is off the axis.
_FAR = 6.0
_NAME_WIDTH = 44


def dots_figure(view: TableView, trials: pd.DataFrame) -> Figure:
    """Draw the levels of a table as dots, one below the other; see `draw_dots`."""
    figure = Figure(figsize=(PAGE_WIDTH, 0.8 + _ROW_INCHES * len(view.lines)), layout="constrained")
    draw_dots(figure.subplots(), view, trials)
    return figure


def draw_dots(ax: Axes, view: TableView, trials: pd.DataFrame) -> Axes:
    """Draw each level's mean with its interval, and its replicates as small marks.

    Args:
        ax: to draw on.
        view: the table.
        trials: of `analysis.frames.frames.trials_frame`.
    """
    looks, limits = styles(view), percent_limits(view.unit)
    values = {line.position: _values(trials, line) for line in view.lines}
    for place, line in enumerate(view.lines):
        colour, found = looks[line.position][0], line.estimates.get(COMPARED)
        shown = values[line.position]
        marks: dict[str, Any] = {"color": colour, "gid": f"level-{line.position}"}
        ax.plot(shown, [place] * shown.size, "|", markersize=6, alpha=0.6, label="_replicates", **marks)
        if found is None:
            words = line.ended or ("not run" if line.outcomes else "cannot be built")
            ax.text(0.01, place, plain(words), transform=ax.get_yaxis_transform(), va="center", fontsize="small")
            continue
        if found.half_width is not None:
            low, high = cut_range(found.mean - found.half_width, found.mean + found.half_width, limits)
            ax.hlines(place, low, high, linewidth=1.6, zorder=2, **marks)
        size = 6 if line.is_default else 5
        ax.plot([found.mean], [place], "o", markersize=size, zorder=3, label="_mean", **marks)
    _focus(ax, view, list(values.values()))
    ax.set_yticks(range(len(view.lines)), [plain(_name(line)) for line in view.lines], fontsize="small")
    ax.set_ylim(len(view.lines) - 0.4, -0.6)
    ax.set_xlabel(axis_label(view.compared_label, view.unit))
    ax.tick_params(axis="y", length=0)
    return style_axes(ax, grid="x")


def dots_caption(view: TableView) -> str:
    """Say what a reader must know to read the dots."""
    means = "means with 95% intervals, and small marks are replicates" if view.replicated else "single replicates"
    return (
        f"{view.title}: {compared_words(view.compared_label)} of each level. Dots are {means}; an arrow "
        "names what lies beyond the axis."
    )


def _values(trials: pd.DataFrame, line: Line) -> NDArray[np.float64]:
    own = trials.loc[trials["position"] == line.position, COMPARED].to_numpy(dtype=np.float64)
    finite: NDArray[np.float64] = own[np.isfinite(own)]
    return finite


def _focus(ax: Axes, view: TableView, values: Sequence[NDArray[np.float64]]) -> None:
    """Leave values far from most off the axis, and say where they are."""
    known = np.concatenate([*values, np.empty(0)])
    if known.size < 2:
        return
    first, middle, third = np.quantile(known, [0.25, 0.5, 0.75])
    reach = _FAR * max(third - first, 1e-9)
    if known.min() >= middle - reach and known.max() <= middle + reach:
        return
    inside = known[(known >= middle - reach) & (known <= middle + reach)]
    margin = 0.06 * float(np.ptp(inside)) or 1.0
    low, high = float(inside.min()) - margin, float(inside.max()) + margin
    ax.set_xlim(low, high)
    for place, line in enumerate(view.lines):
        found = line.estimates.get(COMPARED)
        if found is not None and not low <= found.mean <= high:
            left = found.mean < low
            words = f"← {found.mean:,.4g}" if left else f"{found.mean:,.4g} →"
            across, side = (0.01, "left") if left else (0.99, "right")
            ax.text(across, place, words, transform=ax.get_yaxis_transform(), ha=side, va="center", fontsize="small")


def _name(line: Line) -> str:
    words = level_words(line)
    return words if len(words) <= _NAME_WIDTH else f"{words[: _NAME_WIDTH - 1]}…"
