"""Predictions of a regression against the targets."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.parity import draw_parity, draw_residuals, parity_caption, parity_figure
from analysis.frames.value_predictions import ValuePredictions, value_replicates
from tests.analysis.figures.kept import GAUSSIAN, TOY, drawn, keep, keep_gaussians

ONE = ValuePredictions(0, np.array([1.0, 3.0, 5.0]), np.array([1.0, 1.0, 6.0]))


def test_points_are_targets_and_predictions_and_what_is_left_over() -> None:
    ax = draw_parity(Figure().subplots(), ONE.predicted, ONE.targets, unit="m")
    points = next(line for line in ax.lines if line.get_label() == "_points")
    np.testing.assert_array_equal(points.get_xydata(), np.stack([ONE.targets, ONE.predicted], axis=1))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Target (m)", "Prediction (m)")
    ax = draw_residuals(Figure().subplots(), ONE.predicted, ONE.targets, unit="")
    points = next(line for line in ax.lines if line.get_label() == "_points")
    np.testing.assert_array_equal(points.get_ydata(), [0.0, 2.0, -1.0])


def test_replicates_are_pooled_and_the_caption_says_how_far_off_they_are() -> None:
    figure = parity_figure([ONE, ONE], unit="m")
    figure.draw_without_rendering()
    assert len(figure.axes) == 3
    assert sum(bar.get_height() for bar in figure.axes[2].patches) == 6
    caption = parity_caption("Width", "8", [ONE, ONE])
    assert "2 replicates pooled" in caption
    assert "predictions are 0.33 too high, and half of all are within ±1.00." in caption


def test_predictions_that_are_not_finite_are_left_out_and_counted() -> None:
    broken = ValuePredictions(1, np.array([np.inf, np.nan, 5.0]), np.array([1.0, 1.0, 5.0]))
    parity_figure([ONE, broken], unit="m").draw_without_rendering()
    caption = parity_caption("Width", "8", [ONE, broken])
    assert "predictions are 0.25 too high" in caption
    assert caption.endswith("2 predictions that are not finite: left out.")


def test_small_targets_get_as_many_decimals_as_they_need() -> None:
    small = ValuePredictions(0, np.array([0.0012, 0.0034]), np.array([0.001, 0.003]))
    assert "0.00030 too high, and half of all are within ±0.00030." in parity_caption("Width", "8", [small])
    exact = ValuePredictions(0, np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    assert "On average predictions are right, and half of all are within ±0.00." in parity_caption("W", "8", [exact])


def test_predictions_are_in_the_targets_unit_and_fit_the_metric(run: Any) -> None:
    ran = keep_gaussians(run(GAUSSIAN))
    evidence = ran.evidence
    by_objective = {row.config.objective: row for _, row in evidence.rows_of("objective")}
    for row in by_objective.values():
        found = list(value_replicates(row, evidence))
        assert [one.seed for one in found] == [0, 1, 2]
        for one in found:
            np.testing.assert_allclose(one.targets, [230.0, 150.0] * 3)
            assert one.rmse > 0
    (plain, *_) = value_replicates(by_objective["mse"], evidence)
    np.testing.assert_allclose(plain.predicted, [150 + 80 * 0.9, 150 + 80 * 0.1] * 3, rtol=1e-6)


def test_a_table_of_a_regression_has_one_and_classes_have_not(run: Any) -> None:
    figure, caption = drawn(keep_gaussians(run(GAUSSIAN)), "parity")
    assert figure.axes[0].get_xlabel().startswith("Target")
    assert "of ReLU on the validation part" in caption
    assert drawn(keep(run(TOY), 2), "parity") is None
