"""Rows of tables that are points of the space, and those that are none."""

from typing import Any

from models.history import COMPLETED
from tune_jobs.standing.replicates import RowReader
from tune_jobs.standing.search.evidence import table_evidence
from tune_jobs.study.rows import expand, row_trial

FINGERPRINTS = {"digits": "data"}


def found(study: Any, record_of: Any, seeds: Any = (0, 1)) -> list[Any]:
    rows = expand(study)
    records = {}
    for row in rows:
        if row.config is not None and row.seeds is None:
            trial = row_trial(row, 0, FINGERPRINTS)
            records[trial.key] = record_of(trial, [50.0] * trial.epochs, COMPLETED)
    reader = RowReader(None, seeds, FINGERPRINTS)
    replicates = [one for row in rows for one in reader.replicates(row)]
    return table_evidence(study, study.search, replicates, records, FINGERPRINTS)


def tables(*tables: Any) -> dict[str, Any]:
    return {"tables": list(tables)}


def test_rows_that_differ_in_searched_fields_alone(make_study: Any, record_of: Any) -> None:
    study = make_study(
        space={"hidden_units": {"low": 2, "high": 16}, "activation": ["relu", "tanh"]},
        root=tables(
            {"factor": "hidden_units", "levels": [4, 8, 64]},
            {"factor": "activation", "levels": ["relu", "tanh", "gelu"]},
            {"factor": "dropout", "levels": [0.0, 0.5]},
        ),
    )
    one = found(study, record_of)
    assert [trial.values for trial in one] == [
        {"hidden_units": 4, "activation": "relu"},
        {"hidden_units": 8, "activation": "relu"},
        {"hidden_units": 8, "activation": "tanh"},
    ]
    assert [trial.number for trial in one] == [-1, -2, -3]
    assert {trial.source for trial in one} == {"table"}


def test_no_seed_0_no_evidence(make_study: Any, record_of: Any) -> None:
    study = make_study(root=tables({"factor": "hidden_units", "levels": [4, 8]}))
    assert found(study, record_of, seeds=(1, 2)) == []


def test_a_shorter_row_is_known_as_far_as_it_got(make_study: Any, record_of: Any) -> None:
    study = make_study(root=tables({"factor": "epochs", "levels": [2, 4]}))
    (one,) = found(study, record_of)
    assert one.record.epochs == 4
    assert one.trial.epochs == 9
    assert one.standing("last") == "open"


def test_a_row_of_another_length_under_a_schedule_that_counts_is_none(make_study: Any, record_of: Any) -> None:
    study = make_study(base={"schedule": "cosine"}, root=tables({"factor": "epochs", "levels": [4, 9]}))
    (one,) = found(study, record_of)
    assert one.record.epochs == 9


def test_a_row_that_cannot_be_built_on_the_searchs_own_base_is_none(make_study: Any, record_of: Any) -> None:
    study = make_study(
        space={"batch_size": [16, 1000], "hidden_units": [4, 8]},
        search_base={"validation_rows": 1000},
        root=tables({"factor": "batch_size", "levels": [16, 1000]}),
    )
    assert found(study, record_of) == []
