"""Figures of the trials of a joint search: its progress, its curves, where good values lie, and what stopping cost.

Colours differ in lightness, and a marker, a dash or a hatch repeats whatever a colour says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from analysis.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    PAGE_WIDTH,
    REFERENCE_LINE,
    TEXT_BOX,
    axis_label,
    legend_below,
    panel_grid,
    plain,
    style_axes,
)
from analysis.frames.search_frames import AUDITED, DIVERGED_FATE, STOPPED, SURVIVED

_MARKS: dict[str, dict[str, Any]] = {
    SURVIVED: {"marker": "o", "color": BLUE, "s": 22, "linewidths": 0},
    STOPPED: {"marker": "v", "color": GREY, "s": 16, "linewidths": 0},
    AUDITED: {"marker": "D", "facecolors": "white", "edgecolors": ORANGE, "s": 24, "linewidths": 1.2},
    DIVERGED_FATE: {"marker": "x", "color": "black", "s": 20, "linewidths": 1.0},
}
_JITTER = 0.16
# More curves than these lie over each other, and more marks are drawn as an image.
MOST_CURVES, _MANY_MARKS = 500, 1_000
_COLUMNS = 4
# A logarithmic range narrower than this factor has ticks between the powers of ten.
_FEW_DECADES = 50.0
# The share of values that may lie outside the axis; they are marked at its edge.
_OUTSIDE = 0.15


@dataclass(frozen=True)
class Slice:
    """A parameter as a panel of `slices_figure`: a column of the trials; a choice has its categories in order."""

    name: str
    log: bool = False
    categories: tuple[str, ...] = ()


def draw_progress(
    ax: Axes, trials: pd.DataFrame, *, against: str, metric: str, unit: str, higher_is_better: bool
) -> Axes:
    """Draw the best value so far against what the search has spent, and each trial as a mark.

    Args:
        ax: to draw on.
        trials: in the order in which they ended, with columns value (the trial's best validation metric, NaN where it
            diverged), fate (`SURVIVED`, `STOPPED`, `AUDITED` or `DIVERGED_FATE`), and cumulative_epochs and
            cumulative_seconds, spent by the search until the trial ended.
        against: "epochs" or "seconds".
        metric: what the value is called.
        unit: of it.
        higher_is_better: the metric's direction.

    Raises:
        ValueError: `against` is something else.
    """
    if against not in ("epochs", "seconds"):
        raise ValueError(f"against: {against!r} is not known; give epochs or seconds")
    ordered = trials.sort_values(f"cumulative_{against}")
    spent, words = ordered[f"cumulative_{against}"].astype(float), "Epochs trained, all trials together"
    if against == "seconds":
        hours = spent.max() >= 2 * 3600
        spent, words = spent / (3600 if hours else 60), f"Training time of all trials ({'h' if hours else 'min'})"
    value = ordered["value"].astype(float).mask(ordered["fate"] == DIVERGED_FATE)
    best = value.cummax() if higher_is_better else value.cummin()
    _scatter_fates(ax, spent, value, ordered["fate"])
    best = best.ffill()
    ax.step(spent, best, where="post", color="black", linewidth=1.8, label="best so far", zorder=3)
    _limit(ax, value.dropna(), higher_is_better)
    _name_outside(ax, value.dropna(), higher_is_better)
    _mark_diverged(ax, spent[ordered["fate"] == DIVERGED_FATE], higher_is_better)
    ax.set_xlim(left=0)
    ax.set_xlabel(words)
    ax.set_ylabel(axis_label(f"Validation {metric}", unit))
    return style_axes(ax)


def draw_search_curves(
    ax: Axes, curves: pd.DataFrame, *, rungs: Sequence[int], metric: str, unit: str, higher_is_better: bool
) -> Axes:
    """Draw all learning curves: stopped trials grey, survivors coloured, and what an audit trained further dashed.

    Epochs before the first rung do not set the limits. Crosses at the edge mark the last epochs of diverged trials.

    Args:
        ax: to draw on.
        curves: a line for each trial and epoch, with columns trial, epoch, value and fate; and stopped_at, the epoch
            at which a rung stopped the trial, NaN where none did.
        rungs: their epochs.
        metric: what the value is called.
        unit: of it.
        higher_is_better: the metric's direction.
    """
    named: set[str] = set()
    for trial, curve in curves.sort_values("epoch").groupby("trial"):
        fate, stop = str(curve["fate"].iloc[0]), float(curve["stopped_at"].iloc[0])
        searched = curve if np.isnan(stop) else curve[curve["epoch"] <= stop]
        name = SURVIVED if fate == SURVIVED else STOPPED
        ax.plot(
            searched["epoch"],
            searched["value"],
            color=BLUE if fate == SURVIVED else GREY,
            linewidth=1.2 if fate == SURVIVED else 0.7,
            zorder=3 if fate == SURVIVED else 1,
            label="_diverged" if fate == DIVERGED_FATE else _once(name, named),
            gid=f"trial-{trial}",
        )
        if fate == AUDITED:
            rest = curve[curve["epoch"] >= stop]
            ax.plot(
                rest["epoch"],
                rest["value"],
                color=ORANGE,
                linewidth=1.1,
                linestyle=(0, (4, 2)),
                zorder=2,
                label=_once("audit of stopped", named),
                gid=f"trial-{trial}",
            )
    for rung in rungs:
        ax.axvline(rung, color="black", linewidth=0.8, linestyle=(0, (1, 2)), zorder=0, label=_once("rung", named))
    _limit(ax, curves.loc[curves["epoch"] >= min(rungs, default=1), "value"].dropna(), higher_is_better)
    ended = curves[curves["fate"] == DIVERGED_FATE].groupby("trial")["epoch"].max()
    _mark_diverged(ax, ended, higher_is_better)
    ax.set_xlabel("Epoch")
    ax.set_ylabel(axis_label(f"Validation {metric}", unit))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return style_axes(ax)


def draw_slice(
    ax: Axes, trials: pd.DataFrame, parameter: Slice, *, metric: str, unit: str, higher_is_better: bool
) -> Axes:
    """Draw the metric against a parameter's values, with a mark for each trial that ended.

    Args:
        ax: to draw on.
        trials: with a column of the parameter's name (categories as words; missing where a trial does not use it),
            value (NaN where it diverged) and fate.
        parameter: with its scale.
        metric: what the value is called.
        unit: of it.
        higher_is_better: the metric's direction.
    """
    used = trials[trials[parameter.name].notna()]
    if parameter.categories:
        codes = used[parameter.name].astype(str).map({name: i for i, name in enumerate(parameter.categories)})
        rng = np.random.default_rng(0)
        places = codes.astype(float) + rng.uniform(-_JITTER, _JITTER, len(used))
        words = [plain(fill(name, 10)) for name in parameter.categories]
        ax.set_xticks(range(len(words)), words)
        ax.set_xlim(-0.5, len(words) - 0.5)
    else:
        places = used[parameter.name].astype(float)
        ax.set_xscale("log" if parameter.log else "linear")
        if not parameter.log:
            ax.xaxis.set_major_locator(MaxNLocator(4))
        elif places.max() < _FEW_DECADES * places.min():
            ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
    value = used["value"].astype(float).mask(used["fate"] == DIVERGED_FATE)
    _scatter_fates(ax, places, value, used["fate"])
    _limit(ax, trials["value"].astype(float).mask(trials["fate"] == DIVERGED_FATE).dropna(), higher_is_better)
    _name_outside(ax, value.dropna(), higher_is_better)
    _mark_diverged(ax, places[used["fate"] == DIVERGED_FATE], higher_is_better)
    ax.set_xlabel(plain(parameter.name))
    ax.set_ylabel(axis_label(f"Validation {metric}", unit))
    return style_axes(ax)


def draw_audit(ax: Axes, trials: pd.DataFrame, *, epoch: int, metric: str, unit: str, higher_is_better: bool) -> Axes:
    """Draw the final value against the value at a rung: survivors, audited trials, and at the edge those not audited.

    Args:
        ax: to draw on.
        trials: of `analysis.statistics.audit.audit`.
        epoch: of the rung.
        metric: what the value is called.
        unit: of it.
        higher_is_better: the metric's direction.
    """
    here = trials[trials[f"at_{epoch}"].notna() & ~(trials["rung"] < epoch)]
    stopped, diverged = here["rung"].notna(), here["diverged"].astype(bool)
    audited = here["audited"].astype(bool)
    fate = pd.Series(np.select([stopped & audited, stopped], [AUDITED, STOPPED], SURVIVED), index=here.index)
    at, final = here[f"at_{epoch}"].astype(float), here["final"].astype(float).mask(diverged | (fate == STOPPED))
    _scatter_fates(ax, at, final, fate)
    best = final[fate == SURVIVED].max() if higher_is_better else final[fate == SURVIVED].min()
    if not np.isnan(best):
        ax.axhline(best, **REFERENCE_LINE, label="best survivor")
    seen = (trials["rung"].isna() | trials["audited"].astype(bool)) & ~trials["diverged"].astype(bool)
    _limit(ax, trials.loc[seen, "final"].astype(float).dropna(), higher_is_better)
    _name_outside(ax, final.dropna(), higher_is_better)
    _mark_diverged(ax, at[diverged], higher_is_better)
    unknown = at[fate == STOPPED]
    if len(unknown):
        marks = {**_MARKS[STOPPED], "marker": "|", "s": 40, "linewidths": 1.0, "label": "stopped, end unknown"}
        ax.scatter(unknown, np.full(len(unknown), 0.015), transform=ax.get_xaxis_transform(), **marks)
    ax.set_xlabel(axis_label(f"Validation {metric} at epoch {epoch}", unit))
    ax.set_ylabel(axis_label("At full length", unit))
    return style_axes(ax)


def progress_figure(trials: pd.DataFrame, *, metric: str, unit: str, higher_is_better: bool) -> Figure:
    """Draw the progress of a search against epochs and against time; see `draw_progress`."""
    figure = Figure(figsize=(PAGE_WIDTH, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, against in zip(axes, ("epochs", "seconds"), strict=True):
        draw_progress(ax, trials, against=against, metric=metric, unit=unit, higher_is_better=higher_is_better)
    axes[1].set_ylabel("")
    return legend_below(figure, [axes[0]])


def few_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """The curves of at most `MOST_CURVES` trials, an even draw over how far they came."""
    ends = curves.sort_values("epoch").groupby("trial")["epoch"].last().sort_values(kind="stable")
    if len(ends) <= MOST_CURVES:
        return curves
    places = np.unique(np.linspace(0, len(ends) - 1, MOST_CURVES).round().astype(int))
    return curves[curves["trial"].isin(ends.index[places])]


def search_curves_figure(
    curves: pd.DataFrame, *, rungs: Sequence[int], metric: str, unit: str, higher_is_better: bool
) -> Figure:
    """Draw the learning curves of a search as a figure; see `draw_search_curves`."""
    figure = Figure(figsize=(PAGE_WIDTH, 4.2), layout="constrained")
    ax = figure.subplots()
    draw_search_curves(ax, curves, rungs=rungs, metric=metric, unit=unit, higher_is_better=higher_is_better)
    return legend_below(figure, [ax])


def slices_figure(
    trials: pd.DataFrame, parameters: Sequence[Slice], *, metric: str, unit: str, higher_is_better: bool
) -> Figure:
    """Draw a panel for each parameter, all with the same axis of the metric; see `draw_slice`.

    Raises:
        ValueError: no parameters.
    """
    if not parameters:
        raise ValueError("parameters: none were given; give at least one")
    rows, width = panel_grid(len(parameters), _COLUMNS)
    figure = Figure(figsize=(min(max(0.9 + 2.3 * width, 4.0), PAGE_WIDTH), 0.6 + 2.3 * rows), layout="constrained")
    axes = figure.subplots(rows, width, squeeze=False, sharey=True)
    for number, ax in enumerate(axes.flat):
        if number >= len(parameters):
            ax.set_axis_off()
            continue
        draw_slice(ax, trials, parameters[number], metric=metric, unit=unit, higher_is_better=higher_is_better)
        ax.tick_params(labelsize="small")
        if number % width:
            ax.set_ylabel("")
    return legend_below(figure, list(axes.flat)[: len(parameters)])


def audit_figure(
    trials: pd.DataFrame, *, rungs: Sequence[int], metric: str, unit: str, higher_is_better: bool
) -> Figure:
    """Draw a panel for each rung; see `draw_audit`."""
    figure = Figure(figsize=(min(max(0.8 + 3.1 * len(rungs), 5.2), PAGE_WIDTH), 3.4), layout="constrained")
    axes = figure.subplots(1, len(rungs), squeeze=False, sharey=True)[0]
    for ax, epoch in zip(axes, rungs, strict=True):
        draw_audit(ax, trials, epoch=epoch, metric=metric, unit=unit, higher_is_better=higher_is_better)
        if ax is not axes[0]:
            ax.set_ylabel("")
    return legend_below(figure, list(axes))


def _scatter_fates(ax: Axes, x: "pd.Series[float]", y: "pd.Series[float]", fates: "pd.Series[str]") -> None:
    for fate in (STOPPED, SURVIVED, AUDITED):
        marked = (fates == fate) & y.notna()
        if marked.any():
            # Many marks are an image: as shapes they are megabytes of a page.
            many = int(marked.sum()) > _MANY_MARKS
            ax.scatter(x[marked], y[marked], **_MARKS[fate], label=fate, zorder=2, rasterized=many)


def _mark_diverged(ax: Axes, x: "pd.Series[float]", higher_is_better: bool) -> None:
    """Mark diverged trials at the edge where bad values lie."""
    if len(x):
        height = np.full(len(x), 0.06 if higher_is_better else 0.94)
        ax.scatter(
            x, height, transform=ax.get_xaxis_transform(), **_MARKS[DIVERGED_FATE], label=DIVERGED_FATE, zorder=3
        )


def _limit(ax: Axes, values: "pd.Series[float]", higher_is_better: bool) -> None:
    """Set limits that keep good values apart, with room for marks at the edge where bad values lie."""
    if values.empty:
        return
    least, most = float(values.min()), float(values.max())
    best, worst = (most, least) if higher_is_better else (least, most)
    typical = float(values.quantile(_OUTSIDE if higher_is_better else 1 - _OUTSIDE))
    if typical != best:
        reach = best + 2.0 * (typical - best)
        worst = max(worst, reach) if higher_is_better else min(worst, reach)
    margin = 0.07 * (best - worst) or max(abs(best), 1.0) * (0.01 if higher_is_better else -0.01)
    ends = (worst - 2 * margin, best + margin)
    ax.set_ylim(min(ends), max(ends))


def _name_outside(ax: Axes, values: "pd.Series[float]", higher_is_better: bool) -> None:
    """Say how many values lie outside the axis."""
    low, high = ax.get_ylim()
    count = int(((values < low) | (values > high)).sum())
    if count:
        ax.text(
            0.98,
            0.1 if higher_is_better else 0.9,
            f"{'↓' if higher_is_better else '↑'} {count} outside",
            transform=ax.transAxes,
            ha="right",
            va="bottom" if higher_is_better else "top",
            fontsize="small",
            bbox=TEXT_BOX,
            zorder=4,
        )


def _once(name: str, named: set[str]) -> str:
    """A legend's entry the first time, then a label that matplotlib leaves out."""
    if name in named:
        return "_again"
    named.add(name)
    return name
