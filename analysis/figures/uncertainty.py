"""The figure `uncertainty`: predicted standard deviations against each input."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from analysis.figures.calibration import log_target_words
from analysis.figures.style import BLUE, PAGE_WIDTH, panel_grid, plain, style_axes
from analysis.frames.evidence import Evidence
from analysis.frames.gaussian_predictions import (
    GaussianPredictions,
    checked_names,
    correlation_frame,
    gaussian_replicates,
)
from analysis.tables.tables import TableView
from analysis.text import format_number

COLUMNS = 3
# An input with at most this many values is shown value by value, another in bins with equally many points.
FEW_VALUES = 12
BINS = 10
# Deviations whose 99th percentile is more than this many times the 1st need a logarithmic axis.
_WIDE = 20.0
_GOLDEN = 0.618033988749895


def draw(view: TableView, evidence: Evidence) -> tuple[Figure, str] | None:
    """Draw the default level, or the first that has predictions: the figure and its caption; None where none has."""
    for line in sorted(view.lines, key=lambda line: not line.is_default):
        row = evidence.standing.rows[line.position]
        predictions = list(gaussian_replicates([row], evidence))
        if predictions and row.config is not None:
            info = row.config.dataset_info
            figure = uncertainty_figure(predictions, info.features, unit=info.target_unit)
            caption = uncertainty_caption(view.title, ", ".join(line.labels), predictions)
            return figure, caption + log_target_words(predictions)
    return None


def draw_uncertainty(ax: Axes, values: NDArray[np.float64], std: NDArray[np.float64]) -> Axes:
    """Draw predicted standard deviations [n] against the values [n] of one input.

    Points are single predictions; the line joins medians, of each value where there are few, else of bins with
    equally many points. Bars or a band reach from the lower to the upper quartile.
    """
    distinct = np.unique(values)
    few = distinct.size <= FEW_VALUES
    # The golden ratio spreads points evenly within each value, and alike in every drawing.
    gap = float(np.diff(distinct).min()) if few and distinct.size > 1 else 0.0
    moved = values + gap * 0.6 * (np.arange(values.size) * _GOLDEN % 1 - 0.5)
    size = 3.0 if values.size < 500 else 2.0
    alpha = min(0.5, max(0.18, 200 / values.size))
    ax.plot(
        moved,
        std,
        linestyle="none",
        marker="o",
        markersize=size,
        markeredgewidth=0,
        color=BLUE,
        alpha=alpha,
        rasterized=True,
        label="_points",
    )
    centres, quartiles = _quartiles(values, std, distinct if few else None)
    lower, middle, upper = quartiles.T
    if few:
        ax.vlines(centres, lower, upper, color="black", linewidth=1.2, zorder=3)
    else:
        ax.fill_between(centres, lower, upper, color="black", alpha=0.2, linewidth=0, zorder=3)
    ax.plot(centres, middle, color="black", marker="o", markersize=3.5, linewidth=1.4, zorder=4, label="Median")
    whole = bool((distinct == np.round(distinct)).all())
    if few and whole and np.ptp(distinct) <= FEW_VALUES:
        every = 1 if distinct.size <= 6 else 2
        ax.xaxis.set_major_locator(FixedLocator(list(np.arange(distinct[0], distinct[-1] + 1, every))))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    return style_axes(ax)


def uncertainty_figure(predictions: Sequence[GaussianPredictions], features: Sequence[str], *, unit: str) -> Figure:
    """Draw the predicted standard deviations of a level's replicates, pooled, with a panel for each input.

    Args:
        predictions: of the level's replicates.
        features: what the inputs are called, with units where they have some.
        unit: of the target.

    Raises:
        ValueError: no predictions, or the names do not match the inputs.
    """
    if not predictions:
        raise ValueError("predictions: none were given; give those of one level's replicates")
    names = checked_names(features, predictions[0])
    correlations = correlation_frame(predictions, features)
    inputs = np.concatenate([one.inputs for one in predictions])
    std = np.concatenate([one.std for one in predictions])
    rows, width = panel_grid(len(names), COLUMNS)
    figure = Figure(figsize=(min(max(0.6 + 2.35 * width, 3.6), PAGE_WIDTH), 0.5 + 2.6 * rows), layout="constrained")
    axes = figure.subplots(rows, width, squeeze=False, sharey=True)
    for number, ax in enumerate(axes.flat):
        if number >= len(names):
            ax.set_axis_off()
            continue
        draw_uncertainty(ax, inputs[:, number], std)
        ax.set_xlabel(plain(fill(names[number], 28)))
        rho = correlations.loc[correlations["feature"] == names[number], "rho"]
        ax.set_title(_title(rho.to_numpy(dtype=float)), fontsize="small")
        if number % width == 0:
            ax.set_ylabel(plain("Predicted Standard Deviation" + (f"\n({unit})" if unit else "")))
    low, high, scale = _limits(std)
    axes[0, 0].set_yscale(scale)
    axes[0, 0].set_ylim(low, high)
    if scale == "log":
        axes[0, 0].yaxis.set_minor_formatter(NullFormatter())
    if np.median(std) >= 10:
        axes[0, 0].yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return figure


def uncertainty_caption(title: str, level: str, predictions: Sequence[GaussianPredictions]) -> str:
    """Say what a reader must know to read the uncertainty of one level of a table with this title."""
    count = len(predictions)
    replicates = f"{count} replicates pooled" if count > 1 else "one replicate"
    ranged = ", with its mean, lowest and highest over the replicates" if count > 1 else ""
    std = np.concatenate([one.std for one in predictions])
    low, high, _ = _limits(std)
    outside = int(np.count_nonzero((std < low) | (std > (np.finfo(float).max if high is None else high))))
    cut = f" {outside} of {std.size} predictions lie outside the axis." if outside else ""
    return (
        f"{title}: predicted standard deviations of {level} on the validation part, {replicates}. Points are single "
        f"predictions (spread sideways where an input has few values); the black line joins the medians of each value "
        f"or of {BINS} bins with equally many points, shown with lower and upper quartile. ρ is Spearman's rank "
        f"correlation between input and predicted standard deviation{ranged}.{cut}"
    )


def _quartiles(
    values: NDArray[np.float64], std: NDArray[np.float64], distinct: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres [b], and lower quartile, median and upper quartile [b, 3], of each value or of bins."""
    if distinct is not None:
        groups = [np.flatnonzero(values == value) for value in distinct]
        centres = distinct
    else:
        groups = np.array_split(np.argsort(values, kind="stable"), min(BINS, values.size))
        centres = np.array([np.median(values[group]) for group in groups])
    return centres, np.array([np.quantile(std[group], [0.25, 0.5, 0.75]) for group in groups])


def _title(rho: NDArray[np.float64]) -> str:
    known = rho[~np.isnan(rho)]
    if known.size == 0:
        return "ρ: the input does not vary"
    mean = f"ρ = {format_number(float(known.mean()), 2)}"
    if known.size == 1:
        return mean
    return f"{mean} ({format_number(float(known.min()), 2)} to {format_number(float(known.max()), 2)})"


def _limits(std: NDArray[np.float64]) -> tuple[float, float | None, str]:
    """The lower and the upper limit of the axis (None: chosen by matplotlib), and its scale."""
    finite = std[np.isfinite(std)]
    if finite.size == 0:
        return 0.0, None, "linear"
    low, high = np.quantile(finite, [0.01, 0.99])
    return (float(low) / 2, None, "log") if high > _WIDE * low else (0.0, float(high) * 1.25, "linear")
