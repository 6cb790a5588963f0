"""The figure `parity`: predictions of a regression against the targets, and what is left over."""

from collections.abc import Sequence
from math import floor, log10
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from analysis.figures.style import BLUE, DARK_GREY, PAGE_WIDTH, axis_label, style_axes
from analysis.frames.evidence import Evidence
from analysis.frames.value_predictions import ValuePredictions, value_replicates
from analysis.tables.tables import TableView
from analysis.text import format_number
from tune_jobs.study.figures import VALUES
from tune_jobs.words import counted

_BINS = 30
# Numbers from here on are written with their thousands separated.
_LARGE = 1000.0


def draw(view: TableView, evidence: Evidence) -> tuple[Figure, str] | None:
    """Draw the default level, or the first that has predictions: the figure and its caption; None where none has."""
    for line in sorted(view.lines, key=lambda line: not line.is_default):
        row = evidence.standing.rows[line.position]
        if row.config is None or not VALUES.is_met(row.config):
            continue
        predictions = list(value_replicates(row, evidence))
        if any(np.isfinite(one.predicted).any() for one in predictions):
            figure = parity_figure(predictions, unit=row.config.dataset_info.target_unit)
            return figure, parity_caption(view.title, ", ".join(line.labels), predictions)
    return None


def draw_parity(ax: Axes, predicted: NDArray[np.float64], targets: NDArray[np.float64], *, unit: str) -> Axes:
    """Draw predictions [n] against targets [n], with the diagonal on which they would be equal."""
    ends = [float(min(predicted.min(), targets.min())), float(max(predicted.max(), targets.max()))]
    ax.plot(ends, ends, color=DARK_GREY, linewidth=1.0, linestyle=(0, (2, 2)), label="_diagonal", zorder=1)
    _points(ax, targets, predicted)
    ax.set_xlabel(axis_label("Target", unit))
    ax.set_ylabel(axis_label("Prediction", unit))
    return _styled(ax)


def draw_residuals(ax: Axes, predicted: NDArray[np.float64], targets: NDArray[np.float64], *, unit: str) -> Axes:
    """Draw what predictions [n] exceed targets [n] by, against the predictions."""
    ax.axhline(0.0, color=DARK_GREY, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    _points(ax, predicted, predicted - targets)
    ax.set_xlabel(axis_label("Prediction", unit))
    ax.set_ylabel(axis_label("Prediction − target", unit))
    return _styled(ax)


def draw_spread(ax: Axes, residuals: NDArray[np.float64], *, unit: str) -> Axes:
    """Draw how often residuals [n] are how large."""
    ax.hist(residuals, bins=min(_BINS, max(5, residuals.size // 4)), color=BLUE, alpha=0.7)
    ax.axvline(0.0, color=DARK_GREY, linewidth=1.0, linestyle=(0, (2, 2)))
    ax.set_xlabel(axis_label("Prediction − target", unit))
    ax.set_ylabel("Validation rows")
    return _styled(ax)


def parity_figure(predictions: Sequence[ValuePredictions], *, unit: str) -> Figure:
    """Draw the predictions of a level's replicates, pooled: against targets, and what is left over, twice.

    Args:
        predictions: of at least one replicate, and some of them finite.
        unit: of the target.
    """
    predicted, targets, _ = _pooled(predictions)
    figure = Figure(figsize=(PAGE_WIDTH, 2.7), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    draw_parity(first, predicted, targets, unit=unit)
    draw_residuals(second, predicted, targets, unit=unit)
    draw_spread(third, predicted - targets, unit=unit)
    return figure


def parity_caption(title: str, level: str, predictions: Sequence[ValuePredictions]) -> str:
    """Say what a reader must know to read the predictions of one level of a table with this title."""
    count = len(predictions)
    replicates = f"{count} replicates pooled" if count > 1 else "one replicate"
    predicted, targets, left_out = _pooled(predictions)
    residuals = predicted - targets
    bias, middle = float(residuals.mean()), float(np.median(np.abs(residuals)))
    decimals = 0 if np.abs(residuals).max() >= _LARGE else max(2, 1 - floor(log10(middle))) if middle > 0 else 2
    off = f"{format_number(abs(bias), decimals)} too {'high' if bias > 0 else 'low'}" if bias else "right"
    not_finite = f" {counted(left_out, 'prediction')} that {'is' if left_out == 1 else 'are'} not finite: left out."
    return (
        f"{title}: predictions of {level} on the validation part against the targets, {replicates}. Predictions on the "
        f"dashed line equal their targets; what is left over, beside them, should lie evenly about 0. On average "
        f"predictions are {off}, and half of all are within ±{format_number(middle, decimals)}."
        f"{not_finite if left_out else ''}"
    )


def _pooled(predictions: Sequence[ValuePredictions]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return the finite predictions of all replicates, their targets, and how many predictions were not finite."""
    predicted = np.concatenate([one.predicted for one in predictions])
    targets = np.concatenate([one.targets for one in predictions])
    finite = np.isfinite(predicted)
    return predicted[finite], targets[finite], int((~finite).sum())


def _points(ax: Axes, across: NDArray[np.float64], up: NDArray[np.float64]) -> None:
    size, alpha = (3.0 if across.size < 500 else 2.0), min(0.6, max(0.18, 200 / across.size))
    marks: dict[str, Any] = {"linestyle": "none", "marker": "o", "markeredgewidth": 0, "color": BLUE}
    ax.plot(across, up, markersize=size, alpha=alpha, rasterized=True, label="_points", **marks)


def _styled(ax: Axes) -> Axes:
    for axis, ends, ticks in ((ax.xaxis, ax.get_xlim(), 2), (ax.yaxis, ax.get_ylim(), 4)):
        axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
        if max(map(abs, ends)) >= _LARGE:
            axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.tick_params(labelsize="small")
    return style_axes(ax)
