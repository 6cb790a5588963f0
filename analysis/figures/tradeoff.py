"""The figure of time against quality: what each level takes to train and what it reaches, with the Pareto front."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import BboxBase

from analysis.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    PAGE_WIDTH,
    boxes_for_missing_letters,
    legend_below,
    plain,
    style_axes,
    white_outline,
)

# Times that differ by less than this factor are drawn on a linear axis.
_WIDE = 4.0
# Values further below the best than this many times the range of the front are off the axis.
_FAR = 4.0
# Dots per inch, as the files have.
_FINE = 200
# Where a name may stand beside its mark, as steps to the right and up where higher is better: first where the steps of
# the front leave room.
_PLACES = ((-1, 1), (1, -1), (1, 1), (-1, -1))


@dataclass(frozen=True)
class Point:
    """A configuration: its name, the seconds that a training takes, and the metric that it reaches, both means.

    `position` is that of its row among all rows.
    """

    label: str
    seconds: float
    value: float
    is_default: bool = False
    position: int | None = None

    @property
    def gid(self) -> str | None:
        """What the page knows the level by."""
        return None if self.position is None else f"level-{self.position}"


def pareto_front(points: Sequence[Point], *, higher_is_better: bool) -> list[Point]:
    """The points that no other beats in time without losing in value, the fastest first; of equal ones, one."""
    sign = 1.0 if higher_is_better else -1.0
    front: list[Point] = []
    for point in sorted(points, key=lambda one: (one.seconds, -sign * one.value)):
        if not front or sign * point.value > sign * front[-1].value:
            front.append(point)
    return front


def draw_tradeoff(
    ax: Axes, points: Sequence[Point], front: Sequence[Point], *, heading: str, higher_is_better: bool
) -> Axes:
    """Draw a mark for each configuration, the front as steps, and the default.

    Args:
        ax: to draw on.
        points: at least one.
        front: of `pareto_front`.
        heading: of the axis of the metric.
        higher_is_better: the metric's direction.
    """
    marks: dict[str, Any] = {"linestyle": "none", "marker": "o"}
    for place, one in enumerate(points):
        label = "_level" if place else "A level"
        ax.plot([one.seconds], [one.value], markersize=4.5, color=GREY, label=label, gid=one.gid, **marks)
    ax.step(
        [one.seconds for one in front],
        [one.value for one in front],
        where="post",
        color=BLUE,
        marker="o",
        markersize=0,
        linewidth=1.3,
        label="Pareto front (of the means)",
    )
    for one in front:
        ax.plot([one.seconds], [one.value], markersize=5, color=BLUE, label="_front", gid=one.gid, **marks)
    default = next((one for one in points if one.is_default), None)
    if default is not None:
        ax.plot(
            [default.seconds],
            [default.value],
            marker="*",
            markersize=11,
            color=ORANGE,
            linestyle="none",
            markeredgecolor="white",
            label="Default",
            gid=default.gid,
            zorder=4,
        )
    times = [one.seconds for one in points]
    if min(times) > 0 and max(times) > _WIDE * min(times):
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.4g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("Time of a training (s)")
    ax.set_ylabel(plain(heading))
    _focus(ax, points, front, higher_is_better=higher_is_better)
    return style_axes(ax)


def tradeoff_figure(points: Sequence[Point], front: Sequence[Point], *, heading: str, higher_is_better: bool) -> Figure:
    """Draw time against quality as a figure, with the points of the front named; see `draw_tradeoff`."""
    figure = Figure(figsize=(PAGE_WIDTH, 3.4), layout="constrained")
    ax = draw_tradeoff(figure.subplots(), points, front, heading=heading, higher_is_better=higher_is_better)
    legend_below(figure, [ax])
    with boxes_for_missing_letters():
        _name(figure, ax, front, higher_is_better=higher_is_better)
    return figure


def _name(figure: Figure, ax: Axes, front: Sequence[Point], *, higher_is_better: bool) -> None:
    """Name the points of the front, the best first; one that has no room beside those before it stays without."""
    # What a name takes is known only once all else has its place, and at a resolution at which the widths of letters
    # are not rounded.
    dpi = figure.dpi
    figure.set_dpi(_FINE)
    figure.draw_without_rendering()
    inside = ax.get_window_extent()
    taken: list[BboxBase] = []
    for point in reversed(front):
        for place in _PLACES if higher_is_better else [(x, -y) for x, y in _PLACES]:
            name = _named(ax, point, place)
            box = name.get_window_extent().expanded(1.02, 1.1)
            if inside.x0 <= box.x0 and box.x1 <= inside.x1 and not box.count_overlaps(taken):
                taken.append(box)
                break
            name.remove()
    figure.set_dpi(dpi)


def _named(ax: Axes, point: Point, place: tuple[int, int]) -> Annotation:
    """Write the name of a point beside it, on the side that `place` says."""
    right, above = place[0] > 0, place[1] > 0
    return ax.annotate(
        plain(point.label),
        (point.seconds, point.value),
        xytext=(5 * place[0], 5 * place[1]),
        textcoords="offset points",
        ha="left" if right else "right",
        va="bottom" if above else "top",
        fontsize="small",
        path_effects=white_outline(),
        gid=point.gid,
        zorder=5,
    )


def _focus(ax: Axes, points: Sequence[Point], front: Sequence[Point], *, higher_is_better: bool) -> None:
    """Leave levels far below the front off the axis, and say how many."""
    sign = 1.0 if higher_is_better else -1.0
    ordered = sorted((sign * one.value for one in points), reverse=True)
    middle = ordered[len(ordered) // 2]
    least = ordered[0] - max(_FAR * (ordered[0] - middle), sign * (front[-1].value - front[0].value), 1e-9)
    away = [value for value in ordered if value < least]
    if not away:
        return
    margin = 0.08 * (ordered[0] - least)
    ends = (sign * (least - margin), sign * (ordered[0] + 2 * margin))
    ax.set_ylim(min(ends), max(ends))
    arrow = "↓" if higher_is_better else "↑"
    place, side = (0.02, "bottom") if higher_is_better else (0.98, "top")
    words = f"{arrow} {len(away)} more level{'s' if len(away) > 1 else ''} beyond the axis"
    ax.text(0.98, place, words, transform=ax.transAxes, ha="right", va=side, fontsize="small")
