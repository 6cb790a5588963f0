"""What a trial gets, for every dataset, and what it cannot reach."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits

from data_utils import (
    DATASETS,
    TOY_PROBLEMS,
    DatasetError,
    Preparation,
    TrialData,
    fingerprint,
    load_test_data,
    load_trial_data,
)

EMBEDDED = [name for name in DATASETS if name in {"digits", "diabetes", "toy"}]
EVERY = [pytest.param(name, marks=() if name in EMBEDDED else pytest.mark.needs_data) for name in DATASETS]
NOWHERE = Path("/nonexistent")


@pytest.fixture
def folder(name: str, request: pytest.FixtureRequest) -> Path:
    """Return the real data folder for the datasets that need one, and no folder at all for the others."""
    if name in EMBEDDED:
        return NOWHERE
    found: Path = request.getfixturevalue("data_dir")
    return found


def arrays(data: object) -> dict[str, NDArray[Any]]:
    return {field: value for field, value in vars(data).items() if isinstance(value, np.ndarray)}


def raw_rows(data: TrialData, inputs: NDArray[Any]) -> Iterator[tuple[int, ...]]:
    """Yield the inputs in the source's integer units, one hashable row each."""
    for row in np.rint(inputs * data.input_scale + data.input_offset).reshape(len(inputs), -1).astype(int):
        yield tuple(row.tolist())


@pytest.mark.parametrize("name", EVERY)
def test_every_dataset_is_what_its_info_says(name: str, folder: Path) -> None:
    info = DATASETS[name]
    data = load_trial_data(name, data_dir=folder, download=False)
    sizes = (info.development_rows - info.validation_rows, info.validation_rows)
    assert (len(data.train_inputs), len(data.validation_inputs)) == sizes
    assert (len(data.train_targets), len(data.validation_targets)) == sizes
    assert data.train_inputs.shape[1:] == data.validation_inputs.shape[1:] == info.input_shape
    assert (data.dataset, data.task, data.classes) == (name, info.task, info.classes)
    assert data.target_unit == info.target_unit
    assert data.split_seed == 0
    target_type = np.int64 if info.task == "classification" else np.float32
    assert data.train_targets.dtype == data.validation_targets.dtype == target_type
    for array in arrays(data).values():
        assert np.isfinite(array).all()
        assert array.base is None, "a view would carry rows that are not the trial's"
    assert {
        array.dtype for array in (data.train_inputs, data.validation_inputs, data.input_offset, data.input_scale)
    } == {np.dtype(np.float32)}
    np.broadcast_shapes(data.input_offset.shape, info.input_shape)
    assert data.fingerprint == fingerprint(name, data_dir=folder, download=False)


@pytest.mark.parametrize("name", EVERY)
def test_the_training_part_is_standardised(name: str, folder: Path) -> None:
    data = load_trial_data(name, data_dir=folder, download=False)
    axes = (0, *range(2, data.train_inputs.ndim))
    np.testing.assert_allclose(data.train_inputs.mean(axis=axes, dtype=float), 0, atol=1e-5)
    np.testing.assert_allclose(data.train_inputs.std(axis=axes, dtype=float), 1, atol=1e-5)
    assert data.validation_inputs.mean(dtype=float) != 0
    if data.task == "regression":
        assert data.train_targets.mean(dtype=float) == pytest.approx(0, abs=1e-5)
        assert data.train_targets.std(dtype=float) == pytest.approx(1, abs=1e-5)
    else:
        assert (data.target_mean, data.target_std) == (0.0, 1.0)
        assert set(data.train_targets.tolist()) == set(range(data.classes))


@pytest.mark.parametrize("name", EVERY)
def test_the_test_part_is_what_the_info_says(name: str, folder: Path) -> None:
    info = DATASETS[name]
    data = load_test_data(name, data_dir=folder, download=False)
    assert data.inputs.shape == (info.test_rows, *info.input_shape)
    assert data.targets.shape == (info.test_rows,)
    assert all(np.isfinite(array).all() for array in arrays(data).values())
    other = load_test_data(name, Preparation(split_seed=1), data_dir=folder, download=False)
    assert other.test_fingerprint == data.test_fingerprint != data.fingerprint == other.fingerprint
    # Other training rows, hence other statistics, of the same test rows.
    assert not np.array_equal(other.inputs, data.inputs)
    np.testing.assert_allclose(
        other.targets * other.target_std + other.target_mean,
        data.targets * data.target_std + data.target_mean,
        rtol=1e-4,
        atol=1e-3,
    )


