"""How the records of one key combine."""

from collections.abc import Callable

import numpy as np

from tune_jobs.ledger.combining import combine
from tune_jobs.ledger.record import IMPORTED, ISOLATED, Record

Make = Callable[..., Record]


def test_the_longest_wins_and_takes_over_measurements(make_record: Make) -> None:
    short, long = make_record(epochs=2, measured=(1, 2)), make_record(epochs=3, measured=(3,))
    long = make_record(epochs=3, measured=(3,))
    prefix = {name: getattr(long, name)[:2] for name in ("train_loss", "train_metric", "validation_loss")}
    short = make_record(epochs=2, measured=(1, 2), validation_metric=long.validation_metric[:2], **prefix)
    combined, agree = combine([short, long])
    assert agree
    assert combined.epochs == 3
    assert combined.measured_epochs == (1, 2, 3)
    assert combined.measured(1) == (1.0, 1.0)
    assert [combined.predictions(epoch)[0, 0] for epoch in (1, 2, 3)] == [1, 2, 3]


def test_a_result_wins_over_a_failure(make_record: Make) -> None:
    failed = make_record(epochs=9, outcome="failed")
    assert combine([failed, make_record(epochs=3)])[0].outcome == "completed"


def test_a_failure_beyond_where_a_search_had_stopped_is_the_end(make_record: Make) -> None:
    stopped = make_record(epochs=2, outcome="pruned")
    assert combine([stopped, make_record(epochs=4, outcome="failed")])[0].outcome == "failed"
    assert combine([stopped, make_record(epochs=1, outcome="failed")])[0].outcome == "pruned"
    both = [stopped, make_record(epochs=4, outcome="failed"), make_record(epochs=5)]
    assert combine(both)[0].outcome == "completed"


def test_records_of_one_kind_of_machine_must_agree(make_record: Make) -> None:
    one = make_record(epochs=3)
    off = tuple(np.nextafter(value, 2) for value in one.validation_loss)
    assert not combine([one, make_record(epochs=3, validation_loss=off)])[1]
    assert combine([one, make_record(epochs=3, validation_loss=off, machine_kind="cpu/other")])[1]
    nan = (1.0, float("nan"), 2.0)
    assert combine([make_record(validation_loss=nan), make_record(validation_loss=nan)])[1]


def test_times_need_not_agree(make_record: Make) -> None:
    assert combine([make_record(), make_record(train_seconds=(9.0, 10.0, 11.0))])[1]


def test_what_was_trained_here_wins_over_longer_results_from_elsewhere(make_record: Make) -> None:
    imported = make_record(process=IMPORTED, epochs=5, machine_kind="")
    again = make_record(process=IMPORTED, epochs=4, machine_kind="", validation_metric=(np.nan,) * 3 + (7.0,))
    here, failed = make_record(epochs=2, process=ISOLATED), make_record(epochs=0, measured=(), outcome="failed")
    assert combine([imported, here]) == (here, True)
    assert combine([failed, imported]) == (imported, True)
    assert combine([again, imported]) == (imported, True)
