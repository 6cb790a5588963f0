"""The figure of a staged study's path: what each stage gained, with the choosing seeds and with fresh ones."""

from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import StrMethodFormatter

from analysis.figures.style import (
    DARK_GREY,
    GREEN,
    GREY,
    ORANGE,
    PAGE_WIDTH,
    axis_label,
    legend_of,
    plain,
    style_axes,
    write_reason,
)
from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE
from analysis.statistics.intervals import SIGNIFICANCE, Estimate
from analysis.statistics.waterfall import KEPT, UNKNOWN, Step, Waterfall
from analysis.text import cut_range, difference_unit, format_number, percent_limits
from tune_jobs.words import counted, signed

COLOURS = {BETTER: GREEN, WORSE: ORANGE, EQUAL: GREY, UNCLEAR: GREY, KEPT: GREY, UNKNOWN: GREY}
_KEPT_WORDS = "kept as it was"
# Characters of a label, and of all labels beside each other on a page.
_LABEL_WIDTH, _PAGE_LETTERS = 17, 90
_HALF_BAR = 0.3
# How far from the middle of a bar the gain stands that the choosing seeds showed.
_BESIDE = 0.39
_HOLLOW: dict[str, Any] = {
    "marker": "D",
    "markersize": 6,
    "markerfacecolor": "white",
    "markeredgecolor": "black",
    "markeredgewidth": 1.1,
    "linestyle": "none",
    "zorder": 4,
}


def draw_waterfall(ax: Axes, path: Waterfall, *, metric: str, unit: str) -> Axes:
    """Draw the path: start and end as levels, each stage as a bar from the value before it to the value after it.

    Error bars are 95% intervals, a stage's of its gain. A hollow mark is where the bar would end with the gain that
    the choosing seeds showed.

    Args:
        ax: to draw on.
        path: of `waterfall`.
        metric: what the value is called.
        unit: of it; gains of a percentage are written in points.
    """
    last = len(path.steps) + 1
    _draw_level(ax, 0, path.start, path, unit, path.ended)
    for place, step in enumerate(path.steps, start=1):
        _draw_step(ax, place, step, path, unit)
    if path.end is not None:
        ax.hlines(path.end.mean, last - 1 + _HALF_BAR, last - _HALF_BAR, color=DARK_GREY, linewidth=0.8)
    _draw_level(ax, last, path.end, path, unit, path.steps[-1].ended if path.steps else path.ended)
    ax.set_xticks(range(last + 1), _tick_labels(path, unit), fontsize="small")
    ax.set_xlim(-0.6, last + 0.6)
    ax.margins(y=0.12)
    ax.set_ylabel(axis_label(metric, unit))
    if abs(path.level) >= 1000:
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.tick_params(axis="x", length=0)
    return style_axes(ax, grid="y")


def waterfall_figure(path: Waterfall, *, metric: str, unit: str) -> Figure:
    """Draw a staged study's path as a figure; see `draw_waterfall`."""
    columns = len(path.steps) + 2
    lines = max(label.count("\n") + 1 for label in _tick_labels(path, unit))
    figure = Figure(figsize=(min(max(1.0 + 1.3 * columns, 5.2), PAGE_WIDTH), 3.5 + 0.14 * lines), layout="constrained")
    draw_waterfall(figure.subplots(), path, metric=metric, unit=unit)
    words = {BETTER: "Gain shown", WORSE: "Loss shown", EQUAL: "Practically equal", UNCLEAR: "No clear difference"}
    verdicts = [verdict for verdict in words if any(step.verdict == verdict for step in path.steps)]
    handles: list[Any] = [Patch(color=COLOURS[verdict], alpha=0.75, label=words[verdict]) for verdict in verdicts]
    if any(step.seen is not None and step.verdict not in (KEPT, UNKNOWN) for step in path.steps):
        handles.append(Line2D([], [], **_HOLLOW, label="With the choosing seeds"))
    if handles:
        legend_of(figure, handles, columns=4, loc="upper")
    return figure


