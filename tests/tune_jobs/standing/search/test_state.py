"""The state of a search: what events and records amount to."""

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest

from models.history import COMPLETED, DIVERGED, PRUNED, TIMED_OUT
from tune_jobs.standing.search.journal import DRAWN, ENDED, RUNG, USED_UP, Event
from tune_jobs.standing.search.point_trials import make_trial
from tune_jobs.standing.search.search_trial import BROKEN, FINISHED, OPEN, STOPPED, comparable, scores_of, signed
from tune_jobs.standing.search.state import build_state

FINGERPRINTS = {"digits": "data"}


@dataclass(frozen=True)
class Curve:
    metric: str
    train_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    validation_metric: tuple[float, ...]
    is_reported: bool = False


def test_signs_and_divergence() -> None:
    curve = Curve("accuracy", (1.0, 0.5, math.nan), (1.0, 0.6, 0.7), (50.0, 60.0, 10.0))
    assert signed(curve, select="metric")[:2] == [50.0, 60.0]
    assert signed(curve, select="loss")[:2] == [-1.0, -0.6]
    assert math.isnan(signed(curve, select="metric")[2]), "a network without numbers has the accuracy of chance"
    error = Curve("rmse", (1.0,), (1.0,), (3.0,))
    assert signed(error, select="metric") == [-3.0]


def test_comparable_scores() -> None:
    values = [1.0, 3.0, 2.0, math.nan, 2.5, math.inf]
    assert comparable(values, read="last") == [1.0, 3.0, 2.0, -math.inf, 2.5, -math.inf]
    assert comparable(values, read="best") == [1.0, 3.0, 3.0, -math.inf, 3.0, -math.inf]
    assert comparable([], read="best") == []


@pytest.fixture
def study(make_study: Any) -> Any:
    return make_study(space={"hidden_units": [2, 3, 4, 5, 6, 7], "learning_rate": [0.1, 0.01]})


def build(study: Any, record_of: Any, endings: list[Any], events: list[Event] | None = None) -> Any:
    """Return the state with a trial for each (accuracies, outcome), or None for one that is still open."""
    drawn, records = [], {}
    for number, ending in enumerate(endings):
        values = {"hidden_units": 2 + number, "learning_rate": 0.1}
        drawn.append(Event(DRAWN, number, float(number), values=values, source="random"))
        if ending is not None:
            trial = make_trial(study, study.search, values, FINGERPRINTS)
            records[trial.key] = record_of(trial, *ending)
    return build_state(study, [*drawn, *(events or [])], FINGERPRINTS).with_records(records.get)


def rung(number: int, epoch: int, score: float, *, stop: bool) -> Event:
    return Event(RUNG, number, 10.0, epoch=epoch, score=score, stop=stop, rank=2, of=3)


def test_how_trials_stand(study: Any, record_of: Any) -> None:
    full = [50.0] * 9
    endings = [(full, COMPLETED), ([40.0] * 3, PRUNED), ([30.0], DIVERGED), ([], "failed"), None, ([45.0] * 2, PRUNED)]
    state = build(study, record_of, endings, [rung(1, 3, 40.0, stop=True)])
    standings = [one.standing("last") for one in state.trials.values()]
    assert standings == [FINISHED, STOPPED, FINISHED, BROKEN, OPEN, OPEN], "the last was cut short by no rung"
    assert [one.number for one in state.finished] == [0, 2]
    assert [one.number for one in state.stopped] == [1]
    assert [one.number for one in state.open] == [4, 5]
    assert [one.number for one in state.failed] == [3]
    assert [one.number for one in state.best(5)] == [0], "who diverged is not among the best"
    assert state.epochs_trained == 9 + 3 + 1 + 0 + 0 + 2
    assert [known.score for known in state.known()] == [50.0, 40.0, -math.inf, -math.inf, None, 45.0]
    assert [known.complete for known in state.known()] == [True, False, False, False, False, False]


def test_a_trial_that_ran_out_of_its_time_has_ended_without_a_score(study: Any, record_of: Any) -> None:
    state = build(study, record_of, [([90.0] * 4, TIMED_OUT)])
    assert state.trials[0].standing("last") == FINISHED
    assert state.final_score(state.trials[0]) == -math.inf
    assert state.best(1) == []


