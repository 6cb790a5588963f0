"""The coverage of predicted intervals as a figure."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures.calibration import calibration_caption, calibration_figure, draw_coverage
from analysis.frames.gaussian_predictions import (
    coverage_frame,
    gaussian_replicates,
    spread_frame,
)
from analysis.statistics.coverage import (
    NOMINAL,
)
from analysis.tables.tables import Line, TableView
from tests.analysis.figures.kept import GAUSSIAN, drawn, keep, keep_gaussians
from tests.analysis.frames.test_gaussian_predictions import predictions


def view(*labels: str, default: int = 0) -> TableView:
    """Return a table of such levels, one the default."""
    lines = tuple(Line(number, (label,), number == default, planned=3) for number, label in enumerate(labels))
    return TableView("t", "Activation", ("Activation",), lines, "RMSE", "dollars", False)


def test_a_line_is_the_mean_of_its_replicates_in_percent() -> None:
    frame = coverage_frame([predictions(position, seed) for position in (0, 1) for seed in range(3)])
    ax = draw_coverage(Figure().subplots(), view("ReLU", "tanh", "not run"), frame)
    lines = {str(line.get_label()): line for line in ax.lines if not str(line.get_label()).startswith("_")}
    assert list(lines) == ["ReLU*", "tanh"]
    own = frame[frame["position"] == 1].groupby("nominal")["observed"].mean()
    np.testing.assert_allclose(lines["tanh"].get_ydata(), 100 * own)
    np.testing.assert_allclose(lines["tanh"].get_xdata(), 100 * NOMINAL)
    assert len(ax.collections) == 3, "the band of chance, and one for each level"
    assert "%" in ax.get_xlabel()
    assert "%" in ax.get_ylabel()


def test_the_figure_and_its_caption() -> None:
    many = [predictions(0, seed) for seed in range(2)] + [predictions(1, seed, factor=1e300) for seed in range(2)]
    table = view("ReLU", "a level with a name of so many words that it needs lines")
    frame = coverage_frame(many)
    figure = calibration_figure(table, frame)
    figure.draw_without_rendering()
    assert figure.legends[0].get_texts()[1].get_text().count("\n") > 0
    words = calibration_caption(table, frame, spread_frame(many))
    assert "400 targets" in words
    rmse = spread_frame(many[:2])["rmse"].mean()
    assert f"against {rmse:,.0f} dollars; a level" in words
    assert "more than 1e9 against" in words
    assert "replicates" not in calibration_caption(table, frame[frame["seed"] == 0], spread_frame([]))


def test_calibration_and_uncertainty_are_those_of_gaussian_levels(run: Any) -> None:
    ran = keep_gaussians(run(GAUSSIAN))
    figure, caption = drawn(ran, "calibration")
    lines = [line.get_label() for line in figure.axes[0].lines if not line.get_label().startswith("_")]
    assert lines == ["ReLU*", "Tanh"]
    assert "; Tanh: " in caption
    figure, caption = drawn(ran, "calibration", "objective")
    assert len([line for line in figure.axes[0].lines if not line.get_label().startswith("_")]) == 1
    figure, caption = drawn(ran, "uncertainty")
    assert [ax.get_xlabel() for ax in figure.axes[:3]] == ["age", "sex", "bmi"]
    assert "standard deviations of ReLU on the validation part, 3 replicates pooled" in caption
    assert "progression units" in figure.axes[0].get_ylabel()


def test_gaussians_of_a_logarithm_are_drawn_in_the_targets_unit_and_the_captions_say_so(run: Any) -> None:
    text = GAUSSIAN.replace("base: {", "base: {target_transform: log, ")
    ran = keep(run(text), 10, target_mean=np.array(5.0), target_std=np.array(0.5))
    for kind in ("calibration", "uncertainty"):
        figure, caption = drawn(ran, kind)
        assert figure.axes
        assert "Under a log target the network predicts a Gaussian of the logarithm" in caption
    for one in gaussian_replicates(ran.evidence.standing.rows, ran.evidence):
        assert set(one.targets.round(3)) == {round(float(np.exp(x)), 3) for x in (5.0, 5.5)}
        assert (one.mean > np.exp(one.logs[0])).all(), "the mean of a log-normal distribution lies above its median"
    plain = keep_gaussians(run(GAUSSIAN))
    assert "log" not in drawn(plain, "calibration")[1]


@pytest.mark.parametrize("kind", ["calibration", "uncertainty"])
def test_without_predictions_there_is_nothing_to_draw(run: Any, fate: Any, kind: str) -> None:
    assert drawn(run(GAUSSIAN), kind) is None, "targets were not kept"
    unmeasured = {
        "measured_epochs": (),
        "validation_outputs": (),
        "measured_train_loss": (),
        "measured_train_metric": (),
    }
    text = GAUSSIAN.replace("base:", "train_metric: running\nbase:")
    ran = keep_gaussians(run(text, fates=lambda config: fate(last=60.0, changes=unmeasured)))
    assert ran.trials["epoch"].notna().all()
    assert drawn(ran, kind) is None
