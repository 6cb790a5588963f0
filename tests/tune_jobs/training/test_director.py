"""The director: budgets, points, and that a search which was killed anywhere becomes the one that was left alone."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.history import COMPLETED, PRUNED
from models.version import STACKED
from tune_jobs.standing.search.journal import DRAWN, ENDED, OUT_OF_TIME, RUNG, USED_UP, Event
from tune_jobs.standing.search.point_trials import make_trial
from tune_jobs.standing.search.search_trial import SearchTrial
from tune_jobs.training.director import Director

FINGERPRINTS = {"digits": "data"}


def kinds(run: Any) -> Counter[str]:
    return Counter(event.kind for event in run.events)


def test_a_budget_of_trials_and_the_default_first(simulation: Any) -> None:
    run = simulation()
    state = run.run()
    assert sorted(state.trials) == list(range(12))
    assert state.over
    assert state.trials[0].source == "default"
    assert state.trials[0].values == {
        "learning_rate": 0.001,
        "optimizer": "adam",
        "hidden_units": 8,
        "activation": "relu",
    }
    assert {one.source for number, one in state.trials.items() if number} == {"random"}
    assert len(set(run.trained)) == len(run.trained) == 12
    assert kinds(run)[DRAWN] == kinds(run)[ENDED] == 12
    assert {one.standing("last") for one in state.trials.values()} == {"stopped", "finished"}


def test_what_was_decided_is_what_was_done(simulation: Any) -> None:
    state = simulation(budget={"trials": 30}).run()
    for one in state.trials.values():
        assert [arrival.epoch for arrival in one.arrivals] == [r for r in (1, 3) if r <= one.record.epochs][
            : len(one.arrivals)
        ]
        assert one.record.outcome == (PRUNED if one.stopped_at else one.record.outcome)
        assert one.stopped_at in (None, one.record.epochs)
    assert len(state.stopped) > 10
    assert state.epochs_trained == sum(one.record.epochs for one in state.trials.values())


def test_a_budget_of_epochs(simulation: Any) -> None:
    state = simulation(budget={"epochs": 40}).run()
    assert 40 <= state.epochs_trained < 40 + 9
    assert state.over
    assert state.share_used(0.0) == 1.0


def test_a_budget_of_minutes_ends_within_a_trial_and_for_good(simulation: Any) -> None:
    run = simulation(budget={"minutes": 0.5}, scheduler="none")
    state = run.run()
    assert 30 <= run.seconds < 30 + 9 * 2
    assert state.over
    assert run.run().trials.keys() == state.trials.keys()


def test_time_that_runs_out_while_nothing_trains_is_written_down(simulation: Any) -> None:
    """Otherwise the search would never be over: each run would find a moment left, and none for a trial."""
    run = simulation(budget={"minutes": 1})
    director = run.director()
    assert director.open()
    run.seconds += 61
    assert not director.open()
    assert director.next("slot") is None
    assert kinds(run) == {OUT_OF_TIME: 1}
    assert run.state.over


def test_more_minutes_let_what_was_cut_short_go_on(simulation: Any, make_study: Any) -> None:
    run = simulation(budget={"minutes": 0.2}, scheduler="none")
    cut = [one.number for one in run.run().trials.values() if one.record.outcome == PRUNED]
    assert cut, "the last trial does not end before the time does"
    run.study = make_study(budget={"minutes": 1}, scheduler="none")
    state = run.run()
    assert state.over
    assert all(state.trials[number].record.outcome == COMPLETED for number in cut if state.trials[number].record)


def test_no_point_is_drawn_twice(simulation: Any) -> None:
    run = simulation(space={"activation": ["relu", "tanh"], "hidden_units": [4, 8, 16]}, budget={"trials": 20})
    state = run.run()
    assert len({one.trial.key for one in state.trials.values()}) == len(state.trials) == 6
    assert state.used_up
    assert state.over


def test_a_wider_space_goes_on_after_one_that_was_used_up(simulation: Any, make_study: Any) -> None:
    small = {"activation": ["relu", "tanh"], "hidden_units": [4, 8, 16]}
    run = simulation(space=small, budget={"trials": 20})
    before = run.run()
    run.study = make_study(space={**small, "learning_rate": [0.1, 0.01]}, budget={"trials": 20})
    state = run.run()
    assert {n: state.trials[n].values for n in before.trials} == {n: one.values for n, one in before.trials.items()}
    assert len(state.trials) == 6 + 12, "every point has a learning rate now, be it that of the base or not"
    assert len(run.trained) == len(set(run.trained))


def test_what_cannot_be_built_is_drawn_again(simulation: Any) -> None:
    """A batch larger than the training part."""
    state = simulation(space={"batch_size": [16, 32, 64, 100_000], "hidden_units": [4, 8]}, budget={"trials": 20}).run()
    assert len(state.trials) == 6
    assert all(one.values["batch_size"] < 100_000 for one in state.trials.values())


def test_a_grid_ends_with_its_last_point_however_many_cannot_be_built(simulation: Any) -> None:
    many = list(range(100_000, 100_250))
    run = simulation(space={"batch_size": [16, *many, 32]}, sampler="grid", budget={"trials": 500}, base={"epochs": 2})
    state = run.run()
    assert sorted(one.values["batch_size"] for one in state.trials.values()) == [16, 32]
    assert kinds(run)[USED_UP] == 1


@settings(max_examples=15)
@given(lives=st.lists(st.integers(1, 25), max_size=4), sampler=st.sampled_from(["random", "random", "tpe", "grid"]))
def test_killed_anywhere_and_continued_equals_left_alone(
    simulation: Any, decided: Any, lives: list[int], sampler: str
) -> None:
    alone, killed = (simulation(sampler=sampler, budget={"trials": 13}) for _ in range(2))
    expected = decided(alone.run())
    for life in lives:
        killed.run(lives=life)
    assert decided(killed.run()) == expected
    assert sorted(killed.trained) == sorted(alone.trained), "no trial that has ended is trained again"


def test_killed_after_every_single_event(simulation: Any, decided: Any) -> None:
    alone, killed = simulation(budget={"trials": 6}), simulation(budget={"trials": 6})
    expected = decided(alone.run())
    for _ in range(100):
        state = killed.run(lives=1)
        if state.over:
            break
    # A trial that dies at each of its rungs comes to its end at last.
    assert decided(killed.run()) == expected


@pytest.mark.parametrize("scheduler", ["hyperband", "median", "none"])
def test_the_other_schedulers_continue_as_well(simulation: Any, decided: Any, scheduler: str) -> None:
    alone, killed = (simulation(scheduler=scheduler, budget={"trials": 15}) for _ in range(2))
    expected = decided(alone.run())
    for life in (3, 9, 20):
        killed.run(lives=life)
    assert decided(killed.run()) == expected


@settings(max_examples=12)
@given(lives=st.lists(st.integers(1, 30), max_size=3), order=st.integers(0, 1000))
def test_two_workers_train_the_same_trials(simulation: Any, lives: list[int], order: int) -> None:
    alone, killed = simulation(), simulation()
    expected = alone.run()
    for life in lives:
        killed.run(lives=life, workers=2, order=order)
    state = killed.run(workers=2, order=order + 1)
    assert {n: one.values for n, one in state.trials.items()} == {n: one.values for n, one in expected.trials.items()}
    assert state.over
    assert not state.open
    assert len(killed.trained) == len(set(killed.trained))


def test_a_trial_that_was_killed_after_its_rung_stops_there_again(simulation: Any) -> None:
    run = simulation(budget={"trials": 20})
    state = run.run()
    stopped = state.stopped[-1]
    # As if the process had died right after the decision, and others had reached the rung since.
    events = [e for e in run.events if not (e.kind == ENDED and e.trial == stopped.number)]
    run.storage.files = {("search", run.name, "part-0"): "\n".join(e.to_line() for e in events).encode()}
    del run.records[stopped.trial.key]
    again = run.run()
    assert again.trials[stopped.number].stopped_at == stopped.stopped_at
    assert again.trials[stopped.number].record.epochs == stopped.stopped_at
    assert kinds(run)[RUNG] == sum(event.kind == RUNG for event in events), "nothing is decided twice"


def test_what_the_ledger_has_is_not_trained(simulation: Any, record_of: Any) -> None:
    first = simulation(scheduler="none")
    full = first.run()
    second = simulation(budget={"trials": 12})
    second.records = dict(first.records)
    state = second.run()
    assert second.trained == []
    assert kinds(second)[RUNG] > 12, "they pass the rungs as they are read"
    assert {n: one.values for n, one in state.trials.items()} == {n: one.values for n, one in full.trials.items()}
    assert state.stopped
    assert state.epochs_trained < full.epochs_trained


@settings(max_examples=10)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_what_the_ledger_has_passes_its_rungs_whenever_it_is_killed(
    simulation: Any, decided: Any, lives: list[int]
) -> None:
    first = simulation(scheduler="none")
    first.run()
    alone, killed = simulation(), simulation()
    for run in (alone, killed):
        run.records = dict(first.records)
    expected = decided(alone.run())
    for life in lives:
        killed.run(lives=life)
    assert decided(killed.run()) == expected


def test_more_trials_extend_a_search(simulation: Any, make_study: Any, decided: Any) -> None:
    run, alone = simulation(budget={"trials": 7}), simulation(budget={"trials": 15})
    run.run()
    run.study = make_study(budget={"trials": 15})
    assert decided(run.run()) == decided(alone.run())


def test_a_wider_space_keeps_what_was_tried(simulation: Any, make_study: Any) -> None:
    run = simulation(sampler="tpe", budget={"trials": 12})
    before = run.run()
    wider = {
        "learning_rate": {"low": 0.00001, "high": 1.0, "scale": "log"},
        "optimizer": ["adam", "nesterov", "sgd"],
        "momentum": {"low": 0.5, "high": 0.99, "when": {"optimizer": "nesterov"}},
        "hidden_units": {"low": 2, "high": 32},
        "activation": ["relu", "tanh", "gelu"],
        "weight_decay": {"low": 0.0, "high": 0.1},
    }
    run.study = make_study(sampler="tpe", budget={"trials": 16}, space=wider)
    state = run.run()
    for number, one in before.trials.items():
        assert state.trials[number].values == one.values
        assert state.trials[number].record == one.record
        assert [a.decision for a in state.trials[number].arrivals] == [a.decision for a in one.arrivals]
    assert all(state.search.space.holds(state.trials[number].values) for number in range(12, 16))


def evidence_for(run: Any, values: dict[str, Any], record_of: Any, accuracy: float) -> SearchTrial:
    trial = make_trial(run.study, run.study.search, values, FINGERPRINTS)
    return SearchTrial(-1, values, "table", trial, 0, record=record_of(trial, [accuracy] * 9))


def test_rows_of_tables_are_evidence(simulation: Any, record_of: Any) -> None:
    run = simulation()
    values = {"learning_rate": 0.01, "optimizer": "adam", "hidden_units": 9, "activation": "tanh"}
    run.evidence = [evidence_for(run, values, record_of, 99.5)]
    state = run.run()
    assert state.best(1)[0].number == -1
    assert any(known.values == values for known in state.known())
    first = next(arrival for one in state.trials.values() for arrival in one.arrivals)
    assert first.decision.of == 2
    assert first.decision.rank == 2


def test_a_row_that_is_drawn_counts_once(simulation: Any, record_of: Any) -> None:
    run = simulation()
    default = {"learning_rate": 0.001, "optimizer": "adam", "hidden_units": 8, "activation": "relu"}
    row = evidence_for(run, default, record_of, 50.0)
    run.evidence, run.records = [row], {row.trial.key: row.record}
    state = run.run()
    assert row.trial.key not in run.trained
    assert state.trials[0].arrivals[0].decision.of == 1
    second = state.trials[1].arrivals
    assert not second or second[0].decision.of == 2
    assert len(state.all) == 12
    assert sum(known.values == default for known in state.known()) == 1


def test_failures_are_tried_again_only_when_asked(simulation: Any) -> None:
    run = simulation(budget={"trials": 6})
    run.fail = lambda trial: trial.config.hidden_units != 8
    state = run.run()
    failed = [one.trial.key for one in state.failed]
    assert failed
    assert state.over
    run.run()
    assert Counter(run.trained).most_common(1)[0][1] == 1
    run.fail = lambda trial: False
    healed = run.run(retry_failed=True)
    assert sorted(run.trained[6:]) == sorted(failed)
    assert not healed.failed


def test_a_failure_is_the_worst_to_a_sampler_and_nothing_to_a_rung(simulation: Any) -> None:
    run = simulation(budget={"trials": 8}, sampler="tpe")
    run.fail = lambda trial: trial.config.hidden_units != 8
    state = run.run()
    bad = {one.number for one in state.failed}
    assert bad
    assert all(
        known.score == float("-inf") for one, known in zip(state.all, state.known(), strict=True) if one.number in bad
    )
    assert not bad & {arrival.trial for arrival in state.arrivals(0, 1)}


def test_a_worker_that_was_lost_gets_its_trial_again(simulation: Any) -> None:
    director: Director = simulation().director()
    first = director.next("a")
    other = director.next("b")
    assert first is not None
    assert other is not None
    assert director.next("a") == first
    assert (first.number, other.number) == (0, 1)
    assert first.label == "trial 0 (default)"
    assert "learning_rate=" in other.label


def test_the_reason_says_where_and_among_how_many(simulation: Any) -> None:
    run = simulation()
    run.run()
    reasons = [record.reason for record in run.records.values() if record.outcome == PRUNED]
    assert reasons
    assert all(reason.startswith("stopped at epoch ") and " that reached it" in reason for reason in reasons)


def test_a_metric_that_is_no_number_is_the_worst_at_its_rung(simulation: Any) -> None:
    director = simulation().director()
    first, second = director.next("a"), director.next("b")
    rung = first.rungs[0]
    assert director.reached(first.number, [0.5] * rung) is None
    assert "2 of 2 that reached it" in director.reached(second.number, [0.4] * (rung - 1) + [float("nan")])


def test_the_tally_is_in_words(simulation: Any) -> None:
    run = simulation()
    state = run.run()
    tally = run.director().tally()
    best = state.best(1)[0]
    assert tally.ended == 12
    assert tally.stopped == len(state.stopped)
    assert tally.share == 1.0
    assert tally.best == f"Accuracy {best.record.validation_metric[-1]:.2f}%"
    assert tally.best_trial.startswith(f"{best.name}: ")


def test_an_event_of_nobody_is_ignored(simulation: Any) -> None:
    run = simulation()
    run.storage.write(Event(RUNG, 5, 1.0, epoch=1, score=0.5).to_line().encode(), "search", run.name, "part-0")
    assert run.state.trials == {}


STACKED_SPACE = {"learning_rate": {"low": 0.0001, "high": 0.1, "scale": "log"}}


def stacked_director(simulation: Any, **search: Any) -> Director:
    run = simulation(**{"space": STACKED_SPACE, **search})
    run.study = replace(run.study, modes={"search": STACKED})
    return run.director()


def test_a_stack_is_filled_with_new_trials_until_the_budget_is_used_up(simulation: Any) -> None:
    director = stacked_director(simulation, budget={"trials": 4})
    first = director.next("one")
    assert first is not None
    others = [director.next("one", beside=first.number) for _ in range(4)]
    assert [other and other.number for other in others] == [1, 2, 3, None]
    assert first.trial.mode == STACKED
    assert len({first.trial.key, *(other.trial.key for other in others if other is not None)}) == 4


def test_a_slot_that_lost_its_worker_gets_all_its_trials_again(simulation: Any) -> None:
    director = stacked_director(simulation, budget={"trials": 9})
    first = director.next("one")
    assert first is not None
    given = {first.number, *(director.next("one", beside=0).number for _ in range(2))}  # type: ignore[union-attr]
    assert director.next("other").number == 3  # type: ignore[union-attr]
    again = director.next("one")
    assert again is not None
    back = {again.number, *(director.next("one", beside=again.number).number for _ in range(2))}  # type: ignore[union-attr]
    assert back == given == {0, 1, 2}
    assert director.next("one", beside=0).number == 4  # type: ignore[union-attr]


def test_a_trial_of_another_shape_waits_for_the_next_worker(simulation: Any) -> None:
    space = {"hidden_units": [3, 5]}
    director = stacked_director(simulation, budget={"trials": 6}, space=space, sampler="grid")
    first = director.next("one")
    assert first is not None
    refused = director.next("one", beside=first.number)
    assert refused is None
    second = director.next("other")
    assert second is not None
    assert second.number == 1
    assert second.trial.config.hidden_units != first.trial.config.hidden_units


def test_after_a_second_loss_a_slot_has_one_trial_and_the_others_go_elsewhere(simulation: Any) -> None:
    director = stacked_director(simulation, budget={"trials": 3})
    for _ in range(2):
        first = director.next("one")
        assert first is not None
        assert first.number == 0
        assert director.next("one", beside=0) is not None
        assert director.next("one", beside=0) is not None
    assert director.next("one").number == 0  # type: ignore[union-attr]
    assert director.next("one", beside=0) is None
    assert director.next("other").number == 1  # type: ignore[union-attr]
    assert director.next("other", beside=1).number == 2  # type: ignore[union-attr]
    assert director.next("third") is None