def waterfall_caption(path: Waterfall, *, metric: str) -> str:
    """Say what a reader must know to read the path."""
    better = "" if path.higher_is_better else f" A reduction of the {metric} is a gain."
    interval = (
        " Error bars are 95% intervals; a stage's is that of its gain (paired by seed), corrected for the stages as "
        f"the verdicts are, at {SIGNIFICANCE:.0%}, and cut at the limits of the metric."
        if path.n > 1
        else " With one fresh seed there is no interval, and a gain cannot be told from chance."
    )
    seeds = f"{counted(path.n, 'fresh seed')} with other validation rows"
    places = [(f"at the start {path.ended}", path.ended), *((f"{s.label} {s.ended}", s.ended) for s in path.steps)]
    bad = "; ".join(words for words, ended in places if ended)
    ended = (
        f" No gain is given where a seed ended badly, since the others alone would flatter it: {bad}." if bad else ""
    )
    ended += "".join(f" {step.label} is {step.unlike}." for step in path.steps if step.unlike)
    lost = "; ".join(f"{step.label} {step.collapse}" for step in path.steps if step.collapse)
    ended += f" Values are those of seeds that learnt: {lost}." if lost else ""
    left = f" Left out, for want of a value somewhere: {counted(len(path.left_out), 'seed')}." if path.left_out else ""
    return (
        f"Validation {metric} from the start to what the stages settled on, the mean over {seeds}: each bar reaches "
        f"from the value before its stage to the value after it.{better}{interval} A hollow mark is where the bar "
        "would end with the gain on the seeds that chose the stage's winner; what lies beyond the bar is the optimism "
        "of choosing the best on those seeds and validation rows, within the chance error of both estimates."
        f"{ended}{left}{'' if path.complete else ' Later stages are not known yet.'}"
    )


def _tick_labels(path: Waterfall, unit: str) -> list[str]:
    room = min(_LABEL_WIDTH, _PAGE_LETTERS // (len(path.steps) + 2))
    stages = [f"{fill(s.label, room)}\n–\n{fill(s.chosen or _KEPT_WORDS, room)}" for s in path.steps]
    end = "End" if path.complete else "So far"
    if path.total is not None:
        change = path.total.mean if path.higher_is_better else -path.total.mean
        total = f"{signed(change, _decimals(path, unit))} {difference_unit(unit)}"
        end = f"{end}\n–\nin total\n{fill(total, room)}"
    return [plain(label) for label in (fill(path.label, room), *stages, end)]


def _draw_step(ax: Axes, place: int, step: Step, path: Waterfall, unit: str) -> None:
    """Draw a stage's bar with its interval, and the gain that the choosing seeds showed beside it."""
    if step.before is None or step.after is None or step.gain is None:
        if step.after is not None:
            ax.hlines(step.after.mean, place - _HALF_BAR, place + _HALF_BAR, color=COLOURS[UNKNOWN], linewidth=2.0)
        write_reason(ax, place, step.missing or step.collapse, width=_LABEL_WIDTH)
        return
    after, height = step.after.mean, step.after.mean - step.before
    colour = COLOURS[step.verdict]
    ax.hlines(step.before, place - 1 + _HALF_BAR, place - _HALF_BAR, color=DARK_GREY, linewidth=0.8)
    ax.bar(place, height, bottom=step.before, width=2 * _HALF_BAR, color=colour, alpha=0.75, edgecolor=colour)
    if step.verdict == KEPT:
        ax.hlines(after, place - _HALF_BAR, place + _HALF_BAR, color=colour, linewidth=2.0)
    tops = [step.before, after]
    if step.gain.half_width is not None:
        tops.append(_draw_interval(ax, place, after, step.gain.half_width, unit))
    if step.seen is not None and step.verdict != KEPT:
        seen = step.before + (step.seen.mean if path.higher_is_better else -step.seen.mean)
        ax.plot(place + _BESIDE, seen, **_HOLLOW)
        ax.hlines(seen, place + _HALF_BAR, place + _BESIDE, color=DARK_GREY, linewidth=0.6)
    text = f"{signed(height, _decimals(path, unit))} {difference_unit(unit)}".strip()
    _write(ax, place, max(tops), text if step.verdict != KEPT else "no change")


def _draw_interval(ax: Axes, place: int, mean: float, half_width: float, unit: str) -> float:
    """Draw an error bar, cut at the limits of the metric; its upper end."""
    low, high = cut_range(mean - half_width, mean + half_width, percent_limits(unit))
    ax.errorbar(place, mean, yerr=[[mean - low], [high - mean]], color="black", capsize=4, linewidth=1.2, fmt="none")
    return high


def _draw_level(ax: Axes, place: int, value: Estimate | None, path: Waterfall, unit: str, ended: str) -> None:
    """Draw the start or the end of the path, or say how its replicates ended badly."""
    if value is None:
        write_reason(ax, place, ended, width=_LABEL_WIDTH)
        return
    ax.hlines(value.mean, place - _HALF_BAR, place + _HALF_BAR, color="black", linewidth=2.4)
    top = value.mean
    if value.half_width is not None:
        top = _draw_interval(ax, place, value.mean, value.half_width, unit)
    text = format_number(value.mean, _decimals(path, unit))
    _write(ax, place, top, f"{text}%" if unit == "%" else f"{text} {unit}".strip(), bold=True)


def _write(ax: Axes, place: int, top: float, text: str, *, bold: bool = False) -> None:
    ax.annotate(
        plain(text),
        (place, top),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize="small",
        fontweight="bold" if bold else "normal",
    )


def _decimals(path: Waterfall, unit: str) -> int:
    if unit == "%":
        return 2
    size = abs(path.level)
    return 0 if size >= 1000 else 2 if size >= 1 else 4
