"""Ranges at an edge: found where the response says so, not where chance does, and widened within bounds."""

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from analysis.statistics.edges import HIGH, LOW, Parameter, edges

RATE = Parameter("learning_rate", "range", 1e-4, 1e-2, log=True)


def trials(optimum: float, *, n: int = 60, seed: int = 0, noise: float = 0.1) -> pd.DataFrame:
    """Return trials whose score falls with the square of the distance, in decades, from the best learning rate."""
    rng = np.random.default_rng(seed)
    rate = 10 ** rng.uniform(-4, -2, n)
    score = 90 - (np.log10(rate) - optimum) ** 2 + rng.normal(0, noise, n)
    return pd.DataFrame({"learning_rate": rate, "score": score})


def test_an_optimum_beyond_the_end_is_found_and_the_range_widened() -> None:
    found = edges([RATE], trials(-1.0), higher_is_better=True)
    assert [(edge.parameter.name, edge.side, edge.wider) for edge in found] == [
        ("learning_rate", HIGH, pytest.approx(0.1))
    ]
    assert YAML(typ="safe").load(found[0].yaml) == {"learning_rate": {"low": 1e-4, "high": 0.1, "scale": "log"}}
    assert "the best may lie beyond it" in found[0].words


def test_the_lower_end_and_the_other_direction() -> None:
    frame = trials(-5.5)
    found = edges([RATE], frame.assign(score=-frame["score"]), higher_is_better=False)
    assert [(edge.side, edge.wider) for edge in found] == [(LOW, pytest.approx(1e-5))]
    assert YAML(typ="safe").load(found[0].yaml)["learning_rate"]["low"] == pytest.approx(1e-5)


def test_an_optimum_inside_is_no_edge() -> None:
    assert edges([RATE], trials(-3.0), higher_is_better=True) == []


def test_a_response_that_falls_off_at_the_edge_is_no_edge() -> None:
    # The best rate lies in the outer tenth, and the metric falls steeply behind it.
    position = np.concatenate([np.linspace(0, 0.9, 40), np.linspace(0.91, 1.0, 12)])
    score = np.where(position <= 0.91, position, 0.91 - 20 * (position - 0.91))
    frame = pd.DataFrame({"width": position, "score": score})
    assert edges([Parameter("width", "range", 0.0, 1.0)], frame, higher_is_better=True) == []


def test_the_field_s_own_bound_is_not_crossed() -> None:
    dropout = Parameter("dropout", "range", 0.0, 0.5, hard_low=0.0, hard_high=0.6)
    spread = np.linspace(0, 0.5, 30)
    high = edges([dropout], pd.DataFrame({"dropout": spread, "score": spread}), higher_is_better=True)
    assert [edge.wider for edge in high] == [0.6]
    low = edges([dropout], pd.DataFrame({"dropout": spread, "score": -spread}), higher_is_better=True)
    assert [(edge.side, edge.wider, edge.yaml) for edge in low] == [(LOW, None, "")]
    assert "the range cannot be widened" in low[0].words


@pytest.mark.parametrize(
    ("parameter", "rising", "expected"),
    [
        (Parameter("units", "range", 8, 256, log=True, integer=True), True, 512),
        (Parameter("units", "range", 1, 256, log=True, integer=True), False, None),
        (Parameter("units", "range", 3, 256, log=True, integer=True), False, 1),
        (Parameter("units", "range", 1, 6, integer=True), True, 11),
        (Parameter("units", "range", 0.1, 0.9), True, 1.4),
        (Parameter("units", "range", 8, 64, integer=True, step=8), True, 120),
        (Parameter("units", "range", 8, 64, integer=True, step=8, hard_low=1), False, None),
        (Parameter("units", "range", 8, 64, integer=True, step=8, hard_high=85), True, 80),
        (Parameter("units", "range", 8, 16, integer=True, step=8), True, 24),
        (Parameter("units", "range", 0.2, 0.5, step=0.1, hard_low=0), False, 0.0),
    ],
)
def test_how_far_a_range_is_widened(parameter: Parameter, rising: bool, expected: float | None) -> None:
    values = np.geomspace(parameter.low, parameter.high, 40)
    values = np.round(values) if parameter.integer else values
    frame = pd.DataFrame({"units": values, "score": values if rising else -values})
    found = edges([parameter], frame, higher_is_better=True)
    assert [edge.wider for edge in found] == [expected if expected is None else pytest.approx(expected)]


def test_trials_that_ended_badly_are_the_worst() -> None:
    frame = trials(-1.0)
    frame.loc[frame["learning_rate"] > 10**-2.4, "score"] = np.nan
    assert edges([RATE], frame, higher_is_better=True) == []


def test_choices_unused_parameters_and_few_trials_have_no_edge() -> None:
    frame = trials(-1.0).assign(momentum=np.nan, activation="relu")
    others = [Parameter("activation", "choice"), Parameter("momentum", "range", 0.5, 0.99)]
    assert edges(others, frame, higher_is_better=True) == []
    assert edges([RATE], frame.iloc[:9], higher_is_better=True) == []


def test_a_parameter_without_effect_is_seldom_at_an_edge() -> None:
    rng = np.random.default_rng(0)
    parameters = [Parameter(f"p{number}", "range") for number in range(6)]
    called = 0
    for _ in range(150):
        frame = pd.DataFrame({parameter.name: rng.random(40) for parameter in parameters})
        called += bool(edges(parameters, frame.assign(score=rng.normal(size=40)), higher_is_better=True))
    assert called / 150 <= 0.06


def test_an_edge_is_seldom_missed() -> None:
    found = [edges([RATE], trials(-1.5, n=40, seed=seed, noise=0.5), higher_is_better=True) for seed in range(40)]
    assert np.mean([bool(own) for own in found]) >= 0.8


def test_what_is_no_range_is_refused() -> None:
    with pytest.raises(ValueError, match="learning_rate: 0 to 1 is no range; give a low above 0"):
        edges([Parameter("learning_rate", "range", 0, 1, log=True)], trials(-3), higher_is_better=True)
    with pytest.raises(ValueError, match="no column dropout"):
        edges([Parameter("dropout", "range")], trials(-3), higher_is_better=True)


def test_a_wider_range_keeps_its_step() -> None:
    frame = pd.DataFrame({"units": np.repeat(np.arange(8, 65, 8), 5), "score": np.repeat(np.arange(8), 5)})
    (found,) = edges([Parameter("units", "range", 8, 64, integer=True, step=8)], frame, higher_is_better=True)
    assert found.yaml == "units: {low: 8, high: 120, step: 8}"
