"""What a run leaves on disk."""

from math import inf

import pytest

from tests.tune_jobs.forecast.test_estimate import pilot
from tune_jobs.forecast.disk import disk
from tune_jobs.forecast.estimate import Span, Work


def test_records_and_logs_grow_with_epochs_and_measurements() -> None:
    found = disk([Work("a", Span(5, 7, 10), Span(1, 2, 3))], [pilot("a")])
    assert found.records == Span(1000 + 240 + 100, 1000 + 336 + 200, 1000 + 480 + 300)
    assert found.logs == Span(550, 570, 600)


def test_a_shape_without_a_pilot_counts_as_the_mean_and_the_largest_model_is_named() -> None:
    pilots = [pilot("a", record_bytes=100.0), pilot("b", record_bytes=300.0, model_bytes=9000.0)]
    one = disk([Work("c", Span.exactly(0), Span.exactly(0))], pilots)
    assert one.records == Span.exactly(200)
    assert one.model == 9000
    with pytest.raises(ValueError, match="pilots"):
        disk([], [])


def test_only_trials_that_train_long_enough_have_a_log() -> None:
    work = [Work("a", Span.exactly(9)), Work("a", Span.exactly(20))]
    assert disk(work, [pilot("a", 1.0)], 10.0).logs == Span.exactly(500 + 200)
    assert disk(work, [pilot("a", 1.0)], inf).logs == Span.exactly(0)
