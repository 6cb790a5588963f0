"""Predicted standard deviations against inputs."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.uncertainty import BINS, draw_uncertainty, uncertainty_caption, uncertainty_figure
from analysis.frames.gaussian_predictions import (
    GaussianPredictions,
)
from tests.analysis.frames.test_gaussian_predictions import certain

FEATURES = ("OverallQual", "GrLivArea")


def drawn(values: NDArray[np.float64], std: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the line of medians."""
    ax = draw_uncertainty(Figure().subplots(), values, std)
    (line,) = [line for line in ax.lines if line.get_label() == "Median"]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_an_input_with_few_values_has_a_median_for_each() -> None:
    one = certain(0)
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
    one = certain(0)
    ax = draw_uncertainty(Figure().subplots(), one.inputs[:, 0], one.std)
    points = ax.lines[0]
    np.testing.assert_array_equal(points.get_ydata(), one.std)
    assert np.abs(np.asarray(points.get_xdata()) - one.inputs[:, 0]).max() < 0.5


def test_each_input_has_a_panel_with_its_correlation() -> None:
    figure = uncertainty_figure([certain(seed) for seed in range(3)], FEATURES, unit="dollars")
    first, second = figure.axes
    assert (first.get_xlabel(), second.get_xlabel()) == FEATURES
    assert first.get_ylabel() == "Predicted Standard Deviation\n(dollars)"
    assert first.get_title().startswith("ρ = 0.9")
    assert " to " in first.get_title()
    assert first.get_ylim() == second.get_ylim()
    figure.draw_without_rendering()
    assert "20,000" in [tick.get_text() for tick in first.get_yticklabels()]


def test_deviations_that_span_much_are_on_a_logarithmic_axis() -> None:
    one = certain(0)
    wide = GaussianPredictions(0, 0, one.mean, one.std * 10 ** one.inputs[:, 0], one.targets, one.inputs)
    figure = uncertainty_figure([wide], FEATURES, unit="dollars")
    assert figure.axes[0].get_yscale() == "log"
    figure.draw_without_rendering()


def test_an_input_that_does_not_vary_is_drawn() -> None:
    one = certain(0)
    inputs = np.stack([np.ones(200), one.inputs[:, 1]], axis=1)
    figure = uncertainty_figure(
        [GaussianPredictions(0, 0, one.mean, one.std, one.targets, inputs)], FEATURES, unit="dollars"
    )
    assert figure.axes[0].get_title() == "ρ: the input does not vary"
    figure.draw_without_rendering()


def test_many_inputs_are_in_rows() -> None:
    one = certain(0)
    inputs = np.random.default_rng(0).normal(size=(200, 7))
    many = GaussianPredictions(0, 0, one.mean, one.std, one.targets, inputs)
    figure = uncertainty_figure([many], [f"s{number}" for number in range(7)], unit="")
    assert [ax.get_xlabel() for ax in figure.axes if ax.axison] == [f"s{number}" for number in range(7)]


def test_the_caption_counts_what_lies_outside() -> None:
    one = certain(0)
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
