"""Predicted standard deviations against inputs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import spearmanr

from analysis.figures.uncertainty import BINS, draw_uncertainty, uncertainty_caption, uncertainty_figure
from analysis.frames.gaussian_predictions import GaussianPredictions, correlation_frame
from analysis.statistics.coverage import rank_correlation

FEATURES = ("OverallQual", "GrLivArea")
numbers = st.lists(st.integers(-50, 50), min_size=3, max_size=30)


def predictions(seed: int, *, rows: int = 200, position: int = 3) -> GaussianPredictions:
    """Return predictions that are the less certain the better the house, whatever its area."""
    rng = np.random.default_rng(seed)
    quality = rng.integers(1, 11, rows).astype(float)
    inputs = np.stack([quality, rng.normal(1500, 500, rows)], axis=1)
    std = 10_000 + 3000 * quality + rng.normal(0, 500, rows)
    return GaussianPredictions(position, seed, np.zeros(rows), std, np.zeros(rows), inputs)


def drawn(values: NDArray[np.float64], std: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the line of medians."""
    ax = draw_uncertainty(Figure().subplots(), values, std)
    (line,) = [line for line in ax.lines if line.get_label() == "Median"]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


@given(numbers, st.randoms())
def test_the_correlation_is_scipys(values: list[int], random: object) -> None:
    other = list(values)
    random.shuffle(other)  # type: ignore[attr-defined]
    if len(set(values)) > 1:
        assert rank_correlation(values, other) == pytest.approx(spearmanr(values, other).statistic, abs=1e-12)


@given(numbers)
def test_the_correlation_is_of_ranks_alone(values: list[int]) -> None:
    if len(set(values)) > 1:
        other = np.sin(np.array(values, dtype=float)) + np.arange(len(values))
        before = rank_correlation(values, other)
        assert rank_correlation(np.array(values) ** 3, np.exp(other / 20)) == pytest.approx(before)
        assert rank_correlation(values, -other) == pytest.approx(-before)
        assert rank_correlation(values, values) == pytest.approx(1)


def test_what_does_not_vary_has_no_correlation() -> None:
    assert np.isnan(rank_correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]))


def test_what_are_no_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        rank_correlation([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="NaN"):
        rank_correlation([1.0, np.nan], [1.0, 2.0])


def test_the_frame_has_a_line_for_each_replicate_and_input() -> None:
    frame = correlation_frame([predictions(seed) for seed in range(3)], FEATURES)
    assert list(frame.columns) == ["position", "seed", "feature", "rho"]
    assert len(frame) == 6
    assert set(frame["position"]) == {3}
    means = frame.groupby("feature")["rho"].mean()
    assert means["OverallQual"] > 0.95
    assert abs(means["GrLivArea"]) < 0.2
    assert list(correlation_frame([], FEATURES).columns) == list(frame.columns)


@pytest.mark.parametrize("features", [("OverallQual",), ("OverallQual", "OverallQual")])
def test_each_input_has_a_name_of_its_own(features: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="do not name 2 inputs"):
        correlation_frame([predictions(0)], features)


def test_an_input_with_few_values_has_a_median_for_each() -> None:
    one = predictions(0)
    across, medians = drawn(one.inputs[:, 0], one.std)
    np.testing.assert_array_equal(across, range(1, 11))
    np.testing.assert_allclose(medians, [np.median(one.std[one.inputs[:, 0] == value]) for value in range(1, 11)])


def test_another_input_has_a_median_for_each_bin() -> None:
    values = np.arange(100.0)[::-1]
    across, medians = drawn(values, 2 * values + 1)
    assert len(across) == BINS
    np.testing.assert_allclose(across, np.arange(4.5, 100, 10))
    np.testing.assert_allclose(medians, 2 * across + 1)


def test_points_are_only_moved_sideways_and_stay_at_their_value() -> None:
    one = predictions(0)
    ax = draw_uncertainty(Figure().subplots(), one.inputs[:, 0], one.std)
    points = ax.lines[0]
    np.testing.assert_array_equal(points.get_ydata(), one.std)
    assert np.abs(np.asarray(points.get_xdata()) - one.inputs[:, 0]).max() < 0.5


def test_each_input_has_a_panel_with_its_correlation() -> None:
    figure = uncertainty_figure([predictions(seed) for seed in range(3)], FEATURES, unit="dollars")
    first, second = figure.axes
    assert (first.get_xlabel(), second.get_xlabel()) == FEATURES
    assert first.get_ylabel() == "Predicted Standard Deviation\n(dollars)"
    assert first.get_title().startswith("ρ = 0.9")
    assert " to " in first.get_title()
    assert first.get_ylim() == second.get_ylim()
    figure.draw_without_rendering()
    assert "20,000" in [tick.get_text() for tick in first.get_yticklabels()]


def test_deviations_that_span_much_are_on_a_logarithmic_axis() -> None:
    one = predictions(0)
    wide = GaussianPredictions(0, 0, one.mean, one.std * 10 ** one.inputs[:, 0], one.targets, one.inputs)
    figure = uncertainty_figure([wide], FEATURES, unit="dollars")
    assert figure.axes[0].get_yscale() == "log"
    figure.draw_without_rendering()


def test_an_input_that_does_not_vary_is_drawn() -> None:
    one = predictions(0)
    inputs = np.stack([np.ones(200), one.inputs[:, 1]], axis=1)
    figure = uncertainty_figure(
        [GaussianPredictions(0, 0, one.mean, one.std, one.targets, inputs)], FEATURES, unit="dollars"
    )
    assert figure.axes[0].get_title() == "ρ: the input does not vary"
    figure.draw_without_rendering()


def test_many_inputs_are_in_rows() -> None:
    one = predictions(0)
    inputs = np.random.default_rng(0).normal(size=(200, 7))
    many = GaussianPredictions(0, 0, one.mean, one.std, one.targets, inputs)
    figure = uncertainty_figure([many], [f"s{number}" for number in range(7)], unit="")
    assert [ax.get_xlabel() for ax in figure.axes if ax.axison] == [f"s{number}" for number in range(7)]


def test_the_caption_counts_what_lies_outside() -> None:
    one = predictions(0)
    assert "outside" not in uncertainty_caption("Houses", "ReLU*", [one])
    std = one.std.copy()
    std[0] = 1e6
    stray = GaussianPredictions(0, 0, one.mean, std, one.targets, one.inputs)
    words = uncertainty_caption("Houses", "ReLU*", [stray, one])
    assert "1 of 400 predictions lie outside" in words
    assert "2 replicates" in words


def test_no_predictions_are_refused() -> None:
    with pytest.raises(ValueError, match="none were given"):
        uncertainty_figure([], FEATURES, unit="dollars")
