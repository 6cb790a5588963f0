"""Records: what a row reads of a trajectory, and when a trial is finished."""

from collections.abc import Callable

import numpy as np
import pytest

from tune_jobs.ledger.record import IMPORTED, Reading, Record, is_finished
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial

Make = Callable[..., Record]


def trial(epochs: int, *, at: set[int] | None = None, best: bool = False, **fields: object) -> Trial:
    config = TrialConfig(epochs=epochs, **fields)
    return Trial(trial_key(config, "data"), config, epochs, frozenset(at or {epochs}), best)


def finished(record: Record, wanted: Trial, *, limit: float | None = None, retry: bool = False) -> bool:
    return is_finished(record, wanted, time_limit_seconds=limit, retry_failed=retry)


def test_a_longer_record_answers_for_a_shorter_row(make_record: Make) -> None:
    record = make_record(epochs=5, measured=(2, 5))
    assert record.reading(epochs=2, patience=0, read="last") == Reading("completed", 2)
    assert record.reading(epochs=6, patience=0, read="last") == Reading("missing", None)
    assert finished(record, trial(2))
    assert finished(record, trial(5, at={2, 5}))
    assert not finished(record, trial(3)), "epoch 3 was not measured"
    assert not finished(record, trial(6))


def test_the_best_epoch_is_the_first_with_the_best_metric(make_record: Make) -> None:
    record = make_record(epochs=4, measured=(2, 4), validation_metric=(1.0, 3.0, 3.0, 2.0))
    assert record.reading(epochs=4, patience=0, read="best") == Reading("completed", 2)
    assert record.reading(epochs=1, patience=0, read="best") == Reading("completed", 1)
    assert finished(record, trial(4, best=True))
    assert not finished(make_record(epochs=4, validation_metric=(1.0, 3.0, 3.0, 2.0)), trial(4, best=True))


def test_early_stopping_is_read_off_a_longer_history(make_record: Make) -> None:
    record = make_record(epochs=6, measured=(4, 6), validation_loss=(3.0, 1.0, 2.0, 2.0, 2.0, 2.0))
    assert record.reading(epochs=6, patience=2, read="last") == Reading("stopped_early", 4)
    assert record.reading(epochs=6, patience=0, read="last") == Reading("completed", 6)
    assert record.reading(epochs=4, patience=2, read="last") == Reading("completed", 4)
    assert finished(record, trial(6, early_stopping_patience=2))


def test_a_trajectory_that_diverged_is_complete_before(make_record: Make) -> None:
    record = make_record(epochs=3, measured=(2, 3), outcome="diverged")
    assert record.reading(epochs=2, patience=0, read="last") == Reading("completed", 2)
    assert record.reading(epochs=3, patience=0, read="last") == Reading("diverged", None)
    assert record.reading(epochs=9, patience=0, read="last") == Reading("diverged", None)
    assert finished(record, trial(9, at={2, 9}))
    assert not finished(record, trial(9, at={1, 9})), "epoch 1 is complete but was not measured"


def test_a_time_out_stands_until_the_limit_is_raised(make_record: Make) -> None:
    record = make_record(epochs=3, outcome="timed_out", time_limit_seconds=60.0)
    assert finished(record, trial(9), limit=60.0)
    assert finished(record, trial(9), limit=30.0)
    assert not finished(record, trial(9), limit=61.0)
    assert not finished(record, trial(9), limit=None)


def test_a_failure_is_retried_when_told_or_when_it_came_from_outside(make_record: Make) -> None:
    own = make_record(epochs=0, measured=(), outcome="failed")
    outside = make_record(epochs=0, measured=(), outcome="failed", retriable=True)
    assert finished(own, trial(3))
    assert not finished(own, trial(3), retry=True)
    assert not finished(outside, trial(3))


def test_predictions_of_an_epoch_that_was_not_measured(make_record: Make) -> None:
    record = make_record(epochs=3)
    assert record.predictions(3).shape == (3, 2)
    with pytest.raises(KeyError, match="after epoch 2"):
        record.predictions(2)


@pytest.mark.parametrize("outcome", ["completed", "diverged"])
def test_results_from_elsewhere_are_read_where_they_have_numbers(make_record: Make, outcome: str) -> None:
    record = make_record(process=IMPORTED, outcome=outcome, validation_metric=(np.nan, 2.0, 3.0))
    last = Reading("completed", 3) if outcome == "completed" else Reading("diverged", None)
    assert record.has_gaps
    assert record.reading(epochs=3, patience=0, read="last") == last
    assert record.reading(epochs=2, patience=0, read="last") == Reading("completed", 2)
    assert record.reading(epochs=2, patience=0, read="best") == Reading("missing", None)
    assert record.reading(epochs=2, patience=1, read="last") == Reading("missing", None)
    assert record.reading(epochs=1, patience=0, read="last") == Reading("missing", None)
