"""The path of a staged study: what each stage gained, with the seeds that chose and with seeds that chose nothing."""

from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import StrMethodFormatter

from analysis.figures.style import PALETTE, plain
from analysis.statistics.intervals import (
    SIGNIFICANCE,
    Estimate,
)
from analysis.statistics.waterfall import ENDED, GAINED, KEPT, LOST, NOT_SHOWN, Step, Waterfall
from analysis.text import cut_range, format_number, percent_limits

COLOURS = {GAINED: PALETTE[2], LOST: PALETTE[1], NOT_SHOWN: "#8C8C8C", KEPT: "#8C8C8C", ENDED: "#8C8C8C"}
_KEPT_WORDS = "kept as it was"
_LABEL_WIDTH = 17
_HALF_BAR = 0.3
# Where the gain that the choosing seeds showed stands, beside its bar.
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

    Error bars are 95% intervals, a stage's of its gain; hollow marks are where the bar would end with the gain that
    the choosing seeds showed.

    Args:
        ax: to draw on.
        path: of `waterfall`.
        metric: what the value is called.
        unit: of it; gains of a percentage are written in points.
    """
    decimals = _decimals(path, unit)
    sign = 1.0 if path.higher_is_better else -1.0
    last = len(path.steps) + 1
    _draw_level(ax, 0, path.start, decimals, unit, path.ended)
    for number, step in enumerate(path.steps, start=1):
        bars = _HALF_BAR
        if step.before is None or step.after is None or step.gain is None:
            _draw_ended(ax, number, step)
            continue
        after = step.after.mean
        colour = COLOURS[step.verdict]
        ax.hlines(step.before, number - 1 + bars, number - bars, color="#666666", linewidth=0.8)
        height = after - step.before
        ax.bar(number, height, bottom=step.before, width=2 * bars, color=colour, alpha=0.75, edgecolor=colour)
        if step.verdict == KEPT:
            ax.hlines(after, number - bars, number + bars, color=colour, linewidth=2.0)
        tops = [step.before, after]
        if step.gain.half_width is not None:
            tops.append(_draw_interval(ax, number, after, step.gain.half_width, unit))
        if step.seen is not None and step.verdict != KEPT:
            flattered = step.before + sign * step.seen.mean
            ax.plot(number + _BESIDE, flattered, **_HOLLOW)
            ax.hlines(flattered, number + _HALF_BAR, number + _BESIDE, color="#666666", linewidth=0.6)
        text = f"{_signed(height, decimals)} {_gain_unit(unit)}".strip() if step.verdict != KEPT else "no change"
        _write(ax, number, max(tops), text)
    if path.end is not None:
        ax.hlines(path.end.mean, last - 1 + _HALF_BAR, last - _HALF_BAR, color="#666666", linewidth=0.8)
    _draw_level(ax, last, path.end, decimals, unit, path.steps[-1].ended if path.steps else path.ended)
    ax.set_xticks(range(last + 1), _tick_labels(path, unit), fontsize="small")
    ax.set_xlim(-0.6, last + 0.6)
    ax.margins(y=0.12)
    ax.set_ylabel(plain(f"{metric} ({unit})" if unit else metric))
    if abs(path.level) >= 1000:
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.grid(axis="y", alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(axis="x", length=0)
    return ax


def waterfall_figure(path: Waterfall, *, metric: str, unit: str) -> Figure:
    """Return the figure of a staged study's path; see `draw_waterfall`."""
    columns = len(path.steps) + 2
    lines = max(label.count("\n") + 1 for label in _tick_labels(path, unit))
    figure = Figure(figsize=(max(1.0 + 1.3 * columns, 5.2), 3.5 + 0.14 * lines), layout="constrained")
    draw_waterfall(figure.subplots(), path, metric=metric, unit=unit)
    words = {GAINED: "Gain shown", LOST: "Loss shown", NOT_SHOWN: "Neither shown"}
    verdicts = [verdict for verdict in words if any(step.verdict == verdict for step in path.steps)]
    handles: list[Any] = [Patch(color=COLOURS[verdict], alpha=0.75, label=words[verdict]) for verdict in verdicts]
    if any(step.seen is not None and step.verdict not in (KEPT, ENDED) for step in path.steps):
        handles.append(Line2D([], [], **_HOLLOW, label="With the seeds that chose"))
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False, fontsize="small")
    return figure


