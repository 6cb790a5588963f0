"""Which data a configuration trains on, and how it is prepared."""

from typing import Any

import pytest

from tune_jobs.ledger.targets import targets_name
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import SCALING_FIELDS, data_id, data_slot, preparation, validation_rows
from tune_jobs.trial.key import trial_key

BASE = TrialConfig(dataset="diabetes", objective="mse")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"dataset": "usps"}, "usps"),
        ({"dataset": "toy", "toy_problem": "moons"}, "toy(moons)"),
        ({"dataset": "diabetes"}, "diabetes"),
        ({"dataset": "diabetes", "outer_split": 2}, "diabetes(outer split 2)"),
        ({"dataset": "usps", "outer_split": 2}, "usps"),
        ({"dataset": "usps", "own": {"dataset.noise": 0.5, "network.width": 3}}, "usps(noise 0.5)"),
    ],
)
def test_data_is_named_with_the_options_that_its_dataset_reads(values: dict[str, Any], name: str) -> None:
    assert data_id(TrialConfig(**values)) == name


def test_preparation_is_what_loading_takes() -> None:
    options = {"input_scaling": "unit", "input_transform": "log1p", "target_transform": "log"}
    prepared = preparation(BASE.replace(**options))
    assert {name: getattr(prepared, name) for name in SCALING_FIELDS} == options


@pytest.mark.parametrize(
    "change",
    [
        {"input_scaling": "unit"},
        {"input_transform": "log1p"},
        {"target_transform": "log"},
        {"split_seed": 1},
        {"validation_rows": 9},
        {"outer_split": 1},
        {"folds": 5},
    ],
)
def test_data_that_is_prepared_differently_has_another_slot(change: dict[str, Any]) -> None:
    assert data_slot(BASE.replace(**change)) != data_slot(BASE)


def test_what_does_not_change_the_data_shares_its_slot() -> None:
    assert data_slot(BASE.replace(shift=2, learning_rate=0.1, seed=3)) == data_slot(BASE)
    assert data_slot(BASE.replace(validation_rows=71)) == data_slot(BASE)
    assert validation_rows(BASE) == 71


def test_each_fold_has_a_slot_a_size_and_targets_of_its_own() -> None:
    folds = [BASE.replace(folds=5, fold=fold) for fold in range(5)]
    assert [validation_rows(one) for one in folds] == [71, 71, 71, 71, 70]
    assert len({data_slot(one) for one in folds}) == 5
    assert len({targets_name("f", one) for one in (BASE, *folds)}) == 6
    assert len({trial_key(one, "f") for one in (BASE, *folds)}) == 6


def test_a_configuration_without_folds_has_the_names_that_it_had() -> None:
    assert data_slot(BASE) == "diabetes/0/71/standard/none/none"
    assert targets_name("f", BASE) == "f-0-71"
    assert trial_key(BASE.replace(folds=0, fold=0), "f") == "874cf82efa18f9bb326c"
