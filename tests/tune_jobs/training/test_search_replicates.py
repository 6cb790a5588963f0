"""Searches whose candidates are judged by several seeds."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.history import COMPLETED
from tune_jobs.standing.search.journal import RUNG
from tune_jobs.standing.search.search_trial import FINISHED
from tune_jobs.trial.trial import Trial


def noisy_curve(trial: Trial) -> tuple[list[float], None]:
    """Accuracies that rise to what the configuration is worth, and the seed's luck."""
    config = trial.config
    luck = np.random.default_rng(int(trial.key[:12], 16)).normal(0, 1.5)
    worth = 80 + 4 * (math.log10(config.learning_rate) + 4) + luck
    return [worth * (1 - 0.5**epoch) for epoch in range(1, trial.epochs + 1)], None


@pytest.fixture
def raced(simulation: Any, make_study: Any) -> Any:
    def make(**search: Any) -> Any:
        options = {"replicates": 3, "budget": {"trials": 20}, **search}
        run = simulation(make_study(**options))
        run.curve = noisy_curve
        return run

    return make


def test_what_goes_on_has_all_its_seeds_and_what_is_clearly_behind_has_one(raced: Any) -> None:
    run = raced()
    state = run.run()
    assert state.over
    assert len(state.trials) == 20
    finished = [one for one in state.trials.values() if one.standing("last") == FINISHED]
    assert finished
    for one in finished:
        assert [record.epochs for record in one.records] == [9, 9, 9]
        assert state.final_score(one) == pytest.approx(
            np.mean([record.validation_metric[-1] for record in one.records])
        )
    counts = Counter(sum(bool(epochs) for epochs in state.epochs_of(one)) for one in state.stopped)
    assert counts[1] > 3
    assert counts[3] > 1
    assert state.epochs_trained == sum(record.epochs for record in run.records.values())


def test_seeds_are_ordinary_trials_with_their_splits(raced: Any) -> None:
    state = raced(root={"splits": "validation"}).run()
    first = state.trials[0]
    assert [(t.config.seed, t.config.split_seed) for t in first.trials] == [(0, 0), (1, 1), (2, 2)]
    fixed = raced().run().trials[0]
    assert [(t.config.seed, t.config.split_seed) for t in fixed.trials] == [(0, 0), (1, 0), (2, 0)]


def test_every_trial_has_all_seeds_where_nothing_stops_it(raced: Any) -> None:
    run = raced(scheduler="none", budget={"trials": 4})
    state = run.run()
    assert len(run.trained) == len(set(run.trained)) == 12
    assert all(record.outcome == COMPLETED for one in state.trials.values() for record in one.records)


@settings(max_examples=12)
@given(lives=st.lists(st.integers(1, 60), max_size=4), scheduler=st.sampled_from(["asha", "asha", "hyperband"]))
def test_killed_anywhere_and_continued_equals_left_alone(
    simulation: Any, make_study: Any, decided: Any, lives: list[int], scheduler: str
) -> None:
    study = make_study(replicates=3, budget={"trials": 9}, scheduler=scheduler)
    alone, killed = simulation(study), simulation(study)
    expected = decided(alone.run())
    for life in lives:
        killed.run(lives=life)
    state = killed.run()
    assert decided(state) == expected
    assert {key: record.epochs for key, record in killed.records.items()} == {
        key: record.epochs for key, record in alone.records.items()
    }


@settings(max_examples=10)
@given(lives=st.lists(st.integers(1, 40), max_size=3), order=st.integers(0, 1000))
def test_several_workers_end_every_candidate(simulation: Any, make_study: Any, lives: list[int], order: int) -> None:
    run = simulation(make_study(replicates=2, budget={"trials": 10}))
    for life in lives:
        run.run(lives=life, workers=3, order=order)
    state = run.run(workers=3, order=order + 1)
    assert state.over
    assert not state.open
    assert len(state.trials) == 10
    asked = [(event.trial, event.epoch, event.seed) for event in run.events if event.kind == RUNG]
    assert len(asked) == len(set(asked)), "nothing is decided twice"


def test_what_the_ledger_has_is_not_trained(raced: Any) -> None:
    first = raced(scheduler="none")
    first.run()
    second = raced()
    second.records = dict(first.records)
    state = second.run()
    assert second.trained == []
    assert state.stopped
    assert state.over


def test_a_failed_seed_fails_its_candidate(raced: Any) -> None:
    run = raced(scheduler="none", budget={"trials": 3})
    run.fail = lambda trial: trial.config.seed == 1
    state = run.run()
    assert len(state.failed) == 3
    assert len(run.trained) == 6
    run.fail = lambda trial: False
    state = run.run(retry_failed=True)
    assert not state.failed
    assert len(state.finished) == 3
