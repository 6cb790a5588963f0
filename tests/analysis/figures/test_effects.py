"""Figures of what changes do: what is drawn, by its lines, marks and words."""

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.effects import (
    Bar,
    PathPoint,
    ablation_path_figure,
    draw_ablation_path,
    draw_importance,
    importance_figure,
)
from analysis.statistics.intervals import estimate
from tests.analysis.figures.test_search import assert_whole


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def test_bars_in_their_null_band_are_hollow(ax: Axes) -> None:
    bars = [
        Bar("a", 0.5, 0.4, 0.6, 0.1, False),
        Bar("b × c", 0.2, 0.1, 0.3, 0.1, True),
        Bar("d", 0.05, 0, 0.1, 0.1, False),
    ]
    draw_importance(ax, bars)
    nulls, shares = ([p for c in ax.containers if c.get_label() == name for p in c] for name in ("_null", "_share"))
    assert [patch.get_width() for patch in shares] == pytest.approx([50, 20, 5])
    assert [patch.get_width() for patch in nulls] == pytest.approx([10, 10, 10])
    assert [patch.get_facecolor()[:3] == (1, 1, 1) for patch in shares] == [False, False, True]
    assert [bool(patch.get_hatch()) for patch in shares] == [False, True, False]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b × c", "d"]
    assert ax.get_xlim()[1] <= 100


def test_a_path_has_the_winner_less_each_change_beside_it(ax: Axes) -> None:
    path = [PathPoint("default", estimate([90.0, 91.0])), PathPoint("rate", estimate([93.0, 94.0]))]
    without = [PathPoint("rate back", None, "diverged in 1 of 2")]
    draw_ablation_path(ax, path, without, metric="accuracy", unit="%")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["default", "rate", "rate back"]
    assert "diverged in\n1 of 2" in [text.get_text() for text in ax.texts]
    (line,) = [line for line in ax.lines if line.get_label() == "_path"]
    assert list(line.get_ydata()) == [90.5, 93.5]


def test_an_interval_ends_where_the_metric_does(ax: Axes) -> None:
    draw_ablation_path(ax, [PathPoint("default", estimate([99.0, 99.9]))], [], metric="accuracy", unit="%")
    tops = [segment[:, 1].max() for bars in ax.collections for segment in bars.get_segments()]
    assert max(tops) == 100.0


def test_both_figures_are_drawn_whole() -> None:
    point = PathPoint("default", estimate([90.0, 91.0]))
    assert_whole(importance_figure([Bar("learning_rate", 0.5, 0.4, 0.6, 0.1, False)]))
    assert_whole(ablation_path_figure([point] * 5, [point] * 4, metric="accuracy", unit="%"))
