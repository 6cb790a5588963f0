"""What the page says of a study: how much is done, what trains, and the best so far."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.commands.interface import Study
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record, encode_fields
from tune_jobs.ledger.runs import Beacon, now, write_beacon
from tune_jobs.standing.standing import Standing
from tune_jobs.trial.key import trajectory
from tune_jobs.view.state import study_state

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def study(tiny_study: Path, ledger: Ledger) -> Callable[[], Standing]:
    return lambda: Study.load(tiny_study, storage=ledger.storage.uri, replicates=2).standing()


@pytest.fixture
def ends(ledger: Ledger, make_record: Callable[..., Record]) -> Callable[..., None]:
    """Return a function that lets a trial end, with an accuracy, so many seconds after the study began."""

    def end(trial: Any, accuracy: float, seconds: float, **changes: Any) -> None:
        curve = (accuracy,) * trial.epochs
        record = make_record(
            epochs=trial.epochs,
            measured=tuple(range(1, trial.epochs + 1)),
            key=trial.key,
            fields=encode_fields(trajectory(trial.config)),
            execution_mode=trial.mode,
            validation_metric=curve,
            started_at=BEGAN + timedelta(seconds=seconds - 1),
            wall_seconds=1.0,
            **changes,
        )
        ledger.write(record)

    return end


def test_nothing_has_run(study: Callable[[], Standing]) -> None:
    state = study_state(study())
    assert (state["needed"], state["done"], state["run"], state["best"], state["steps"]) == (4, 0, None, [], None)
    assert not state["complete"]
    assert state["next"].startswith("ablatune run ")


def test_the_best_so_far_by_the_order_of_ends(study: Callable[[], Standing], ends: Callable[..., None]) -> None:
    trials = study().trials
    for trial, accuracy, seconds in zip(trials, (70.0, 90.0, 80.0), (3, 9, 5), strict=False):
        ends(trial, accuracy, seconds)
    state = study_state(study())
    assert (state["needed"], state["done"], state["failed"]) == (4, 3, 0)
    (best,) = state["best"]
    assert best[0] == "Accuracy 90.00%"
    assert best[1].endswith(f"seed {trials[1].config.seed}")
    assert state["steps"]["points"] == [(1.0, 70.0), (3.0, 80.0), (7.0, 90.0), (7.0, 90.0)]


def test_what_a_run_tells_of_its_trials(study: Callable[[], Standing], ledger: Ledger) -> None:
    first = study().trials[0]
    curves = {first.key: [(1, 50.0), (2, 60.0)]}
    running = {first.key: 2, "gone": 1}
    beacon = Beacon("r", "tiny", "host", os.getpid(), now(), running, curves, share=0.25, seconds_left=8.0)
    write_beacon(ledger.storage, beacon)
    state = json.loads(json.dumps(study_state(study())))
    assert (state["run"]["share"], state["run"]["seconds_left"], state["running"]) == (0.25, 8.0, 2)
    known, unknown = state["training"]
    assert (known["epoch"], known["epochs"], known["curve"]) == (2, first.epochs, [[1, 50.0], [2, 60.0]])
    assert unknown["epochs"] is None