@pytest.mark.parametrize("name", EVERY)
def test_a_trials_data_pickles_to_its_own_rows_and_no_more(name: str, folder: Path) -> None:
    data = load_trial_data(name, data_dir=folder, download=False)
    pickled = pickle.dumps(data, protocol=5)
    assert len(pickled) < sum(array.nbytes for array in arrays(data).values()) + 4000
    again = pickle.loads(pickled)
    for field, array in arrays(data).items():
        np.testing.assert_array_equal(getattr(again, field), array)
    assert again.fingerprint == data.fingerprint


def test_no_test_row_of_digits_is_in_a_trials_data() -> None:
    info = DATASETS["digits"]
    everything = {tuple(row) for row in load_digits().data.astype(int).tolist()}
    assert len(everything) == 1797
    test = load_test_data("digits", data_dir=NOWHERE)
    developments = []
    for seed in range(3):
        data = load_trial_data("digits", Preparation(split_seed=seed), data_dir=NOWHERE)
        train, validation = (set(raw_rows(data, part)) for part in (data.train_inputs, data.validation_inputs))
        assert not train & validation
        developments.append(train | validation)
        if seed == 0:
            sealed = set(raw_rows(data, test.inputs))
    assert developments[0] == developments[1] == developments[2] == everything - sealed
    assert (len(developments[0]), len(sealed)) == (info.development_rows, info.test_rows)


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_split_seed_moves_the_line_and_nothing_else(name: str) -> None:
    first, second = (load_trial_data(name, Preparation(split_seed=seed), data_dir=NOWHERE) for seed in (0, 1))

    def development(data: TrialData) -> NDArray[Any]:
        inputs = np.concatenate([data.train_inputs, data.validation_inputs]) * data.input_scale + data.input_offset
        return np.sort(inputs.reshape(len(inputs), -1).sum(axis=1))

    np.testing.assert_allclose(development(first), development(second), rtol=1e-4, atol=1e-4)
    assert first.fingerprint == second.fingerprint
    assert not np.array_equal(first.validation_targets, second.validation_targets)


def test_the_validation_size_is_the_callers() -> None:
    data = load_trial_data("digits", Preparation(validation_rows=100), data_dir=NOWHERE)
    assert (len(data.train_targets), len(data.validation_targets)) == (1337, 100)
    with pytest.raises(DatasetError, match=r"validation_rows must be in 1 to 1436.*not 1437"):
        load_trial_data("digits", Preparation(validation_rows=1437), data_dir=NOWHERE)


def test_the_shipped_tables_are_those_of_scikit_learn() -> None:
    digits, diabetes = load_digits(), load_diabetes(scaled=False)
    data, test = (load("digits", data_dir=NOWHERE) for load in (load_trial_data, load_test_data))
    labels = np.concatenate([data.train_targets, data.validation_targets, test.targets])
    assert np.array_equal(np.bincount(labels), np.bincount(digits.target))
    data, test = (load("diabetes", data_dir=NOWHERE) for load in (load_trial_data, load_test_data))
    inputs = (
        np.concatenate([data.train_inputs, data.validation_inputs, test.inputs]) * data.input_scale + data.input_offset
    )
    targets = np.concatenate([data.train_targets, data.validation_targets, test.targets])
    np.testing.assert_allclose(np.sort(inputs, axis=0), np.sort(diabetes.data, axis=0), rtol=1e-4)
    np.testing.assert_allclose(
        np.sort(targets * data.target_std + data.target_mean), np.sort(diabetes.target), rtol=1e-4
    )


def test_an_option_that_a_dataset_does_not_take_is_refused() -> None:
    with pytest.raises(DatasetError, match="'digits' takes no option 'toy_problem': its options are none"):
        load_trial_data("digits", data_dir=NOWHERE, options={"toy_problem": "xor"})
    with pytest.raises(DatasetError, match="'toy' takes no option 'noise': its options are toy_problem"):
        fingerprint("toy", data_dir=NOWHERE, options={"noise": 1})