def test_who_is_at_a_rung(study: Any, record_of: Any) -> None:
    endings = [([50.0] * 9, COMPLETED), ([40.0] * 9, COMPLETED), ([30.0, 10.0], DIVERGED), ([], "failed"), None]
    events = [rung(0, 1, 50.0, stop=False), rung(1, 1, 40.0, stop=True), rung(4, 1, 20.0, stop=False)]
    state = build(study, record_of, endings, events)
    assert [(a.trial, a.score) for a in state.arrivals(0, 1)] == [(0, 50.0), (1, 40.0), (2, 30.0), (4, 20.0)]
    # The audit has trained trial 1 to the end, which would fill the rung in late; trial 2 diverged before it.
    assert [(a.trial, a.score) for a in state.arrivals(0, 3)] == [(0, 50.0), (2, -math.inf)]


def test_best_counts_a_trajectory_once_and_equals_in_order(study: Any, record_of: Any) -> None:
    state = build(study, record_of, [([50.0] * 9, COMPLETED), ([60.0] * 9, COMPLETED), ([60.0] * 9, COMPLETED)])
    assert [one.number for one in state.best(2)] == [1, 2]
    state = replace(state, evidence=(state.trials[1],))
    assert [one.number for one in state.best(3)] == [1, 2, 0]


def test_the_best_epoch_is_read_where_the_study_reads_it(make_study: Any, record_of: Any) -> None:
    study = make_study(space={"hidden_units": [2, 3]}, root={"read": "best"})
    trial = make_trial(study, study.search, {"hidden_units": 2}, FINGERPRINTS)
    record = record_of(trial, [10.0, 80.0, *[20.0] * 7])
    assert trial.measure_improvements
    events = [Event(DRAWN, 0, 0.0, values={"hidden_units": 2})]
    state = build_state(study, events, FINGERPRINTS).with_records({trial.key: record}.get)
    assert state.final_score(state.trials[0]) == 80.0
    assert scores_of(record, read="best", select="metric")[-1] == 80.0


def test_events_are_read_once(study: Any, record_of: Any) -> None:
    again = [
        Event(DRAWN, 0, 3.0, values={"hidden_units": 7, "learning_rate": 0.1}),
        rung(0, 1, 5.0, stop=False),
        rung(0, 1, 6.0, stop=True),
        Event(ENDED, 0, 42.5, epoch=1),
    ]
    state = build(study, record_of, [None], again)
    one = state.trials[0]
    assert one.values["hidden_units"] == 2
    assert [(a.score, a.decision.stop) for a in one.arrivals] == [(5.0, False)]
    assert one.seconds == state.seconds == 42.5


def test_a_space_is_used_up_until_it_is_another(study: Any, make_study: Any) -> None:
    events = [Event(USED_UP, 3, 1.0, source=study.search.space_id)]
    assert build_state(study, events, FINGERPRINTS).over
    for other in (make_study(space={"hidden_units": [2, 3]}), make_study(sampler="grid", space={"hidden_units": [2]})):
        assert not build_state(other, events, FINGERPRINTS).used_up


def test_what_can_no_longer_be_built_is_broken_and_kept(study: Any, record_of: Any) -> None:
    state = build_state(study, [Event(DRAWN, 0, 0.0, values={"batch_size": 10**6})], FINGERPRINTS)
    assert state.trials[0].standing("last") == BROKEN
    assert not state.open
    assert state.arrivals(0, 1) == []


def test_the_share_of_a_budget(make_study: Any, record_of: Any) -> None:
    study = make_study(budget={"trials": 10, "epochs": 90, "minutes": 2}, space={"hidden_units": [2, 3, 4]})
    trial = make_trial(study, study.search, {"hidden_units": 2}, FINGERPRINTS)
    events = [Event(DRAWN, n, 0.0, values={"hidden_units": 2 + n}) for n in range(2)]
    state = build_state(study, events, FINGERPRINTS).with_records({trial.key: record_of(trial, [1.0] * 9)}.get)
    assert state.share_used(0) == pytest.approx(0.1)
    assert state.share_used(60) == pytest.approx(0.5)
    assert state.share_used(600) == 1.0


def test_a_state_is_never_changed_in_place(make_study: Any, record_of: Any) -> None:
    study = make_study(budget={"trials": 3})
    events = [Event(DRAWN, number, 0.0, values={"hidden_units": 4 + number}) for number in range(2)]
    before = build_state(study, events, FINGERPRINTS)
    trial = before.trials[0].trial
    record = record_of(trial, [1.0] * 9)
    after = before.with_records({trial.key: record}.get)
    assert after.trials[0].record == record
    assert before.trials[0].record is None
    assert after.trials[1] is before.trials[1]
    more = after.with_trials(replace(after.trials[1], number=2))
    assert (len(before.trials), len(after.trials), len(more.trials)) == (2, 2, 3)
