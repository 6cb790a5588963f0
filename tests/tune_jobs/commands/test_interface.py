"""The Python interface checks its arguments as the command line does, and takes what scientists have: arrays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ablatune
from tune_jobs.errors import UserError

BASE = {"dataset": "digits", "network": "mlp", "epochs": 1}
TABLES = [{"factor": "hidden_units", "levels": [4, 8]}]


def study(**given: Any) -> ablatune.Study:
    return ablatune.Study(**{"base": BASE, "tables": TABLES, **given})


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fraction": "x"}, "fraction: 'x' is not a number"),
        ({"fraction": True}, "fraction: True is not a number"),
        ({"fraction": float("nan")}, "fraction: nan is not a finite number"),
        ({"fraction": 2}, "--fraction 2: is not above 0 and at most 1"),
        ({"overrides": ["a"]}, "overrides: ['a'] is not a mapping from fields to values"),
        ({"overrides": "epochs=3"}, "overrides: 'epochs=3' is not a mapping"),
        ({"overrides": {"epochs": "\ud800"}}, "--set: epochs: '\\ud800' contains '\\ud800'"),
        ({"overrides": {3: 3}}, "--set 3: there is no field '3'"),
        ({"replicates": "2"}, "replicates: '2' is not a whole number of at least 1"),
        ({"replicates": 0}, "replicates: 0 is not a whole number of at least 1"),
        ({"replicates": 2.5}, "replicates: 2.5 is not a whole number"),
        ({"replicates": 10**9}, "replicates: 1000000000 is more than 10000"),
        ({"storage": "a\0b"}, "storage: 'a\\x00b' is not text that can be printed"),
        ({"storage": 3}, "storage: 3 is neither text nor a path"),
        ({"data_dir": ["a"]}, "data_dir: ['a'] is neither text nor a path"),
        ({"labels": {1: "x", "1": "y"}}, "labels: the key '1' repeats"),
        ({"tables": 3}, "study: tables: must be a list, not 3"),
        ({"tables": [{"factor": "hidden_units", "levels": {4, 8}}]}, "tables[0].levels: must be a list, not {"),
    ],
)
def test_arguments_of_a_study(given: dict[str, Any], words: str) -> None:
    assert words in refused(lambda: study(**given))


def test_arguments_of_a_study_that_is_loaded(tmp_path: Path) -> None:
    assert "replicates: '2'" in refused(lambda: ablatune.Study.load("digits_demo", replicates="2"))  # type: ignore[arg-type]
    assert "the study: 3 is neither text nor a path" in refused(lambda: ablatune.Study.load(3))  # type: ignore[arg-type]
    assert "the study: 'a\\x00b' is not text" in refused(lambda: ablatune.Study.load("a\0b"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cpus": -1}, "cpus: -1 is not a whole number of at least 1"),
        ({"cpus": True}, "cpus: True is not a whole number of at least 1"),
        ({"max_concurrent": 0}, "max_concurrent: 0 is not a whole number of at least 1"),
        ({"logical_gpus": -1}, "logical_gpus: -1 is not a whole number of at least 0"),
        ({"cpus_per_trial": "x"}, "cpus_per_trial: 'x' is not a number"),
        ({"cpus_per_trial": float("inf")}, "cpus_per_trial: inf is not a finite number"),
        ({"time_limit_minutes": 1e300}, "--time-limit: 1e+300 is more than 5,256,000 minutes"),
        ({"address": 3}, "address: 3 is not text"),
        ({"dry_run": 1}, "dry_run: 1 is neither true nor false"),
    ],
)
def test_keywords_of_a_run(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    here = study(storage=tmp_path / "r")
    assert words in refused(lambda: here.run(**{"dry_run": True, **given}))
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [({"nodes": 0}, "nodes: 0 is not a whole number of at least 1"), ({"rate": "x"}, "rate: 'x' is not a number")],
)
def test_keywords_of_a_plan(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    assert words in refused(lambda: study(storage=tmp_path / "r").plan(pilot=False, **given))


def test_the_folder_of_a_report_is_a_path(tmp_path: Path) -> None:
    assert "folder: 3 is neither text nor a path" in refused(lambda: study(storage=tmp_path).report(3))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "levels",
    [np.array([4, 8]), pd.Series([4, 8]), (4, 8), range(4, 9, 4), {4: "a", 8: "b"}.keys(), [np.int64(4), np.array(8)]],
    ids=lambda levels: type(levels).__name__,
)
def test_arrays_and_their_scalars_are_taken(levels: Any) -> None:
    made = study(
        base={**BASE, "learning_rate": np.float32(0.5), "batch_norm": np.bool_(True)},
        tables=({"factor": "hidden_units", "levels": levels},),
        seeds=np.int64(3),
        replicates=np.int64(2),
        overrides={"epochs": np.int32(2)},
    )
    values = [level.values["hidden_units"] for level in made.definition.tables[0].levels]
    assert values == [4, 8]
    assert {type(value) for value in values} == {int}
    assert made.definition.base["learning_rate"] == 0.5
    assert made.definition.base["batch_norm"] is True
    assert (made.definition.seeds, made.replicates, made.definition.overrides) == (3, 2, {"epochs": 2})
    assert type(made.replicates) is int


@pytest.mark.parametrize(
    "levels", [range(10**12), range(10**40), np.broadcast_to(1, 10**9)], ids=["long", "endless", "array"]
)
def test_a_list_that_is_too_long_is_refused_before_it_is_made(levels: Any) -> None:
    words = refused(lambda: study(tables=({"factor": "hidden_units", "levels": levels},)))
    assert "values; a study has at most 100,000" in words


def test_a_list_in_itself_is_refused() -> None:
    tables: list[Any] = []
    tables.append(tables)
    assert "nested more than 64 deep, or in themselves" in refused(lambda: study(tables=tables))
