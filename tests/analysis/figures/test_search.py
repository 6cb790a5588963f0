"""Figures of a search: what is drawn, by its lines, marks and words."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.search import (
    MOST_CURVES,
    Slice,
    audit_figure,
    draw_audit,
    draw_progress,
    draw_search_curves,
    draw_slice,
    few_curves,
    progress_figure,
    search_curves_figure,
    slices_figure,
)
from analysis.frames.search_frames import AUDITED, DIVERGED_FATE, STOPPED, SURVIVED

ACCURACY: dict[str, Any] = {"metric": "accuracy", "unit": "%", "higher_is_better": True}


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def trials() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "value": [90.0, 80.0, np.nan, 95.0, 94.0],
            "fate": [STOPPED, STOPPED, DIVERGED_FATE, SURVIVED, AUDITED],
            "cumulative_epochs": [3, 6, 8, 35, 38],
            "cumulative_seconds": [30.0, 60.0, 80.0, 350.0, 380.0],
            "learning_rate": [1e-3, 1e-4, 1.0, 1e-2, 1e-2],
            "activation": ["relu", "gelu", "gelu", "relu", None],
        }
    )


def points(ax: Axes, label: str) -> np.ndarray:
    """Return where the marks of a label lie, [n, 2]."""
    return np.concatenate([np.asarray(own.get_offsets()) for own in ax.collections if own.get_label() == label])


def labels(ax: Axes) -> list[str]:
    return [name for name in ax.get_legend_handles_labels()[1] if not name.startswith("_")]


def test_the_best_so_far_never_falls(ax: Axes) -> None:
    draw_progress(ax, trials(), against="epochs", **ACCURACY)
    (line,) = ax.lines
    assert list(line.get_xdata()) == [3, 6, 8, 35, 38]
    assert list(line.get_ydata()) == [90, 90, 90, 95, 95]
    assert points(ax, SURVIVED).tolist() == [[35, 95]]
    assert len(points(ax, DIVERGED_FATE)) == 1
    assert ax.get_ylabel() == "Validation accuracy (%)"


@pytest.mark.parametrize(("scale", "unit", "last"), [(1, "min", 380 / 60), (100, "h", 38000 / 3600)])
def test_time_has_a_unit_that_fits(ax: Axes, scale: int, unit: str, last: float) -> None:
    frame = trials()
    frame["cumulative_seconds"] *= scale
    draw_progress(ax, frame, against="seconds", **ACCURACY)
    assert f"({unit})" in ax.get_xlabel()
    assert ax.lines[0].get_xdata()[-1] == pytest.approx(last)


def test_a_loss_has_its_best_below(ax: Axes) -> None:
    draw_progress(ax, trials(), against="epochs", metric="loss", unit="", higher_is_better=False)
    assert list(ax.lines[0].get_ydata()) == [90, 80, 80, 80, 80]
    assert ax.get_ylabel() == "Validation loss"
    with pytest.raises(ValueError, match="give epochs or seconds"):
        draw_progress(ax, trials(), against="days", **ACCURACY)


def curves() -> pd.DataFrame:
    parts = []
    cases = ((SURVIVED, np.nan, 9), (STOPPED, 3, 3), (AUDITED, 3, 9), (DIVERGED_FATE, np.nan, 2))
    for number, (fate, stop, last) in enumerate(cases):
        epochs = np.arange(1, last + 1)
        values = 90 - number - 30 / epochs
        parts.append(
            pd.DataFrame({"trial": number, "epoch": epochs, "value": values, "fate": fate, "stopped_at": stop})
        )
    return pd.concat(parts)


def test_an_audit_goes_on_dashed_where_the_rung_stopped(ax: Axes) -> None:
    draw_search_curves(ax, curves(), rungs=[3], **ACCURACY)
    assert labels(ax) == [SURVIVED, STOPPED, "audit of stopped", "rung", DIVERGED_FATE]
    (dashed,) = [line for line in ax.lines if line.get_label() == "audit of stopped"]
    assert dashed.is_dashed()
    assert (dashed.get_xdata()[0], dashed.get_xdata()[-1]) == (3, 9)
    (rung,) = [line for line in ax.lines if line.get_label() == "rung"]
    assert set(rung.get_xdata()) == {3}
    assert points(ax, DIVERGED_FATE)[0][0] == 2


def test_slices_have_scales_and_categories_of_their_own(ax: Axes) -> None:
    draw_slice(ax, trials(), Slice("learning_rate", log=True), **ACCURACY)
    assert ax.get_xscale() == "log"
    other = Figure().subplots()
    draw_slice(other, trials(), Slice("activation", categories=("relu", "gelu")), **ACCURACY)
    assert [text.get_text() for text in other.get_xticklabels()] == ["relu", "gelu"]
    drawn = np.concatenate([points(other, STOPPED), points(other, SURVIVED)])
    assert len(drawn) == 3, "the trial without the parameter is not drawn"
    assert np.all(np.abs(drawn[:, 0] - np.round(drawn[:, 0])) < 0.3)


def test_values_outside_the_axis_are_counted(ax: Axes) -> None:
    frame = pd.DataFrame({"value": [95.0 + 0.1 * i for i in range(20)] + [10.0], "fate": STOPPED, "x": np.arange(21.0)})
    draw_slice(ax, frame, Slice("x"), **ACCURACY)
    assert ax.get_ylim()[0] > 50
    assert [text.get_text() for text in ax.texts] == ["↓ 1 outside"]


def audited() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rung": [np.nan, np.nan, 3, 3, 9],
            "final": [97.0, np.nan, 96.0, np.nan, 95.0],
            "diverged": [False, True, False, False, False],
            "audited": [False, False, True, False, True],
            "at_3": [90.0, 89.0, 85.0, 84.0, 88.0],
            "at_9": [95.0, 94.0, 92.0, np.nan, 93.0],
        }
    )


def test_the_audit_marks_who_is_known_and_who_is_not(ax: Axes) -> None:
    draw_audit(ax, audited(), epoch=3, **ACCURACY)
    assert points(ax, SURVIVED).tolist() == [[90, 97]]
    assert sorted(points(ax, AUDITED).tolist()) == [[85, 96], [88, 95]]
    assert points(ax, "stopped, end unknown")[:, 0].tolist() == [84]
    assert points(ax, DIVERGED_FATE)[:, 0].tolist() == [89]
    later = Figure().subplots()
    draw_audit(later, audited(), epoch=9, **ACCURACY)
    assert points(later, AUDITED).tolist() == [[93, 95]], "audited trials of an earlier rung did not arrive here"


def assert_whole(figure: Figure) -> None:
    """See that nothing reaches over the figure's edges."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


def test_every_figure_is_drawn_whole() -> None:
    figures = [
        progress_figure(trials(), **ACCURACY),
        search_curves_figure(curves(), rungs=[3], **ACCURACY),
        slices_figure(trials(), [Slice("learning_rate", log=True)] * 5, **ACCURACY),
        audit_figure(audited(), rungs=[3, 9], **ACCURACY),
    ]
    for figure in figures:
        assert_whole(figure)
    with pytest.raises(ValueError, match="give at least one"):
        slices_figure(trials(), [], **ACCURACY)


def test_of_many_curves_an_even_draw_is_drawn() -> None:
    many = 3 * MOST_CURVES
    curves = pd.DataFrame({"trial": np.repeat(np.arange(many), 2), "epoch": np.tile([1, 2], many), "value": 1.0})
    drawn = few_curves(curves)
    assert drawn["trial"].nunique() == MOST_CURVES
    assert len(drawn) == 2 * MOST_CURVES
    assert few_curves(drawn) is drawn
