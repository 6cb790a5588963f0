"""Figures of a table: what its levels do over the epochs. A further panel is one line in `PANELS`.

Functions take data and an axes and return it, or return a figure; nothing is saved, and no global state
of matplotlib is touched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from analysis.figures.series import Series
from analysis.figures.style import plain
from analysis.tables.tables import TableView
from analysis.text import format_number

BAND = "band: lowest to highest replicate"
LOSSES = {"train_loss": "Train", "validation_loss": "Validation"}
# The first epochs, from which every level climbs, do not set the limits of the axis.
_WARM_UP = 0.25
# How many times its own range a group of levels must be away from another to be left off the axis.
_APART = 3.0
_MARGIN = 0.08
# Values as rare as this on either side are spikes if they stretch the axis so many times.
_RARE = 0.01
_SPIKE = 8.0
_LINE_INCHES = 0.19
# Bands of more levels than these are drawn faintly.
_FEW = 6
_LEGEND_WIDTH = 30
# A longer unit stands in a line of its own beside its axis.
_LONG_UNIT = 20


def draw_curves(ax: Axes, series: Sequence[Series], *, value: str, heading: str, log: bool = False) -> Axes:
    """Draw a value of the curves frame over the epochs: the mean with a band, or each replicate that ended badly."""
    for entry in series:
        if entry.curves.empty:
            ax.plot([], [], linestyle="none", label=entry.label)
        elif entry.ended:
            _draw_replicates(ax, entry, value)
        else:
            _draw_mean(ax, entry, value, shade=0.15 if len(series) <= _FEW else 0.06)
    if log and all((entry.curves[value] > 0).all() for entry in series if not entry.curves.empty):
        ax.set_yscale("log")
    ax.set_xlabel("Epoch")
    ax.set_ylabel(heading)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def focus(ax: Axes, series: Sequence[Series], *, value: str, higher_is_better: bool) -> Axes:
    """Set limits that show how the good levels differ, and name at the edge the levels that are far from them."""
    shown = _shown(series, value, higher_is_better=higher_is_better)
    if shown is None:
        return ax
    ax.set_ylim(*shown)
    return _name_away(ax, series, value=value, higher_is_better=higher_is_better)


def draw_metric(ax: Axes, view: TableView, series: Sequence[Series]) -> Axes:
    """Draw the validation metric over the epochs."""
    unit = f" ({view.unit})" if view.unit else ""
    draw_curves(ax, series, value="validation_metric", heading=plain(f"Validation {view.metric}{unit}"))
    return focus(ax, series, value="validation_metric", higher_is_better=view.higher_is_better)


def draw_loss(ax: Axes, view: TableView, series: Sequence[Series]) -> Axes:
    """Draw the training loss over the epochs: the running mean of each, on a logarithmic axis where it can be."""
    draw_curves(ax, series, value="train_loss", heading=_loss_heading("Train", view.losses_of), log=True)
    return ax if ax.get_yscale() == "log" else focus(ax, series, value="train_loss", higher_is_better=False)


@dataclass(frozen=True)
class Panel:
    """One axes of a table's figure, and the tables that have it."""

    draw: Callable[[Axes, TableView, Sequence[Series]], Axes]
    fits: Callable[[TableView], bool]


PANELS = (
    Panel(draw_metric, lambda view: True),
    Panel(draw_loss, lambda view: bool(view.losses_of)),
)


