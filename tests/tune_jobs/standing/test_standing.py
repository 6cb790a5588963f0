"""What is standing of a study: its tables, its search, and what follows, from the ledger and the journal alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import encode_fields
from tune_jobs.standing.search.journal import DRAWN, ENDED, Event, Journal
from tune_jobs.standing.search.point_trials import make_trial
from tune_jobs.standing.standing import stand
from tune_jobs.study.load import load_study
from tune_jobs.study.model import AUDIT, CONFIRM, Study
from tune_jobs.study.rows import row_trial
from tune_jobs.study.search_identity import search_id
from tune_jobs.trial.key import trajectory

FINGERPRINTS = {"digits": "data"}
POINTS = [{"hidden_units": 8}, {"hidden_units": 4}, {"hidden_units": 16}]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    path = tmp_path / "study.yaml"
    document = {
        "base": {"dataset": "digits", "network": "mlp", "hidden_units": 8, "epochs": 3},
        "tables": [{"factor": "hidden_units", "levels": [8, 32]}],
        "search": {"space": {"hidden_units": [4, 8, 16, 32]}, "budget": {"trials": 3}, "sampler": "random"},
    }
    path.write_text(json.dumps(document))
    return load_study(str(path))


@pytest.fixture
def train(ledger: Ledger, make_record: Callable[..., Any]) -> Callable[[Any], None]:
    def write(trial: Any, **changes: Any) -> None:
        epochs = changes.pop("epochs", trial.epochs)
        ledger.write(
            make_record(epochs=epochs, key=trial.key, fields=encode_fields(trajectory(trial.config)), **changes)
        )

    return write


def draw(study: Study, ledger: Ledger, points: list[dict[str, Any]]) -> list[Any]:
    journal = Journal(ledger.storage, search_id(study, study.search, "data"), [])
    for number, values in enumerate(points):
        journal.add(Event(DRAWN, number, 0.0, values=values, source="random"), Event(ENDED, number, 1.0, epoch=3))
    return [make_trial(study, study.search, values, FINGERPRINTS) for values in points]


def test_nothing_is_known_of_an_empty_ledger(study: Study) -> None:
    standing = stand(study, None, range(1), FINGERPRINTS)
    assert standing.search is not None
    assert standing.follow_up is not None
    assert standing.search.trials == {}
    assert standing.follow_up.waiting_for == "the search"
    assert {row.table for row in standing.rows} == {"hidden_units", "search"}
    assert standing.contents.records == {}


def test_a_study_without_a_search(tiny_study: Path, ledger: Ledger) -> None:
    standing = stand(load_study(str(tiny_study)), ledger, range(1), FINGERPRINTS)
    assert standing.search is None
    assert standing.follow_up is None


def test_tables_are_evidence_once_they_have_ended(study: Study, ledger: Ledger, train: Any) -> None:
    rows = [row for row in stand(study, None, range(1), FINGERPRINTS).rows if row.table == "hidden_units"]
    train(row_trial(rows[0], 0, FINGERPRINTS))
    train(row_trial(rows[1], 0, FINGERPRINTS), epochs=1)
    standing = stand(study, ledger, range(1), FINGERPRINTS)
    assert [one.values for one in standing.search.evidence] == [{"hidden_units": 8}]
    train(row_trial(rows[1], 0, FINGERPRINTS))
    standing = stand(study, ledger, range(1), FINGERPRINTS)
    assert [one.values for one in standing.search.evidence] == [{"hidden_units": 8}, {"hidden_units": 32}]


def test_a_search_that_is_over_has_rows_that_follow(study: Study, ledger: Ledger, train: Any) -> None:
    for trial in draw(study, ledger, POINTS):
        train(trial)
    standing = stand(study, ledger, range(1), FINGERPRINTS)
    assert standing.search.over
    assert {one.record.epochs for one in standing.search.trials.values()} == {3}
    confirm = [row for row in standing.rows if row.table == CONFIRM]
    assert next(row.config.hidden_units for row in confirm) == 8
    assert {row.config.hidden_units for row in confirm} == {4, 8, 16}
    assert not [row for row in standing.rows if row.table == AUDIT]
    assert standing.follow_up.waiting_for == "the best trials with fresh seeds"
    assert {trial.config.seed for trial in standing.missing() if trial.config.seed} == {100_000}


def test_a_search_of_other_data_is_another(study: Study, ledger: Ledger, train: Any) -> None:
    for trial in draw(study, ledger, POINTS):
        train(trial)
    assert stand(study, ledger, range(1), {"digits": "changed"}).search.trials == {}


def test_the_records_of_other_trials_are_not_read_as_the_searchs(study: Study, ledger: Ledger, train: Any) -> None:
    trials = draw(study, ledger, POINTS)
    train(trials[0])
    standing = stand(study, ledger, range(1), FINGERPRINTS)
    assert [one.record is not None for one in standing.search.trials.values()] == [True, False, False]
    assert len(standing.search.open) == 2
    assert not standing.search.over


def test_one_trial_under_two_numbers_has_ended_under_both(study: Study, ledger: Ledger, train: Any) -> None:
    for trial in draw(study, ledger, [*POINTS, POINTS[1]]):
        train(trial)
    standing = stand(study, ledger, range(1), FINGERPRINTS)
    assert standing.search is not None
    assert standing.search.open == []
    assert len(standing.search.ended) == 4
