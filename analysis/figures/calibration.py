"""Gaussian predictions: how they are read off a network's outputs, and how often their intervals hold the target."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from analysis.figures.curves import level_legend
from analysis.figures.series import level_words, styles
from analysis.figures.style import plain
from analysis.statistics.coverage import NOMINAL, coverage_band
from analysis.statistics.intervals import CONFIDENCE
from analysis.tables.tables import TableView
from analysis.text import format_number


def draw_coverage(ax: Axes, view: TableView, frame: pd.DataFrame) -> Axes:
    """Draw the observed coverage of each level against the nominal one, in percent: the mean of its replicates.

    Args:
        ax: to draw on.
        view: the table.
        frame: of `coverage_frame`; levels that are not in it are left out.
    """
    ends = np.array([0.0, 100.0])
    if not frame.empty:
        low, high = coverage_band(int(frame["n"].min()))
        ax.fill_between(100 * NOMINAL, 100 * low, 100 * high, color="#BBBBBB", alpha=0.35, linewidth=0, zorder=1)
    ax.plot(ends, ends, color="#777777", linewidth=1.0, linestyle=(0, (2, 2)), label="_diagonal", zorder=1)
    looks = styles(view)
    for line in view.lines:
        own = frame[frame["position"] == line.position]
        if own.empty:
            continue
        colour, dashes = looks[line.position]
        wide = 100 * own.pivot(index="nominal", columns="seed", values="observed").astype(float)
        across = 100 * wide.index.to_numpy(dtype=float)
        ax.plot(
            across,
            wide.mean(axis=1),
            color=colour,
            linestyle=dashes,
            linewidth=2.4 if line.is_default else 1.5,
            zorder=4 if line.is_default else 3,
            label=plain(level_words(line)),
        )
        if wide.shape[1] > 1:
            ax.fill_between(across, wide.min(axis=1), wide.max(axis=1), color=colour, alpha=0.12, linewidth=0, zorder=2)
    ax.set(xlim=ends, ylim=ends)
    ax.set_xlabel("Nominal Coverage of Predicted Intervals (%)")
    ax.set_ylabel("Targets Inside, Validation Part (%)")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(symbol="", decimals=0))
        axis.set_ticks(np.arange(0, 101, 20))
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    corners = (
        (0.03, 0.97, "left", "top", "intervals too wide"),
        (0.97, 0.03, "right", "bottom", "intervals too narrow"),
    )
    for x, y, ha, va, words in corners:
        ax.text(x, y, words, transform=ax.transAxes, ha=ha, va=va, fontsize="small", color="#555555")
    return ax


def calibration_figure(view: TableView, frame: pd.DataFrame) -> Figure:
    """Return the figure of a table's coverage; see `draw_coverage`."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    ax = draw_coverage(figure.subplots(), view, frame)
    return level_legend(figure, ax, view)


def calibration_caption(view: TableView, frame: pd.DataFrame, spreads: pd.DataFrame) -> str:
    """Return what a reader must know to read the coverage, with predicted deviations against errors, level by level.

    Args:
        view: the table.
        frame: of `coverage_frame`.
        spreads: of `spread_frame`.
    """
    rows = format_number(float(frame["n"].min()), 0) if len(frame) else "no"
    band = " Lines are means of replicates, coloured bands reach from the lowest to the highest of them."
    sentence = (
        f"{view.title}: how many validation targets lie inside the central intervals that the predicted Gaussians "
        f"give. On the diagonal, intervals hold what they should; the grey band is where calibrated predictions of "
        f"{rows} targets are in {CONFIDENCE:.0%} of cases.{band if frame['seed'].nunique() > 1 else ''}"
    )
    means = spreads.groupby("position")[["rms_std", "rmse"]].mean()
    unit = f" {view.unit}" if view.unit else ""
    shown = [
        f"{level_words(line)}: {_amount(means.loc[line.position, 'rms_std'])} against "
        f"{_amount(means.loc[line.position, 'rmse'])}{unit}"
        for line in view.lines
        if line.position in means.index
    ]
    if not shown:
        return sentence
    return (
        f"{sentence} Predicted standard deviation (root mean square) against RMSE, equal where predictions are "
        f"calibrated: {'; '.join(shown)}."
    )


def _amount(value: Any) -> str:
    number = float(value)
    if not np.isfinite(number) or abs(number) >= 1e9:
        return "more than 1e9"
    digits = 3 - int(np.floor(np.log10(abs(number)))) if number else 0
    return format_number(number, min(max(digits, 0), 6))