def table_figure(view: TableView, series: Sequence[Series]) -> Figure:
    """Return the figure of a table: its panels side by side, one legend for all."""
    panels = [panel for panel in PANELS if panel.fits(view)]
    figure = Figure(figsize=(2.2 + 3.9 * len(panels), 3.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, ax in zip(panels, axes, strict=True):
        panel.draw(ax, view, series)
    return level_legend(figure, axes[0], view)


def losses_figure(view: TableView, series: Sequence[Series]) -> Figure:
    """Return the train and the validation loss over the epochs, side by side with the same limits.

    The axes are logarithmic unless a loss of a level is not above zero.
    """
    figure = Figure(figsize=(10.0, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    log = _log_losses(series)
    of = view.losses_of or "each level's own"
    for ax, (value, part) in zip(axes, LOSSES.items(), strict=True):
        draw_curves(ax, series, value=value, heading=_loss_heading(part, of), log=log)
        ax.tick_params(labelleft=True)
    shown = _log_limits(series) if log else [_shown(series, value, higher_is_better=False) for value in LOSSES]
    known = [limits for limits in shown if limits is not None]
    if known:
        axes[0].set_ylim(min(low for low, _ in known), max(high for _, high in known))
        for ax, value in zip(axes, LOSSES, strict=True):
            _name_away(ax, series, value=value, higher_is_better=False)
    return level_legend(figure, axes[0], view)


def level_legend(figure: Figure, ax: Axes, view: TableView) -> Figure:
    """Add the legend of an axes' levels at the right of its figure, beside all axes."""
    handles, labels = ax.get_legend_handles_labels()
    wrapped = [_wrapped(label) for label in labels]
    lines = 2 + sum(1 + label.count("\n") for label in wrapped)
    figure.set_figheight(max(figure.get_figheight(), lines * _LINE_INCHES))
    figure.legend(
        handles,
        wrapped,
        loc="outside right upper",
        title=plain(" × ".join(view.headings)),
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        alignment="left",
        handlelength=2.6,
    )
    return figure


def figure_caption(view: TableView) -> str:
    """Return what a reader must know to read the table's figure."""
    loss = ", and the train loss (its running mean)" if view.losses_of else ""
    return (
        f"{view.title}: validation {view.metric_words} after each epoch{loss}.{_replicate_words(view)} "
        "First epochs, single peaks, and levels named at the edge with an arrow, may lie outside the axis."
    )


def losses_caption(view: TableView, series: Sequence[Series]) -> str:
    """Return what a reader must know to read the figure of losses."""
    own = "" if view.losses_of else " Levels have losses of their own, which cannot be compared with each other."
    cut = " First epochs, single peaks, and levels named at the edge, may lie outside the axis."
    cut = "" if _log_losses(series) else cut
    return (
        f"{view.title}: train loss (the running mean of each epoch) and validation loss (after it), on the same "
        f"axis.{_replicate_words(view)}{own}{cut}"
    )


def _loss_heading(part: str, of: str) -> str:
    gap = " " if len(of) <= _LONG_UNIT else "\n"
    return plain(f"{part} Loss{gap}({of})")


def _wrapped(label: str) -> str:
    """Return a label in lines that leave room for the axes."""
    lines = (fill(line, _LEGEND_WIDTH, break_long_words=False) for line in label.split("\n"))
    return "\n".join(lines)


def _replicate_words(view: TableView) -> str:
    if not view.replicated:
        return ""
    return f" Lines are means, {BAND}; single replicates, ending in a cross, where one of them ended badly."


def _log_losses(series: Sequence[Series]) -> bool:
    return all((entry.curves[value] > 0).all() for entry in series for value in LOSSES if not entry.curves.empty)


def _log_limits(series: Sequence[Series]) -> list[tuple[float, float] | None]:
    """Return limits that a level which ended badly does not stretch; none where no level did."""
    whole = [entry.curves[list(LOSSES)] for entry in series if not entry.curves.empty and not entry.ended]
    if not whole or len(whole) == len(series):
        return []
    values = np.concatenate([losses.to_numpy(dtype=float) for losses in whole])
    return [(float(values.min()) / 1.2, float(values.max()) * 1.2)]


def _shown(series: Sequence[Series], value: str, *, higher_is_better: bool) -> tuple[float, float] | None:
    """Return limits that show how the good levels differ; None where no level has a curve."""
    sign = 1.0 if higher_is_better else -1.0
    whole = [entry for entry in series if not entry.curves.empty and not entry.ended]
    ranked = sorted(whole, key=lambda entry: sign * _last(entry, value), reverse=True)
    kept = _kept(ranked, value) or [entry for entry in series if not entry.curves.empty]
    if not kept:
        return None
    values = np.concatenate([_settled(entry, value) for entry in kept])
    low, high = _without_spikes(values)
    margin = _MARGIN * (high - low) or max(abs(low), 1.0) * 0.01
    return low - margin, high + margin


def _without_spikes(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the range of values, less single ones that would squeeze all others into a line."""
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(bound) for bound in np.quantile(values, [_RARE, 1 - _RARE]))
    if high - low > _SPIKE * (inner_high - inner_low) > 0:
        return inner_low, inner_high
    return low, high


def _name_away(ax: Axes, series: Sequence[Series], *, value: str, higher_is_better: bool) -> Axes:
    """Name at the edge the levels that lie wholly outside the axis."""
    low, high = ax.get_ylim()
    away = [entry for entry in series if not entry.curves.empty and _outside(entry, value, low, high)]
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
            bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5},
            zorder=4,
        )
    return ax


def _draw_mean(ax: Axes, entry: Series, value: str, *, shade: float) -> None:
    wide = entry.wide(value)
    whole = wide.dropna()
    style: dict[str, Any] = {"color": entry.colour, "linestyle": entry.dashes, "zorder": 3 if entry.is_default else 2}
    ax.plot(whole.index, whole.mean(axis=1), label=entry.label, linewidth=entry.width, **style)
    if wide.shape[1] > 1:
        ax.fill_between(whole.index, whole.min(axis=1), whole.max(axis=1), color=entry.colour, alpha=shade, linewidth=0)
    for seed in wide.columns:
        tail = wide.loc[whole.index[-1] :, seed].dropna()
        if len(tail) > 1:
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
        # Replicates that are read at epochs of their own have no common point of the mean line.
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
            path_effects=[withStroke(linewidth=3, foreground="white")],
            zorder=5,
        )


def _last(entry: Series, value: str) -> float:
    wide = entry.wide(value)
    return float(wide.ffill().iloc[-1].mean())


def _settled(entry: Series, value: str) -> NDArray[np.float64]:
    """Return the values of all replicates after the warm-up, with those where the line is marked."""
    if entry.curves.empty:
        return np.empty(0)
    marked = {epoch for _, places in entry.marks for _, epoch in places}
    first = 1 + ceil(_WARM_UP * (int(entry.curves["epoch"].max()) - 1))
    values: NDArray[np.float64] = entry.curves.loc[
        (entry.curves["epoch"] >= first) | entry.curves["epoch"].isin(marked), value
    ].to_numpy(dtype=float)
    return values


def _kept(ranked: Sequence[Series], value: str) -> list[Series]:
    """Return the best levels: all, or those (two at least) that the rest is far from."""
    for count in range(len(ranked) - 1, 1, -1):
        gap = abs(_last(ranked[count - 1], value) - _last(ranked[count], value))
        values = np.concatenate([_settled(entry, value) for entry in ranked[:count]])
        if gap > _APART * float(np.ptp(values)):
            return list(ranked[:count])
    return list(ranked)


def _outside(entry: Series, value: str, low: float, high: float) -> bool:
    values = _settled(entry, value)
    return bool(((values < low) | (values > high)).all())


def _edge_words(entry: Series, value: str, higher_is_better: bool) -> str:
    last = _last(entry, value)
    arrow = "↓" if higher_is_better else "↑"
    return f"{arrow} {entry.levels}: {entry.ended or 'ends at ' + format_number(last, 1 if abs(last) < 1000 else 0)}"
