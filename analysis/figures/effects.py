"""Figures of what the changes of a joint search do: what matters, and the path from the default to the winner.

Functions take data and an axes and return it, or return a figure; nothing is saved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.figures.search import heading, plain_axes
from analysis.figures.style import PALETTE, plain
from analysis.statistics.intervals import Estimate
from analysis.text import cut_range, percent_limits
from tune_jobs.standing.search.importance import LEAST_SHARE

_BLUE, _ORANGE = PALETTE[:2]
_BAND = "#DDDDDD"
_LABEL_WIDTH = 24


@dataclass(frozen=True)
class Bar:
    """A share with its interval and the upper end of its null band, 0 to 1."""

    label: str
    share: float
    low: float
    high: float
    null_high: float
    is_pair: bool

    @property
    def shown(self) -> bool:
        """Whether it is above the null band, and large enough to matter."""
        return self.share > self.null_high and self.share >= LEAST_SHARE


@dataclass(frozen=True)
class PathPoint:
    """A configuration on the way from the default to the winner: what its step changed, and the metric.

    `estimate` is None where a replicate ended badly, with `ended` in words.
    """

    label: str
    estimate: Estimate | None
    ended: str = ""


def draw_importance(ax: Axes, bars: Sequence[Bar]) -> Axes:
    """Draw shares of the forest's variance as bars, in the order given, the first on top.

    Lines are 95% intervals over resamples of the trials; grey behind a bar is the null band, up to where a share of
    nothing may reach. Bars within their band are hollow, pairs hatched.
    """
    for place, bar in enumerate(bars):
        colour = _ORANGE if bar.is_pair else _BLUE
        shown = bar.shown
        ax.barh(place, 100 * bar.null_high, height=0.86, color=_BAND, zorder=0, label="_null")
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
    ax.set_yticks(range(len(bars)), [plain(fill(bar.label, _LABEL_WIDTH)) for bar in bars], fontsize="small")
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.set_xlim(0, min(100.0, 1.06 * max((100 * max(bar.high, bar.null_high) for bar in bars), default=100.0)))
    ax.set_xlabel("Share of the forest's variance (%)")
    ax.tick_params(axis="y", length=0)
    return plain_axes(ax, grid="x")


def draw_ablation_path(
    ax: Axes, path: Sequence[PathPoint], without: Sequence[PathPoint], *, metric: str, unit: str
) -> Axes:
    """Draw the metric from the default to the winner, step by step, and beside it the winner less one change each.

    Args:
        ax: to draw on.
        path: the default first, the winner last; labels say what each step changed.
        without: the winner with one change taken back each; labels say which.
        metric: what the value is called.
        unit: of it.
    """
    means = [point.estimate.mean if point.estimate else np.nan for point in path]
    ax.plot(range(len(path)), means, color=_BLUE, linewidth=1.2, zorder=1, label="_path")
    for place, point in enumerate(path):
        _draw_point(ax, place, point, colour=_BLUE, marker="o", unit=unit)
    first = len(path) + 0.5
    for number, point in enumerate(without):
        _draw_point(ax, first + number, point, colour=_ORANGE, marker="s", unit=unit)
    places = [*map(float, range(len(path))), *(first + number for number in range(len(without)))]
    ax.set_xticks(places, [plain(fill(point.label, 14)) for point in (*path, *without)], fontsize="small")
    if len(places) > 6:
        ax.tick_params(axis="x", labelrotation=40)
        for label in ax.get_xticklabels():
            label.set_horizontalalignment("right")
            label.set_rotation_mode("anchor")
    if path[-1].estimate is not None:
        ax.axhline(path[-1].estimate.mean, color="black", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    if without:
        ax.axvline(first - 0.75, color="#666666", linewidth=0.8)
        for start, words in ((0.0, "one change after another"), (first, "winner, one change taken back")):
            at = (start - 0.4, 1.02)
            ax.annotate(words, at, xycoords=("data", "axes fraction"), fontsize="small", annotation_clip=False)
    ax.set_xlim(-0.5, max(places) + 0.5)
    ax.set_ylabel(heading(f"Validation {metric}", unit))
    return plain_axes(ax, grid="y")


def importance_figure(bars: Sequence[Bar]) -> Figure:
    """Return the importance of parameters and pairs; see `draw_importance`."""
    lines = sum(fill(bar.label, _LABEL_WIDTH).count("\n") + 1 for bar in bars)
    figure = Figure(figsize=(6.4, 1.7 + 0.28 * lines), layout="constrained")
    draw_importance(figure.subplots(), bars)
    handles = [
        Patch(color=_BLUE, label="parameter alone"),
        Patch(facecolor=_ORANGE, edgecolor="white", hatch="////", label="two together, beyond each alone"),
        Patch(color=_BAND, label="null band: what noise reaches"),
        Patch(facecolor="white", edgecolor=_BLUE, label="not above its null band"),
        Line2D([], [], color="black", linewidth=1.3, marker="|", label="95% interval"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure


def ablation_path_figure(path: Sequence[PathPoint], without: Sequence[PathPoint], *, metric: str, unit: str) -> Figure:
    """Return the path from the default to the winner; see `draw_ablation_path`."""
    figure = Figure(figsize=(1.6 + 0.75 * (len(path) + len(without)), 4.2), layout="constrained")
    draw_ablation_path(figure.subplots(), path, without, metric=metric, unit=unit)
    return figure


def _draw_point(ax: Axes, place: float, point: PathPoint, *, colour: str, marker: str, unit: str) -> None:
    if point.estimate is None:
        ax.text(
            place,
            0.5,
            plain(fill(point.ended, 12)),
            transform=ax.get_xaxis_transform(),
            ha="center",
            va="center",
            fontsize="small",
            bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5},
        )
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
