"""Trials as numbers, all after the same epoch."""

from typing import Any

import numpy as np
import pytest

from models.history import DIVERGED
from tune_jobs.standing.search import points
from tune_jobs.standing.search.points import coded


def test_all_trials_after_the_first_rung(simulation: Any) -> None:
    state = simulation(budget={"trials": 40}).run()
    data = coded(state)
    assert data is not None
    assert data.epoch == 1
    assert data.numbers == tuple(range(40)), "those that were stopped are there like the others"
    assert data.points.shape == (40, 5)
    assert data.levels == tuple({"optimizer": 2, "activation": 2}.get(name, 0) for name in state.search.space.names)
    measured = []
    for row, value, one in zip(data.points, data.values, state.trials.values(), strict=True):
        where = dict(zip(state.search.space.names, row, strict=True))
        assert where["optimizer"] == ["adam", "nesterov"].index(one.values["optimizer"])
        assert 0 <= where["learning_rate"] <= 1
        assert where["momentum"] == 0.5 or "momentum" in one.values
        if one.record.outcome != DIVERGED or one.record.epochs > 1:
            measured.append((one.record.validation_metric[0], value))
    assert sorted(measured) == sorted(measured, key=lambda pair: (pair[1], pair[0])), "a better trial has no lower rank"
    assert abs(float(np.mean(data.values))) < 0.1


def test_diverged_trials_have_the_worst_value(simulation: Any) -> None:
    run = simulation(budget={"trials": 40}, grace_epochs=3)
    state = run.run()
    data = coded(state)
    assert data is not None
    gone = [one.record.outcome == DIVERGED and one.record.epochs <= 3 for one in state.trials.values()]
    assert any(gone)
    assert np.all(data.values[np.array(gone)] == data.values[~np.array(gone)].min())


def test_the_median_rule_stops_after_its_first_epoch_and_loses_nobody(simulation: Any) -> None:
    state = simulation(budget={"trials": 40}, scheduler="median", grace_epochs=2).run()
    assert any(one.stopped_at == 2 for one in state.trials.values())
    data = coded(state)
    assert data is not None
    assert data.epoch == 2
    assert len(data.numbers) == 40


def test_too_few_or_equal_trials_say_nothing(simulation: Any) -> None:
    assert coded(simulation(budget={"trials": 9}).run()) is None
    run = simulation(budget={"trials": 20})
    run.curve = lambda trial: ([50.0] * 9, None)
    assert coded(run.run()) is None


def test_points_outside_the_space_are_left_out(simulation: Any, make_study: Any) -> None:
    run = simulation(budget={"trials": 40})
    run.run()
    run.study = make_study(
        budget={"trials": 40},
        space={
            "learning_rate": {"low": 0.0001, "high": 0.1, "scale": "log"},
            "optimizer": ["adam"],
            "hidden_units": {"low": 2, "high": 16},
            "activation": ["relu", "tanh"],
        },
    )
    state = run.state
    data = coded(state)
    assert data is not None
    assert data.numbers == tuple(n for n, one in state.trials.items() if one.values["optimizer"] == "adam")


def test_of_many_trials_some_are_drawn(simulation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    state = simulation(budget={"trials": 40}).run()
    whole = coded(state)
    monkeypatch.setattr(points, "MOST_TRIALS", 15)
    drawn, again = coded(state), coded(state)
    assert whole is not None
    assert drawn is not None
    assert again is not None
    assert (whole.known, drawn.known, len(drawn.points)) == (40, 40, 15)
    assert drawn.numbers == again.numbers, "the search's seed says which"
    places = [whole.numbers.index(number) for number in drawn.numbers]
    assert np.array_equal(drawn.points, whole.points[places])
    assert np.array_equal(drawn.values, whole.values[places]), "a rank is that among all trials"
