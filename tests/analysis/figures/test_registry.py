"""Which figure a table gets for which name, and when there is nothing to draw."""

from typing import Any

import numpy as np
import pytest

from analysis.figures.registry import PICTURES
from analysis.frames.gaussian_predictions import gaussian_replicates
from tune_jobs.ledger.targets import targets_name, write_targets
from tune_jobs.study.model import FIGURES

TOY = """\
base: {dataset: toy, hidden_units: 4, epochs: 3, objective: mse}
tables:
  - {factor: activation, levels: [relu, tanh, sigmoid], figures: [decision_boundary]}
"""
GAUSSIAN = """\
base: {dataset: diabetes, hidden_units: 4, epochs: 3, objective: gaussian_nll}
tables:
  - {factor: activation, levels: [relu, tanh]}
  - name: objective
    factor: objective
    levels: [gaussian_nll, mse]
"""


def keep(ran: Any, inputs: int, **more: Any) -> Any:
    """Keep what predictions are compared with: inputs and targets that alternate between two values."""
    name = targets_name("f" * 64, ran.study.config())
    arrays = {
        "targets": np.array([1, 0] * 3),
        "inputs": np.stack([np.linspace(-1, 1, 6)] * inputs, axis=1),
        "input_offset": np.full(inputs, 10.0),
        "input_scale": np.full(inputs, 2.0),
    }
    write_targets(ran.ledger.storage, name, {**arrays, **more})
    return ran


def gaussian(ran: Any) -> Any:
    return keep(ran, 10, target_mean=np.array(150.0), target_std=np.array(80.0))


def drawn(ran: Any, kind: str, table: str = "activation") -> Any:
    return PICTURES[kind](ran.view(table), ran.evidence)


def titles(figure: Any) -> list[str]:
    return [ax.get_title() for ax in figure.axes if ax.get_title()]


def test_every_figure_that_a_study_may_ask_for_can_be_drawn() -> None:
    assert set(PICTURES) == set(FIGURES)


def test_boundaries_are_a_panel_for_each_level(run: Any, fate: Any) -> None:
    ran = run(
        TOY,
        fates=lambda config: {
            "tanh": fate("diverged", 2, "not finite"),
            "sigmoid": fate("missing"),
        }.get(config.activation, fate(last=100.0)),
    )
    figure, caption = drawn(keep(ran, 2), "decision_boundary")
    assert titles(figure) == ["ReLU*\n100.0%", "Tanh", "Sigmoid"]
    written = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert {"diverged", "not run yet"} <= set(written)
    image = figure.axes[0].images[0]
    np.testing.assert_allclose(image.get_array(), [[-1, 1], [-1, 1]])
    assert "the network of seed 0 " in caption


def test_boundaries_need_kept_predictions(run: Any, fate: Any) -> None:
    assert drawn(run(TOY), "decision_boundary") is None, "inputs were not kept"
    without = run(TOY, fates=lambda config: fate(last=100.0, changes={"grid_outputs": ()}))
    assert drawn(keep(without, 2), "decision_boundary") is None


def test_boundaries_of_many_levels_show_the_first(run: Any) -> None:
    levels = list(range(2, 20))
    ran = run(TOY.replace("activation, levels: [relu, tanh, sigmoid]", f"hidden_units, levels: {levels}"), seeds=1)
    figure, caption = drawn(keep(ran, 2), "decision_boundary", "hidden_units")
    assert len(titles(figure)) == 15
    assert caption.endswith("The first 15 of 18 levels are shown.")


def test_other_inputs_have_no_boundary(run: Any) -> None:
    ran = run(GAUSSIAN)
    assert drawn(ran, "decision_boundary") is None


def test_calibration_and_uncertainty_are_those_of_gaussian_levels(run: Any) -> None:
    ran = gaussian(run(GAUSSIAN))
    figure, caption = drawn(ran, "calibration")
    lines = [line.get_label() for line in figure.axes[0].lines if not line.get_label().startswith("_")]
    assert lines == ["ReLU*", "Tanh"]
    assert "; Tanh: " in caption
    figure, caption = drawn(ran, "calibration", "objective")
    assert len([line for line in figure.axes[0].lines if not line.get_label().startswith("_")]) == 1
    figure, caption = drawn(ran, "uncertainty")
    assert [ax.get_xlabel() for ax in figure.axes[:3]] == ["age", "sex", "bmi"]
    assert "standard deviations of ReLU on the validation part, 3 replicates together" in caption
    assert "progression units" in figure.axes[0].get_ylabel()


def test_gaussians_of_a_logarithm_are_drawn_in_the_targets_unit_and_the_captions_say_so(run: Any) -> None:
    text = GAUSSIAN.replace("base: {", "base: {target_transform: log, ")
    ran = keep(run(text), 10, target_mean=np.array(5.0), target_std=np.array(0.5))
    for kind in ("calibration", "uncertainty"):
        figure, caption = drawn(ran, kind)
        assert figure.axes
        assert "Under a log target the predicted Gaussian is of the logarithm" in caption
    for one in gaussian_replicates(ran.evidence.rows, ran.evidence):
        assert set(one.targets.round(3)) == {round(float(np.exp(x)), 3) for x in (5.0, 5.5)}
        assert (one.mean > np.exp(one.logs[0])).all(), "the mean of a log-normal distribution lies above its median"
    plain = gaussian(run(GAUSSIAN))
    assert "log" not in drawn(plain, "calibration")[1]


def test_boundaries_over_transformed_inputs_are_left_out_with_a_reason(run: Any) -> None:
    text = TOY.replace(
        "factor: activation, levels: [relu, tanh, sigmoid]", "factor: input_transform, levels: [none, log1p]"
    )
    figure, _ = drawn(keep(run(text), 2), "decision_boundary", "input_transform")
    written = " ".join(text.get_text() for ax in figure.axes for text in ax.texts).replace("\n", " ")
    assert "its inputs are transformed" in written


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
    ran = gaussian(run(text, fates=lambda config: fate(last=60.0, changes=unmeasured)))
    assert ran.trials["epoch"].notna().all()
    assert drawn(ran, kind) is None


def test_gaussian_predictions_are_in_the_units_of_the_source(run: Any) -> None:
    evidence = gaussian(run(GAUSSIAN)).evidence
    found = list(gaussian_replicates(evidence.rows, evidence))
    assert [(one.position, one.seed) for one in found] == [(p, seed) for p in (0, 1, 2) for seed in range(3)]
    np.testing.assert_allclose(found[0].mean[[0, -1]], [70.0, 230.0])
    np.testing.assert_allclose(found[0].inputs[0], 8.0)


def test_curves_and_losses_have_a_line_for_each_level(run: Any) -> None:
    ran = run(GAUSSIAN)
    for kind in ("curves", "losses"):
        figure, caption = drawn(ran, kind)
        assert figure.axes
        assert caption
