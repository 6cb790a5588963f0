"""Rows of one group are always in one part, and the parts are about as large and as mixed as without groups."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_utils import DatasetError, describe, load_test_data, load_trial_data
from data_utils.declared import Declaration
from data_utils.grouped_splits import grouped_fold_split, grouped_split
from data_utils.preparation import Preparation

GROUPS = st.lists(st.integers(1, 9), min_size=4, max_size=40).map(lambda sizes: np.repeat(range(len(sizes)), sizes))
SEEDS = st.integers(0, 2**40)


@given(GROUPS, SEEDS, st.integers(1, 60))
def test_a_validation_part_of_whole_groups_is_no_larger_than_asked(groups: Any, seed: int, asked: int) -> None:
    train, held_out = grouped_split(groups=groups, validation_rows=asked, split_seed=seed)
    assert np.array_equal(np.sort(np.concatenate([train, held_out])), np.arange(len(groups)))
    assert not set(groups[train]) & set(groups[held_out])
    assert len(train) == 0 or len(held_out) > 0
    assert len(held_out) <= max(asked, np.bincount(groups).min())


@given(GROUPS, SEEDS, st.integers(2, 4), st.integers(1, 3))
def test_folds_of_whole_groups_hold_each_row_once(groups: Any, seed: int, folds: int, classes: int) -> None:
    targets = np.random.default_rng(seed).integers(classes, size=len(groups))
    parts = [
        grouped_fold_split(groups=groups, folds=folds, fold=fold, split_seed=seed, classes=targets)
        for fold in range(folds)
    ]
    assert np.array_equal(np.sort(np.concatenate([held_out for _, held_out in parts])), np.arange(len(groups)))
    for train, held_out in parts:
        assert len(held_out) > 0
        assert not set(groups[train]) & set(groups[held_out])


def test_folds_are_even_in_rows_and_classes_and_repeats_differ() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), rng.integers(1, 8, size=100))
    targets = (rng.random(100) < 0.3).astype(np.int64)[groups]
    parts = [
        grouped_fold_split(groups=groups, folds=5, fold=fold, split_seed=0, classes=targets)[1] for fold in range(5)
    ]
    assert np.ptp([len(part) for part in parts]) <= 0.05 * len(groups)
    assert np.ptp([targets[part].mean() for part in parts]) < 0.03
    others = [
        grouped_fold_split(groups=groups, folds=5, fold=0, split_seed=seed, classes=targets)[1] for seed in (1, 2)
    ]
    assert len({part.tobytes() for part in (parts[0], *others)}) == 3
    assert hashlib.sha256(parts[0].astype("<i8").tobytes()).hexdigest()[:16] == "a8cee0302ad37979"


def test_more_folds_than_groups_are_refused() -> None:
    with pytest.raises(DatasetError, match="folds must be in 2 to 3, the number of groups of rows, not 4"):
        grouped_fold_split(groups=np.array([0, 0, 1, 2]), folds=4, fold=0, split_seed=0)
    with pytest.raises(DatasetError, match="all development rows are in one group"):
        grouped_split(groups=np.zeros(3, dtype=np.intp), validation_rows=1, split_seed=0)


def table(folder: Path, **declared: Any) -> Declaration:
    rng = np.random.default_rng(1)
    lines = ["patient,visit,value,ill"]
    for patient in range(60):
        ill = int(rng.random() < 0.4)
        lines += [f"p{patient},{visit},{patient + rng.normal() / 100:.4f},{ill}" for visit in range(1 + patient % 4)]
    (folder / "visits.csv").write_text("\n".join(lines))
    return Declaration.from_mapping(
        "visits", {"file": "visits.csv", "target": "ill", "groups": "patient", "task": "classification", **declared}
    )


def patients(inputs: Any, data: Any) -> set[int]:
    return {round(float(value)) for value in inputs[:, 1] * data.input_scale[1] + data.input_offset[1]}


def test_no_patient_is_in_two_parts_of_a_declared_table(tmp_path: Path) -> None:
    info = describe(table(tmp_path), folders=[tmp_path], options={})
    assert info.features == ("visit", "value")
    seen: list[set[int]] = []
    for preparation in (*(Preparation(folds=4, fold=fold) for fold in range(4)), Preparation(split_seed=3)):
        data = load_trial_data(info, preparation, data_dir=tmp_path)
        tested = load_test_data(info, preparation, data_dir=tmp_path)
        parts = [patients(part, data) for part in (data.train_inputs, data.validation_inputs, tested.inputs)]
        assert sum(map(len, parts)) == 60 == len(set.union(*parts))
        seen.append(parts[1])
    assert len(set.union(*seen[:4])) == sum(map(len, seen[:4])), "each patient validates once"
    other = load_trial_data(info, Preparation(), data_dir=tmp_path, options={"outer_split": 1})
    assert other.fingerprint != load_trial_data(info, Preparation(), data_dir=tmp_path).fingerprint


def test_the_column_of_groups_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    grouped, plain = (
        describe(table(tmp_path, **more), folders=[tmp_path], options={})
        for more in ({}, {"groups": None, "ignore": ["patient"]})
    )
    found = [load_trial_data(info, Preparation(), data_dir=tmp_path).fingerprint for info in (grouped, plain)]
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"groups": "ill"}, "datasets.visits.groups: is ill, which is also in target; leave it out there"),
        ({"ignore": ["patient"]}, "datasets.visits.groups: is patient, which is also in ignore; leave it out there"),
        ({"groups": "pateint"}, "has no column 'pateint'; did you mean patient?"),
    ],
)
def test_a_column_that_cannot_keep_rows_together_is_one_line(
    tmp_path: Path, declared: dict[str, Any], words: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        describe(table(tmp_path, **declared), folders=[tmp_path], options={})
    assert words in str(caught.value)


def test_a_row_without_a_group_is_named(tmp_path: Path) -> None:
    declaration = table(tmp_path)
    with (tmp_path / "visits.csv").open("a") as file:
        file.write("\n,1,3.0,1")
    with pytest.raises(DatasetError, match="patient has no value; say which rows it belongs to"):
        describe(declaration, folders=[tmp_path], options={})
