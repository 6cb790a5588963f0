"""The path of a staged study as a figure."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures.waterfall import COLOURS, draw_waterfall, waterfall_caption, waterfall_figure
from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE
from analysis.statistics.waterfall import KEPT, UNKNOWN, waterfall
from tests.analysis.statistics.test_waterfall import FRESH, HIGHER, LABELS, PERCENT, RAW, frame, path, with_ending


def test_without_choosing_seeds_there_is_no_mark() -> None:
    empty = waterfall(frame(RAW.tolist(), FRESH), frame([], ()), labels=LABELS, chosen=["a", "", "c"], measure=HIGHER)
    waterfall_figure(empty, metric="Accuracy", unit="%").draw_without_rendering()


def test_a_path_that_is_not_complete_is_drawn_and_says_so() -> None:
    start = path(chosen=[])
    assert "not known yet" in waterfall_caption(start, metric="accuracy")
    waterfall_figure(start, metric="Accuracy", unit="%").draw_without_rendering()


def test_the_caption_counts_the_seeds_that_are_left_out() -> None:
    values = RAW.copy()
    values[3, 1] = np.nan
    found = path(frame(values.tolist(), FRESH))
    assert "Left out, for want of a value somewhere: 1 seed." in waterfall_caption(found, metric="accuracy")


def test_a_stage_whose_seeds_diverged_has_words_in_place_of_a_bar() -> None:
    found = path(with_ending(1, 2, 4))
    caption = waterfall_caption(found, metric="accuracy")
    assert "Architecture diverged in 2 of 5; Optimizer before it, diverged in 2 of 5." in caption
    ax = draw_waterfall(Figure().subplots(), found, metric="Accuracy", unit="%")
    assert len(ax.patches) == 1
    assert "diverged in 2 of\n5" in [text.get_text() for text in ax.texts]
    waterfall_figure(found, metric="Accuracy", unit="%").draw_without_rendering()


@pytest.mark.parametrize("point", [0, 3])
def test_a_start_or_an_end_that_diverged_is_drawn(point: int) -> None:
    found = path(with_ending(point, 0))
    assert "diverged in 1 of 5" in waterfall_caption(found, metric="accuracy")
    waterfall_figure(found, metric="Accuracy", unit="%").draw_without_rendering()


def test_the_caption_does_not_take_chance_for_flattery() -> None:
    caption = waterfall_caption(path(), metric="accuracy")
    assert "fresh seeds with other validation rows" in caption
    assert "within the chance error of both estimates" in caption


def test_a_seed_that_collapsed_after_a_stage_is_in_the_caption() -> None:
    values = RAW[:2].copy()
    values[1, 0] = 16.0
    found = waterfall(frame(values.tolist(), FRESH), frame([], ()), labels=LABELS, chosen=["CNN"], measure=PERCENT)
    assert f"Architecture {found.steps[0].collapse}." in waterfall_caption(found, metric="accuracy")


def test_error_bars_of_accuracies_end_at_100_percent() -> None:
    fresh = frame([[99.0, 99.9, 100.0], [99.5, 99.2, 99.9]], range(3))
    high = waterfall(fresh, frame([], ()), labels=LABELS, chosen=["CNN"], measure=HIGHER)
    ax = draw_waterfall(Figure().subplots(), high, metric="Accuracy", unit="%")
    ends = [float(y) for bars in ax.collections for segment in bars.get_segments() for _, y in segment]
    assert max(ends) == pytest.approx(100)


def test_one_fresh_seed_has_no_interval() -> None:
    found = path(frame(RAW[:, :1].tolist(), [100_000]))
    assert "no interval" in waterfall_caption(found, metric="accuracy")
    waterfall_figure(found, metric="Accuracy", unit="%").draw_without_rendering()


def test_bars_reach_from_value_to_value() -> None:
    found = path()
    ax = draw_waterfall(Figure().subplots(), found, metric="Validation Accuracy", unit="%")
    assert len(ax.patches) == 3
    for bar, step in zip(ax.patches, found.steps, strict=True):
        assert bar.get_y() == pytest.approx(step.before)
        assert bar.get_y() + bar.get_height() == pytest.approx(step.after.mean)
    marks = [float(line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "D"]
    assert marks == [pytest.approx(RAW[0].mean() + 4.1), pytest.approx(RAW[2].mean() + 0.3)]
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["92.10%", "+3.00 points", "no change", "−0.72 points", "94.38%"]
    ticks = [tick.get_text().split("\n") for tick in ax.get_xticklabels()]
    assert [tick[0] for tick in ticks] == [*LABELS, "End"]
    assert [tick[-1] for tick in ticks] == ["Start", "CNN", "kept as it was", "MSE", "+2.28 points"]
    assert ax.get_ylabel() == "Validation Accuracy (%)"


def test_bars_of_an_error_fall_where_it_gains() -> None:
    thousand = frame((1000 * RAW[::-1]).tolist(), FRESH)
    found = path(thousand, higher=False, chosen=["a", "", "b"])
    assert [step.verdict for step in found.steps] == [WORSE, KEPT, BETTER]
    ax = draw_waterfall(Figure().subplots(), found, metric="Validation RMSE", unit="dollars")
    texts = [text.get_text() for text in ax.texts]
    assert texts[1] == "+720 dollars"
    assert texts[3] == "−3,000 dollars"
    assert "reduction of the RMSE is a gain" in waterfall_caption(found, metric="RMSE")


def test_the_legend_names_what_is_there() -> None:
    figure = waterfall_figure(path(), metric="Accuracy", unit="%")
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["Gain shown", "Loss shown", "With the choosing seeds"]
    figure.draw_without_rendering()
    assert set(COLOURS) == {BETTER, WORSE, EQUAL, UNCLEAR, KEPT, UNKNOWN}


@pytest.mark.parametrize("label", ["_hidden", "a $ b $ c"])
def test_odd_labels_are_drawn(label: str) -> None:
    found = waterfall(
        frame(RAW[:2].tolist(), FRESH), frame([], ()), labels=["Start", label], chosen=[label], measure=HIGHER
    )
    waterfall_figure(found, metric=label, unit="$").draw_without_rendering()
