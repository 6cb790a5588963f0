"""Figures of the effects in a joint search: which parameters matter, and the path from the default to the winner."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.figures.style import (
    BLUE,
    DARK_GREY,
    LIGHT_GREY,
    ORANGE,
    PAGE_WIDTH,
    REFERENCE_LINE,
    TICK_WIDTH,
    axis_label,
    legend_of,
    plain,
    style_axes,
    write_reason,
)
from analysis.statistics.intervals import Estimate
from analysis.text import cut_range, percent_limits
from tune_jobs.standing.search.importance import LEAST_SHARE


@dataclass(frozen=True)
class Bar:
    """The importance of a parameter or a pair: its share with interval, and the upper end of its null band, 0 to 1."""

    label: str
    share: float
    low: float
    high: float
    null_high: float
    is_pair: bool

    @property
    def shown(self) -> bool:
        """Whether the share is above the null band, and large enough to matter."""
        return self.share > self.null_high and self.share >= LEAST_SHARE


@dataclass(frozen=True)
class PathPoint:
    """A configuration on the way from the default to the winner: what its step changed, and the metric there.

    `estimate` is None where a replicate ended badly; then `ended` says how.
    """

    label: str
    estimate: Estimate | None
    ended: str = ""


def draw_importance(ax: Axes, bars: Sequence[Bar]) -> Axes:
    """Draw shares of the forest's variance as bars, in the order given, the first on top.

    Lines are 95% intervals over resamples of the trials; grey behind a bar is the null band, which a parameter without
    effect may reach. Bars within their band are hollow, pairs hatched.
    """
    for place, bar in enumerate(bars):
        colour = ORANGE if bar.is_pair else BLUE
        shown = bar.shown
        ax.barh(place, 100 * bar.null_high, height=0.86, color=LIGHT_GREY, zorder=0, label="_null")
        ax.barh(
            place,
            100 * bar.share,
            height=0.52,
            facecolor=colour if shown else "white",
            edgecolor="white" if shown and bar.is_pair else colour,
            hatch="////" if bar.is_pair and shown else None,
            linewidth=1.0,
            zorder=2,
            label="_share",
        )
        ax.hlines(place, 100 * bar.low, 100 * bar.high, color="black", linewidth=1.3, zorder=3)
        ax.plot([100 * bar.low, 100 * bar.high], [place, place], "|", color="black", markersize=6, zorder=3)
    ax.set_yticks(range(len(bars)), [plain(fill(bar.label, TICK_WIDTH)) for bar in bars], fontsize="small")
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.set_xlim(0, min(100.0, 1.06 * max((100 * max(bar.high, bar.null_high) for bar in bars), default=0.0)) or 100.0)
    ax.set_xlabel("Share of the forest's variance (%)")
    ax.tick_params(axis="y", length=0)
    return style_axes(ax, grid="x")


def draw_ablation_path(
    ax: Axes, path: Sequence[PathPoint], without: Sequence[PathPoint], *, metric: str, unit: str
) -> Axes:
    """Draw the metric from the default to the winner, step by step, and beside it the winner with one change reverted.

    Args:
        ax: to draw on.
        path: the default first, the winner last; labels say what each step changed.
        without: the winner with one change reverted each; labels say which.
        metric: what the value is called.
        unit: of it.
    """
    means = [point.estimate.mean if point.estimate else np.nan for point in path]
    ax.plot(range(len(path)), means, color=BLUE, linewidth=1.2, zorder=1, label="_path")
    for place, point in enumerate(path):
        _draw_point(ax, place, point, colour=BLUE, marker="o", unit=unit)
    first = len(path) + 0.5
    for number, point in enumerate(without):
        _draw_point(ax, first + number, point, colour=ORANGE, marker="s", unit=unit)
    places = [*map(float, range(len(path))), *(first + number for number in range(len(without)))]
    ax.set_xticks(places, [plain(fill(point.label, 14)) for point in (*path, *without)], fontsize="small")
    if len(places) > 6:
        ax.tick_params(axis="x", labelrotation=40)
        for label in ax.get_xticklabels():
            label.set_horizontalalignment("right")
            label.set_rotation_mode("anchor")
    if path[-1].estimate is not None:
        ax.axhline(path[-1].estimate.mean, **REFERENCE_LINE)
    if without:
        ax.axvline(first - 0.75, color=DARK_GREY, linewidth=0.8)
        for start, words in ((0.0, "one change after another"), (first, "winner, one change reverted")):
            at = (start - 0.4, 1.02)
            ax.annotate(words, at, xycoords=("data", "axes fraction"), fontsize="small", annotation_clip=False)
    ax.set_xlim(-0.5, max(places) + 0.5)
    ax.set_ylabel(axis_label(f"Validation {metric}", unit))
    return style_axes(ax, grid="y")


def importance_figure(bars: Sequence[Bar]) -> Figure:
    """Draw the importance of parameters and pairs as a figure; see `draw_importance`."""
    lines = sum(fill(bar.label, TICK_WIDTH).count("\n") + 1 for bar in bars)
    figure = Figure(figsize=(6.4, 1.7 + 0.28 * lines), layout="constrained")
    draw_importance(figure.subplots(), bars)
    handles = [
        Patch(color=BLUE, label="parameter alone"),
        Patch(facecolor=ORANGE, edgecolor="white", hatch="////", label="two together, beyond each alone"),
        Patch(color=LIGHT_GREY, label="null band: what noise reaches"),
        Patch(facecolor="white", edgecolor=BLUE, label="not above its null band"),
        Line2D([], [], color="black", linewidth=1.3, marker="|", label="95% interval"),
    ]
    return legend_of(figure, handles, columns=2)


def ablation_path_figure(path: Sequence[PathPoint], without: Sequence[PathPoint], *, metric: str, unit: str) -> Figure:
    """Draw the path from the default to the winner as a figure; see `draw_ablation_path`."""
    figure = Figure(figsize=(min(1.6 + 0.75 * (len(path) + len(without)), PAGE_WIDTH), 4.2), layout="constrained")
    draw_ablation_path(figure.subplots(), path, without, metric=metric, unit=unit)
    return figure


def _draw_point(ax: Axes, place: float, point: PathPoint, *, colour: str, marker: str, unit: str) -> None:
    if point.estimate is None:
        write_reason(ax, place, point.ended, width=12)
        return
    mean, half = point.estimate.mean, point.estimate.half_width
    low, high = cut_range(mean - (half or 0), mean + (half or 0), percent_limits(unit))
    ax.errorbar(
        place,
        mean,
        yerr=None if half is None else [[mean - low], [high - mean]],
        fmt=marker,
        color=colour,
        ecolor="black",
        capsize=4,
        linewidth=1.2,
        markersize=6.5,
        zorder=2,
    )
