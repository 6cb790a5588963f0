"""An axes with a line for each level over the epochs, and limits that show how the good levels differ.

`draw_curves` draws, `focus` and `set_limits` choose the limits, and `name_off_axis` names the levels outside them.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from analysis.figures.series import Series
from analysis.figures.style import TEXT_BOX, plain, style_axes, white_outline
from analysis.tables.tables import TableView
from analysis.text import format_number

Limits = tuple[float, float]
BAND_WORDS = "band: lowest to highest replicate"
# Every level climbs in the first epochs: this share of them does not set the limits of the axis.
_WARM_UP = 0.25
# Levels further away from the good ones than this many times the range of those are left off the axis.
_FAR = 3.0
_MARGIN = 0.08
# Single values outside these quantiles are spikes, if they stretch the axis this many times.
_RARE = 0.01
_SPIKE = 8.0
# With more levels than this, bands are drawn faintly.
_FEW_LEVELS = 6
# A longer unit gets a separate line in the label of its axis.
_LONG_UNIT = 20


def draw_curves(ax: Axes, series: Sequence[Series], *, value: str, heading: str, log: bool = False) -> Axes:
    """Draw a column of the curves frame over the epochs.

    A line is the mean over replicates, with a band from the lowest to the highest; where a replicate ended badly, each
    replicate has a line.
    """
    for entry in series:
        if entry.curves.empty:
            ax.plot([], [], linestyle="none", label=entry.label)
        elif entry.ended:
            _draw_replicates(ax, entry, value)
        else:
            _draw_mean(ax, entry, value, shade=0.15 if len(series) <= _FEW_LEVELS else 0.06)
    if log and all((entry.curves[value] > 0).all() for entry in series if not entry.curves.empty):
        ax.set_yscale("log")
    ax.set_xlabel("Epoch")
    ax.set_ylabel(heading)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return style_axes(ax)


def focus(ax: Axes, series: Sequence[Series], *, value: str, higher_is_better: bool) -> Axes:
    """Set limits that show how the good levels differ, and name the levels outside them at the edge."""
    limits = good_limits(series, value, higher_is_better=higher_is_better)
    if limits is None:
        return ax
    ax.set_ylim(*limits)
    return name_off_axis(ax, series, value=value, higher_is_better=higher_is_better)


def good_limits(series: Sequence[Series], value: str, *, higher_is_better: bool) -> Limits | None:
    """Choose limits that show how the good levels differ; None where no level has a curve."""
    sign = 1.0 if higher_is_better else -1.0
    whole = [entry for entry in series if not entry.curves.empty and not entry.ended]
    ranked = sorted(whole, key=lambda entry: sign * _last(entry, value), reverse=True)
    kept = _good(ranked, value) or [entry for entry in series if not entry.curves.empty]
    if not kept:
        return None
    low, high = without_spikes(np.concatenate([_settled(entry, value) for entry in kept]))
    margin = _MARGIN * (high - low) or max(abs(low), 1.0) * 0.01
    return low - margin, high + margin


def without_spikes(values: NDArray[np.float64]) -> Limits:
    """The range of values [n], without the few that would squeeze all others into a line."""
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(bound) for bound in np.quantile(values, [_RARE, 1 - _RARE]))
    if high - low > _SPIKE * (inner_high - inner_low) > 0:
        return inner_low, inner_high
    return low, high


def name_off_axis(ax: Axes, series: Sequence[Series], *, value: str, higher_is_better: bool) -> Axes:
    """Name the levels that lie entirely outside the axis, at the edge where bad values lie."""
    low, high = ax.get_ylim()
    away = [entry for entry in series if not entry.curves.empty and _is_outside(entry, value, low, high)]
    if away:
        place, side = (0.02, "bottom") if higher_is_better else (0.98, "top")
        ax.text(
            0.98,
            place,
            "\n".join(plain(_edge_words(entry, value, higher_is_better)) for entry in away),
            transform=ax.transAxes,
            ha="right",
            va=side,
            fontsize="small",
            bbox=TEXT_BOX,
            zorder=4,
        )
    return ax


def loss_label(part: str, loss: str) -> str:
    """Name the axis of a loss: "Train Loss (MSE)", in two lines where the loss has a long name."""
    gap = " " if len(loss) <= _LONG_UNIT else "\n"
    return plain(f"{part} Loss{gap}({loss})")


def replicate_words(view: TableView) -> str:
    """Say in a caption how replicates are drawn; "" where levels have one."""
    if not view.replicated:
        return ""
    return (
        f" Lines are means ({BAND_WORDS}); where a replicate ended badly, each replicate has a line that ends in a "
        "cross."
    )


def _draw_mean(ax: Axes, entry: Series, value: str, *, shade: float) -> None:
    wide = entry.wide(value)
    whole = wide.dropna()
    style: dict[str, Any] = {"color": entry.colour, "linestyle": entry.dashes, "zorder": 3 if entry.is_default else 2}
    ax.plot(whole.index, whole.mean(axis=1), label=entry.label, linewidth=entry.width, **style)
    if wide.shape[1] > 1:
        ax.fill_between(whole.index, whole.min(axis=1), whole.max(axis=1), color=entry.colour, alpha=shade, linewidth=0)
    after = wide.loc[whole.index[-1] :]
    for seed in after.columns[after.notna().sum() > 1]:
        tail = after[seed].dropna()
        ax.plot(tail.index, tail, linewidth=0.7, **style)
    _draw_marks(ax, entry, wide)


def _draw_replicates(ax: Axes, entry: Series, value: str) -> None:
    wide = entry.wide(value)
    for number, seed in enumerate(wide.columns):
        curve = wide[seed].dropna()
        label = entry.label if number == 0 else "_replicate"
        ax.plot(curve.index, curve, color=entry.colour, linestyle=entry.dashes, linewidth=0.9, label=label)
        ax.plot(curve.index[-1:], curve[-1:], color=entry.colour, marker="x", linestyle="none", label="_end")


def _draw_marks(ax: Axes, entry: Series, wide: pd.DataFrame) -> None:
    for text, places in entry.marks:
        known = [(epoch, wide[seed][epoch]) for seed, epoch in places if seed in wide and epoch in wide.index]
        if not known:
            continue
        # Replicates that are read at different epochs share no point of the mean line.
        centre = np.mean if len({epoch for epoch, _ in known}) == 1 else np.median
        epoch, height = centre(known, axis=0)
        ax.plot([epoch], [height], marker="o", markersize=5, color=entry.colour, linestyle="none", label="_mark")
        ax.annotate(
            plain(text),
            (epoch, height),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize="small",
            path_effects=white_outline(),
            zorder=5,
        )


def _last(entry: Series, value: str) -> float:
    wide = entry.wide(value)
    return float(wide.ffill().iloc[-1].mean())


def _settled(entry: Series, value: str) -> NDArray[np.float64]:
    """The values of all replicates after the warm-up, and those at the marks."""
    if entry.curves.empty:
        return np.empty(0)
    marked = {epoch for _, places in entry.marks for _, epoch in places}
    first = 1 + ceil(_WARM_UP * (int(entry.curves["epoch"].max()) - 1))
    values: NDArray[np.float64] = entry.curves.loc[
        (entry.curves["epoch"] >= first) | entry.curves["epoch"].isin(marked), value
    ].to_numpy(dtype=float)
    return values


def _good(ranked: Sequence[Series], value: str) -> list[Series]:
    """The best levels: all of them, or the first two or more where the rest is far away."""
    for count in range(len(ranked) - 1, 1, -1):
        gap = abs(_last(ranked[count - 1], value) - _last(ranked[count], value))
        values = np.concatenate([_settled(entry, value) for entry in ranked[:count]])
        if gap > _FAR * float(np.ptp(values)):
            return list(ranked[:count])
    return list(ranked)


def _is_outside(entry: Series, value: str, low: float, high: float) -> bool:
    values = _settled(entry, value)
    return bool(((values < low) | (values > high)).all())


def _edge_words(entry: Series, value: str, higher_is_better: bool) -> str:
    last = _last(entry, value)
    arrow = "↓" if higher_is_better else "↑"
    return f"{arrow} {entry.levels}: {entry.ended or 'ends at ' + format_number(last, 1 if abs(last) < 1000 else 0)}"
