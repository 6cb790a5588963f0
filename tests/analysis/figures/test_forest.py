"""The figures of the first screen: all differences on one axis, and time against quality."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.figures.forest import ForestGroup, ForestRow, forest_figure
from analysis.figures.style import PAGE_WIDTH
from analysis.figures.tradeoff import Point, pareto_front, tradeoff_figure


def row(label: str, mean: float, half: float | None, verdict: str = "no clear difference") -> ForestRow:
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return ForestRow(label, mean, low, high, verdict, verdict != "no clear difference", f"{mean:+.1f}")


POINTS = ForestGroup("Rate", "points", (row("0.1", 2.0, 1.0, "better"), row("a$b", -40.0, 400.0), row("1", 0.5, None)))
DOLLARS = ForestGroup("Width", "dollars", (row("8", 12_000.0, 3_000.0, "worse"),))


def test_every_level_has_a_line_with_its_words_on_the_axis_of_its_unit() -> None:
    figure = forest_figure([POINTS, DOLLARS])
    assert figure.get_figwidth() == PAGE_WIDTH
    first, second = figure.axes
    assert [ax.get_xlabel() for ax in figure.axes] == ["points", "dollars"]
    texts = [text.get_text() for text in first.texts]
    assert texts[0] == "Rate"
    assert {"0.1", "+2.0", r"a\$b", "-40.0"} <= set(texts)
    assert second.get_xlim()[1] > 12_000
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["Better", "Worse", "No clear difference"]


def test_an_interval_beyond_the_axis_ends_in_an_arrow() -> None:
    rows = (*(row(str(place), 1.0, 0.5) for place in range(6)), row("far", -2.0, 400.0))
    (ax,) = forest_figure([ForestGroup("Rate", "points", rows)]).axes
    assert ax.get_xlim()[1] < 10
    assert [line.get_marker() for line in ax.lines if line.get_marker() in ("<", ">")] == ["<", ">"]


def test_nothing_is_no_figure() -> None:
    with pytest.raises(ValueError, match="groups: none were given"):
        forest_figure([])


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=12),
    st.booleans(),
)
def test_no_point_beats_one_of_the_front(pairs: list[tuple[int, int]], higher: bool) -> None:
    points = [Point(str(place), float(seconds), float(value)) for place, (seconds, value) in enumerate(pairs)]
    sign = 1 if higher else -1
    front = pareto_front(points, higher_is_better=higher)
    for one in front:
        assert not any(
            other.seconds <= one.seconds
            and sign * other.value >= sign * one.value
            and (other.seconds, other.value) != (one.seconds, one.value)
            for other in points
        )
    best = max(sign * one.value for one in points)
    assert sign * front[-1].value == best


def test_the_points_of_the_front_are_named_and_far_ones_counted() -> None:
    points = [Point("slow", 9.0, 97.0), Point("default", 2.0, 96.0, is_default=True), Point("bad", 3.0, 10.0)]
    points.append(Point("ok", 4.0, 95.5))
    front = pareto_front(points, higher_is_better=True)
    (ax,) = tradeoff_figure(points, front, heading="Accuracy (%)", higher_is_better=True).axes
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["↓ 1 more level beyond the axis", "slow", "default"]


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_names_of_the_front_lie_within_the_axes_and_not_over_each_other(higher_is_better: bool) -> None:
    sign = 1 if higher_is_better else -1
    points = [Point(f"Hidden layer size {n} and more", 1.0 + 0.01 * n, sign * (90 + 0.05 * n)) for n in range(40)]
    front = pareto_front(points, higher_is_better=higher_is_better)
    figure = tradeoff_figure(points, front, heading="Accuracy (%)", higher_is_better=higher_is_better)
    (ax,) = figure.axes
    figure.set_dpi(200)  # as a file is drawn: letters are not rounded to pixels
    boxes = [text.get_window_extent() for text in ax.texts]
    assert ax.texts[0].get_text() == points[-1].label, "the best is named in any case"
    assert 3 <= len(boxes) < len(front)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(ax.get_window_extent().x0 <= box.x0 and box.x1 <= ax.get_window_extent().x1 for box in boxes)