@pytest.mark.parametrize("value", ["donuts", 3, None])
def test_an_unknown_toy_problem_is_refused(value: object) -> None:
    with pytest.raises(DatasetError, match=f"toy_problem must be one of xor, circles, moons, spirals, not {value!r}"):
        fingerprint("toy", data_dir=NOWHERE, options={"toy_problem": value})


def test_every_toy_problem_is_its_own_dataset() -> None:
    prints = {fingerprint("toy", data_dir=NOWHERE, options={"toy_problem": problem}) for problem in TOY_PROBLEMS}
    assert len(prints) == len(TOY_PROBLEMS) >= 4
    assert fingerprint("toy", data_dir=NOWHERE) == fingerprint("toy", data_dir=NOWHERE, options={"toy_problem": "xor"})


@pytest.mark.parametrize("problem", TOY_PROBLEMS)
def test_toy_problems_are_separable_and_not_by_a_line(problem: str) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    options = {"toy_problem": problem}
    data = load_trial_data("toy", data_dir=NOWHERE, options=options)
    test = load_test_data("toy", data_dir=NOWHERE, options=options)
    line = LogisticRegression().fit(data.train_inputs, data.train_targets)
    assert line.score(test.inputs, test.targets) < 0.95
    neighbour = KNeighborsClassifier(n_neighbors=1).fit(data.train_inputs, data.train_targets)
    assert neighbour.score(test.inputs, test.targets) > 0.99
    assert np.bincount(test.targets).tolist() == [250, 250]
    repeated = load_trial_data("toy", data_dir=NOWHERE, options=options)
    np.testing.assert_array_equal(data.train_inputs, repeated.train_inputs)
    assert not set(map(tuple, test.inputs.tolist())) & set(map(tuple, data.train_inputs.tolist()))


def test_fingerprints_are_stable() -> None:
    prints = {name: fingerprint(name, data_dir=NOWHERE) for name in EMBEDDED}
    assert prints == {"digits": "05974a06bd684e88", "diabetes": "c21c2283f9f196a7", "toy": "d6dc9e402c875df2"}


@pytest.mark.needs_data
def test_fingerprints_of_the_real_files_are_stable(data_dir: Path) -> None:
    prints = {name: fingerprint(name, data_dir=data_dir, download=False) for name in DATASETS if name not in EMBEDDED}
    assert prints == {"usps": "59e4c813c604e721", "mnist": "b9a902dbcb573985", "house_prices": "22309cdbc4a76e35"}


def test_an_outer_split_moves_the_test_part_and_has_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    usual, moved = {"outer_split": 0}, {"outer_split": 3}
    prints = {fingerprint("diabetes", data_dir=tmp_path, options=options) for options in ({}, usual, moved)}
    assert len(prints) == 2, "outer split 0 is the usual one"
    tests = [load_test_data("diabetes", data_dir=tmp_path, options=options) for options in (usual, moved)]
    assert tests[0].test_fingerprint != tests[1].test_fingerprint
    with pytest.raises(DatasetError, match="takes no option 'outer_split'"):
        load_trial_data("digits", data_dir=tmp_path, options=moved)


def test_unit_scaling_is_that_of_the_training_part(tmp_path: Path) -> None:
    data = load_trial_data("digits", Preparation(input_scaling="unit"), data_dir=tmp_path)
    assert (data.train_inputs.min(), data.train_inputs.max()) == (0, 1)
    test = load_test_data("digits", Preparation(input_scaling="unit"), data_dir=tmp_path)
    assert test.inputs.max() <= 1
    standard = load_trial_data("digits", data_dir=tmp_path)
    restored = standard.train_inputs * standard.input_scale + standard.input_offset
    np.testing.assert_allclose(data.train_inputs * data.input_scale + data.input_offset, restored, atol=1e-4)


def test_the_folds_of_a_classification_are_stratified_and_scaled_by_their_own_training_part(tmp_path: Path) -> None:
    parts = [load_trial_data("digits", Preparation(folds=5, fold=fold), data_dir=tmp_path) for fold in range(5)]
    assert sum(len(part.validation_targets) for part in parts) == 1437
    counts = np.array([np.bincount(part.validation_targets, minlength=10) for part in parts])
    assert np.ptp(counts, axis=0).max() <= 1
    for part in parts:
        assert len(part.train_targets) + len(part.validation_targets) == 1437
        assert abs(float(part.train_inputs.mean())) < 1e-6
    assert len({part.input_offset.tobytes() for part in parts}) == 5
