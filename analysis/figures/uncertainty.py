"""Predicted standard deviations against each input: where a network is sure, and where it is not."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from analysis.figures.style import PALETTE, plain
from analysis.frames.gaussian_predictions import GaussianPredictions, _named, correlation_frame
from analysis.text import format_number

COLUMNS = 5
# An input with at most so many values is shown value by value, another in bins of as many points each.
FEW_VALUES = 12
BINS = 10
# Deviations that span more than this, from the 1st to the 99th percentile, need a logarithmic axis.
_WIDE = 20.0
_GOLDEN = 0.618033988749895


def draw_uncertainty(ax: Axes, values: NDArray[np.float64], std: NDArray[np.float64]) -> Axes:
    """Draw predicted standard deviations [n] against the values [n] of one input.

    Points are single predictions; the line joins medians, of each value where there are few, else of bins with as
    many points each. Bars or band: from the lower to the upper quartile.
    """
    distinct = np.unique(values)
    few = distinct.size <= FEW_VALUES
    # Evenly spread within each value, and the same in every drawing.
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
        color=PALETTE[0],
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
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    whole = bool((distinct == np.round(distinct)).all())
    if few and whole and np.ptp(distinct) <= FEW_VALUES:
        every = 1 if distinct.size <= 6 else 2
        ax.xaxis.set_major_locator(FixedLocator(list(np.arange(distinct[0], distinct[-1] + 1, every))))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    return ax


def uncertainty_figure(predictions: Sequence[GaussianPredictions], features: Sequence[str], *, unit: str) -> Figure:
    """Return predicted standard deviations against each input, one panel for each, of one level's replicates together.

    Args:
        predictions: of the replicates of one level.
        features: what the inputs are called, with units where they have some.
        unit: of the target.

    Raises:
        ValueError: no predictions, or there is not a name for each input.
    """
    if not predictions:
        raise ValueError("predictions: none were given; give those of one level's replicates")
    names = _named(features, predictions[0])
    correlations = correlation_frame(predictions, features)
    inputs = np.concatenate([one.inputs for one in predictions])
    std = np.concatenate([one.std for one in predictions])
    width = min(COLUMNS, len(names))
    rows = -(-len(names) // width)
    figure = Figure(
        figsize=(max(0.6 + 2.35 * width, 3.6) if width < 5 else 11.0, 0.5 + 2.6 * rows), layout="constrained"
    )
    axes = figure.subplots(rows, width, squeeze=False, sharey=True)
    for number, ax in enumerate(axes.flat):
        if number >= len(names):
            ax.set_axis_off()
            continue
        draw_uncertainty(ax, inputs[:, number], std)
        ax.set_xlabel(plain(fill(names[number], 28)))
        own = correlations.loc[correlations["feature"] == names[number], "rho"]
        ax.set_title(_title(own.to_numpy(dtype=float)), fontsize="small")
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
    """Return what a reader must know to read the uncertainty of one level of a table with this title."""
    count = len(predictions)
    replicates = f"{count} replicates together" if count > 1 else "one replicate"
    ranged = ", its mean over the replicates and its lowest and highest" if count > 1 else ""
    std = np.concatenate([one.std for one in predictions])
    low, high, _ = _limits(std)
    outside = int(np.count_nonzero((std < low) | (std > (np.finfo(float).max if high is None else high))))
    cut = f" {outside} of {std.size} predictions lie outside the axis." if outside else ""
    return (
        f"{title}: predicted standard deviations of {level} on the validation part, {replicates}. Points are single "
        f"predictions (spread sideways where an input has few values); the black line joins medians, of each value "
        f"or of {BINS} bins with as many points each, with lower and upper quartile. ρ is Spearman's rank correlation "
        f"between input and predicted standard deviation{ranged}.{cut}"
    )


def _quartiles(
    values: NDArray[np.float64], std: NDArray[np.float64], distinct: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centres [b] and lower quartile, median and upper quartile [b, 3], of each value or of bins."""
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
    """Return the lower and the upper limit of the axis (None: as matplotlib likes it), and its scale."""
    finite = std[np.isfinite(std)]
    if finite.size == 0:
        return 0.0, None, "linear"
    low, high = np.quantile(finite, [0.01, 0.99])
    return (float(low) / 2, None, "log") if high > _WIDE * low else (0.0, float(high) * 1.25, "linear")
