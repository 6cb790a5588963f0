"""What a network's outputs decide between two classes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.frames.decisions import Decision, decision, margin, score

SIDE, REACH = 8, 2.0


def grid(side: int = SIDE, reach: float = REACH) -> np.ndarray[Any, Any]:
    """Return grid points [side², 2] as the engine orders them."""
    axis = np.linspace(-reach, reach, side)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def stored(rows: int = 12, **more: Any) -> dict[str, Any]:
    """Return points of which those with a positive first input are of class 1."""
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (rows, 2))
    return {"inputs": points, "targets": (points[:, 0] > 0).astype(int), **more}


def learnt(**more: Any) -> Decision:
    """Return the decision of a logit that is the first input."""
    data = stored(**more)
    return decision(grid()[:, :1], data["inputs"][:, :1], data, objective="bce_with_logits", reach=REACH)


@pytest.mark.parametrize(
    ("objective", "outputs", "expected"),
    [
        ("bce_with_logits", [[0.0], [2.0], [-2.0]], [0.5, 0.880797, 0.119203]),
        ("mse", [[0.5], [1.3], [-0.1]], [0.5, 1.3, -0.1]),
        ("cross_entropy", [[1.0, 1.0], [1.0, 3.0], [3.0, 1.0]], [0.5, 0.880797, 0.119203]),
        ("mse_softmax", [[1.0, 3.0]], [0.880797]),
    ],
)
def test_scores_are_probabilities_of_class_1(objective: str, outputs: list[list[float]], expected: list[float]) -> None:
    np.testing.assert_allclose(score(outputs, objective=objective), expected, rtol=1e-5)


@given(st.lists(st.floats(-1e30, 1e30), min_size=1), st.sampled_from(["mse", "bce_with_logits"]))
def test_a_score_above_one_half_is_never_predicted_as_class_0(values: list[float], objective: str) -> None:
    outputs = np.array(values)[:, None]
    scores, speaks = score(outputs, objective=objective), margin(outputs, objective=objective)
    assert np.isfinite(scores).all()
    assert np.all(speaks[scores > 0.5] > 0)
    assert np.all(speaks[scores < 0.5] < 0)


@pytest.mark.parametrize("outputs", [[[1.0, 2.0, 3.0]], [1.0, 2.0]])
def test_outputs_of_other_than_two_classes_are_refused(outputs: Any) -> None:
    with pytest.raises(ValueError, match="not of two classes"):
        margin(outputs, objective="cross_entropy")


def test_rows_of_the_grid_are_the_second_input() -> None:
    data = stored()
    up = decision(grid()[:, 1:], data["inputs"][:, 1:], data, objective="bce_with_logits", reach=REACH)
    assert np.all(np.diff(up.scores, axis=0) > 0)
    assert np.all(np.diff(up.scores, axis=1) == 0)
    assert np.all(np.diff(learnt().scores, axis=1) > 0)


def test_points_and_grid_are_in_the_unit_of_the_source() -> None:
    offset, scale = np.array([10.0, -5.0]), np.array([2.0, 0.5])
    own = learnt(input_offset=offset, input_scale=scale)
    assert own.extent == (6.0, 14.0, -6.0, -4.0)
    np.testing.assert_allclose(own.points, stored()["inputs"] * scale + offset)
    assert learnt().extent == (-REACH, REACH, -REACH, REACH)


def test_the_accuracy_is_that_of_the_points() -> None:
    assert learnt().accuracy == 100.0
    data = stored()
    data["targets"] = np.where(np.arange(12) < 3, 1 - data["targets"], data["targets"])
    own = decision(grid()[:, :1], data["inputs"][:, :1], data, objective="bce_with_logits", reach=REACH)
    assert own.accuracy == 75.0
    np.testing.assert_array_equal(np.flatnonzero(own.missed), [0, 1, 2])


def test_a_grid_that_is_not_square_is_refused() -> None:
    data = stored()
    with pytest.raises(ValueError, match="60 points are no square grid"):
        decision(grid()[:60, :1], data["inputs"][:, :1], data, objective="mse", reach=REACH)


def test_outputs_of_other_rows_are_refused() -> None:
    data = stored()
    with pytest.raises(ValueError, match="not of the same rows"):
        decision(grid()[:, :1], data["inputs"][:5, :1], data, objective="mse", reach=REACH)