def waterfall_caption(path: Waterfall, *, metric: str) -> str:
    """Return what a reader must know to read the path."""
    better = "" if path.higher_is_better else f" A reduction of the {metric} is a gain."
    interval = (
        " Error bars are 95% intervals, of a stage those of its gain, paired by seed, cut where no value can be; "
        f"gains and losses are shown at {SIGNIFICANCE:.0%} after Holm's correction over the stages."
        if path.n > 1
        else " One fresh seed: no interval, and no gain can be told from chance."
    )
    seeds = f"{path.n} fresh seed{'s' * (path.n != 1)}, which chose nothing and have validation rows of their own"
    places = [(f"at the start {path.ended}", path.ended), *((f"{s.label} {s.ended}", s.ended) for s in path.steps)]
    bad = "; ".join(words for words, ended in places if ended)
    ended = f" Without a gain, since survivors are not averaged alone: {bad}." if bad else ""
    scattered = "; ".join(f"{step.label} {step.scatter}" for step in path.steps if step.scatter)
    ended += f" After the stage: {scattered}." if scattered else ""
    left = f" {len(path.left_out)} more lack a value somewhere and count nowhere." if path.left_out else ""
    return (
        f"Validation {metric} from the start to what the stages settled on, the mean over {seeds}: each bar reaches "
        f"from the value before its stage to the value after it.{better}{interval} Hollow marks: where the bar would "
        "end with the gain that the seeds showed by which the stage was chosen; what lies beyond the bar is the "
        "flattery of choosing the best on those seeds and validation rows, give or take the chance of either estimate."
        f"{ended}{left}{'' if path.complete else ' Later stages are not known yet.'}"
    )


def _tick_labels(path: Waterfall, unit: str) -> list[str]:
    stages = [f"{fill(s.label, _LABEL_WIDTH)}\n–\n{fill(s.chosen or _KEPT_WORDS, _LABEL_WIDTH)}" for s in path.steps]
    end = "End" if path.complete else "So far"
    if path.total is not None:
        change = path.total.mean if path.higher_is_better else -path.total.mean
        total = f"{_signed(change, _decimals(path, unit))} {_gain_unit(unit)}"
        end = f"{end}\n–\nin all\n{fill(total, _LABEL_WIDTH)}"
    return [plain(label) for label in (fill(path.label, _LABEL_WIDTH), *stages, end)]


def _draw_ended(ax: Axes, place: int, step: Step) -> None:
    """Draw what is known of a step without a gain: the value after it, or none, and why."""
    if step.after is not None:
        ax.hlines(step.after.mean, place - _HALF_BAR, place + _HALF_BAR, color=COLOURS[ENDED], linewidth=2.0)
    _write_ended(ax, place, step.ended)


def _write_ended(ax: Axes, place: int, words: str) -> None:
    ax.text(
        place,
        0.5,
        plain(fill(words, _LABEL_WIDTH)),
        transform=ax.get_xaxis_transform(),
        ha="center",
        va="center",
        fontsize="small",
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5},
        zorder=4,
    )


def _draw_interval(ax: Axes, place: int, mean: float, half_width: float, unit: str) -> float:
    """Draw an error bar, cut where the metric cannot be, and return its upper end."""
    low, high = cut_range(mean - half_width, mean + half_width, percent_limits(unit))
    ax.errorbar(place, mean, yerr=[[mean - low], [high - mean]], color="black", capsize=4, linewidth=1.2, fmt="none")
    return high


def _draw_level(ax: Axes, place: int, value: Estimate | None, decimals: int, unit: str, ended: str) -> None:
    if value is None:
        _write_ended(ax, place, ended)
        return
    ax.hlines(value.mean, place - _HALF_BAR, place + _HALF_BAR, color="black", linewidth=2.4)
    top = value.mean
    if value.half_width is not None:
        top = _draw_interval(ax, place, value.mean, value.half_width, unit)
    text = format_number(value.mean, decimals)
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


def _signed(value: float, decimals: int) -> str:
    return ("+" if value > 0 else "") + format_number(value, decimals)


def _gain_unit(unit: str) -> str:
    return "points" if unit == "%" else unit
