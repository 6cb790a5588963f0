"""Figure of the best of n random trials against n, beside what the search has found."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.style import BLUE, ORANGE, axis_label, legend_below, style_axes
from analysis.statistics.tuning_curve import TuningCurve


def draw_tuning_curve(
    ax: Axes, curve: TuningCurve, found: "pd.Series[float]", *, metric: str, unit: str, higher_is_better: bool
) -> Axes:
    """Draw the median of the best with its band, the expected best, and the best so far of the search.

    Where a sample leaves the band open, it ends at the edge of the axis.

    Args:
        ax: to draw on.
        curve: of scores, of which higher is better.
        found: the best value after each trial of the search, in order.
        metric: what the value is called.
        unit: of it.
        higher_is_better: the metric's direction.
    """
    sign = 1.0 if higher_is_better else -1.0
    n, median, expected = curve.trials, sign * curve.median, sign * curve.expected
    ax.plot(n, median, color=BLUE, linewidth=1.8, label="median best of random trials")
    ax.plot(n, expected, color=ORANGE, linewidth=1.4, linestyle=(0, (4, 2)), label="expected best of random trials")
    ax.step(
        np.arange(1, len(found) + 1), found, where="post", color="black", linewidth=1.4, label="best of this search"
    )
    shown = np.concatenate([median, expected, sign * curve.low, sign * curve.high, found.to_numpy(dtype=float)])
    shown = shown[np.isfinite(shown)]
    margin = 0.06 * float(np.ptp(shown)) or 0.5
    ends = float(shown.min()) - margin, float(shown.max()) + margin
    low, high = (np.clip(sign * end, *ends) for end in (curve.low, curve.high))
    ax.fill_between(n, low, high, color=BLUE, alpha=0.18, linewidth=0, label="95% band of the median")
    ax.set_ylim(*ends)
    ax.set_xlim(left=1)
    ax.set_xlabel("Trials")
    ax.set_ylabel(axis_label(f"Validation {metric}", unit))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return style_axes(ax)


def tuning_curve_figure(
    curve: TuningCurve, found: "pd.Series[float]", *, metric: str, unit: str, higher_is_better: bool
) -> Figure:
    """Draw the best of n random trials as a figure; see `draw_tuning_curve`."""
    figure = Figure(figsize=(6.8, 4.2), layout="constrained")
    ax = figure.subplots()
    draw_tuning_curve(ax, curve, found, metric=metric, unit=unit, higher_is_better=higher_is_better)
    return legend_below(figure, [ax])
