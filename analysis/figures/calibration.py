"""The figure `calibration`: how often the predicted intervals of a table's levels contain the target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from analysis.figures.series import DEFAULT_WIDTH, LEVEL_WIDTH, level_words, styles
from analysis.figures.style import DARK_GREY, LIGHT_GREY, PAGE_WIDTH, legend_under, plain, style_axes
from analysis.frames.evidence import Evidence
from analysis.frames.gaussian_predictions import GaussianPredictions, coverage_frame, gaussian_replicates, spread_frame
from analysis.statistics.coverage import NOMINAL, coverage_band
from analysis.statistics.intervals import CONFIDENCE
from analysis.tables.tables import TableView
from analysis.text import format_number

_LOG_TARGET = (
    " Under a log target the network predicts a Gaussian of the logarithm: intervals are exponentiated, and mean and "
    "standard deviation are those of the log-normal distribution."
)


def draw(view: TableView, evidence: Evidence) -> tuple[Figure, str] | None:
    """Draw the coverage of a table's levels: the figure and its caption; None where no predictions are kept."""
    predictions = list(gaussian_replicates([evidence.standing.rows[line.position] for line in view.lines], evidence))
    if not predictions:
        return None
    frame = coverage_frame(predictions)
    caption = calibration_caption(view, frame, spread_frame(predictions))
    return calibration_figure(view, frame), caption + log_target_words(predictions)


def draw_coverage(ax: Axes, view: TableView, frame: pd.DataFrame) -> Axes:
    """Draw the observed coverage of each level against the nominal one, in percent: the mean of its replicates.

    Args:
        ax: to draw on.
        view: the table.
        frame: of `coverage_frame`; a level that it does not have is left out.
    """
    ends = np.array([0.0, 100.0])
    if not frame.empty:
        low, high = coverage_band(int(frame["n"].min()))
        ax.fill_between(100 * NOMINAL, 100 * low, 100 * high, color=LIGHT_GREY, alpha=0.7, linewidth=0, zorder=1)
    ax.plot(ends, ends, color=DARK_GREY, linewidth=1.0, linestyle=(0, (2, 2)), label="_diagonal", zorder=1)
    looks = styles(view)
    for line in view.lines:
        of_level = frame[frame["position"] == line.position]
        if of_level.empty:
            continue
        colour, dashes = looks[line.position]
        wide = 100 * of_level.pivot(index="nominal", columns="seed", values="observed").astype(float)
        across = 100 * wide.index.to_numpy(dtype=float)
        ax.plot(
            across,
            wide.mean(axis=1),
            color=colour,
            linestyle=dashes,
            linewidth=DEFAULT_WIDTH if line.is_default else LEVEL_WIDTH,
            zorder=4 if line.is_default else 3,
            label=plain(level_words(line)),
        )
        if wide.shape[1] > 1:
            ax.fill_between(across, wide.min(axis=1), wide.max(axis=1), color=colour, alpha=0.12, linewidth=0, zorder=2)
    return _name_coverage_axes(ax, ends)


def calibration_figure(view: TableView, frame: pd.DataFrame) -> Figure:
    """Draw a table's coverage as a figure; see `draw_coverage`."""
    figure = Figure(figsize=(PAGE_WIDTH, 4.2), layout="constrained")
    ax = draw_coverage(figure.subplots(), view, frame)
    return legend_under(figure, ax, view.heading_words)


def calibration_caption(view: TableView, frame: pd.DataFrame, spreads: pd.DataFrame) -> str:
    """Say what a reader must know to read the coverage, with each level's predicted deviation against its error.

    Args:
        view: the table.
        frame: of `coverage_frame`.
        spreads: of `spread_frame`.
    """
    rows = format_number(float(frame["n"].min()), 0) if len(frame) else "no"
    band = " Lines are means of replicates; coloured bands reach from the lowest replicate to the highest."
    sentence = (
        f"{view.title}: how many validation targets lie inside the central intervals of the predicted Gaussians. On "
        "the diagonal, an interval contains as many targets as it should; calibrated predictions of "
        f"{rows} targets lie in the grey band in {CONFIDENCE:.0%} of cases."
    )
    sentence += band if frame["seed"].nunique() > 1 else ""
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
        f"{sentence} Predicted standard deviation (root mean square) against RMSE, which are equal where predictions "
        f"are calibrated: {'; '.join(shown)}."
    )


def log_target_words(predictions: Sequence[GaussianPredictions]) -> str:
    """Say in a caption what a Gaussian under a log target means; "" where no level has one."""
    return _LOG_TARGET if any(one.logs is not None for one in predictions) else ""


def _name_coverage_axes(ax: Axes, ends: Any) -> Axes:
    ax.set(xlim=ends, ylim=ends)
    ax.set_xlabel("Nominal Coverage of Predicted Intervals (%)")
    ax.set_ylabel("Targets Inside, Validation Part (%)")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(symbol="", decimals=0))
        axis.set_ticks(np.arange(0, 101, 20))
    corners = (
        (0.03, 0.97, "left", "top", "intervals too wide"),
        (0.97, 0.03, "right", "bottom", "intervals too narrow"),
    )
    for x, y, ha, va, words in corners:
        ax.text(x, y, words, transform=ax.transAxes, ha=ha, va=va, fontsize="small", color=DARK_GREY)
    return style_axes(ax)


def _amount(value: Any) -> str:
    number = float(value)
    if not np.isfinite(number) or abs(number) >= 1e9:
        return "more than 1e9"
    digits = 3 - int(np.floor(np.log10(abs(number)))) if number else 0
    return format_number(number, min(max(digits, 0), 6))
