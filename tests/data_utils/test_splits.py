"""Splits are pure functions of sizes and seeds."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_utils import DatasetError
from data_utils.splits import development_split, fold_size, fold_split, sealed_split

SIZES = st.integers(2, 400).flatmap(lambda rows: st.tuples(st.just(rows), st.integers(1, rows - 1)))
SEEDS = st.integers(0, 2**40)


@given(SIZES, SEEDS)
def test_the_two_parts_are_disjoint_and_leave_no_row_out(sizes: tuple[int, int], seed: int) -> None:
    rows, validation_rows = sizes
    train, validation = development_split(rows=rows, validation_rows=validation_rows, split_seed=seed)
    assert len(validation) == validation_rows
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(rows))


@given(SIZES, SEEDS)
def test_the_same_seed_gives_the_same_rows(sizes: tuple[int, int], seed: int) -> None:
    rows, validation_rows = sizes
    first = development_split(rows=rows, validation_rows=validation_rows, split_seed=seed)
    second = development_split(rows=rows, validation_rows=validation_rows, split_seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@given(SIZES, SEEDS)
def test_a_larger_validation_part_holds_the_smaller_one(sizes: tuple[int, int], seed: int) -> None:
    rows, validation_rows = sizes
    _, large = development_split(rows=rows, validation_rows=validation_rows, split_seed=seed)
    _, small = development_split(rows=rows, validation_rows=(validation_rows + 1) // 2, split_seed=seed)
    assert set(small) <= set(large)


@given(SIZES)
def test_sealed_rows_are_disjoint_and_fixed(sizes: tuple[int, int]) -> None:
    rows, test_rows = sizes
    development, test = sealed_split(rows=rows, test_rows=test_rows)
    assert len(test) == test_rows
    assert np.array_equal(np.sort(np.concatenate([development, test])), np.arange(rows))
    assert np.array_equal(test, sealed_split(rows=rows, test_rows=test_rows)[1])


def test_seeds_differ() -> None:
    parts = [development_split(rows=1000, validation_rows=200, split_seed=seed)[1] for seed in range(5)]
    parts.append(sealed_split(rows=1000, test_rows=200)[1])
    assert len({part.tobytes() for part in parts}) == 6


def test_the_rows_of_the_past_are_those_of_today() -> None:
    _, test = sealed_split(rows=1797, test_rows=360)
    _, validation = development_split(rows=7291, validation_rows=1291, split_seed=0)
    seen = [hashlib.sha256(part.astype("<i8").tobytes()).hexdigest()[:16] for part in (test, validation)]
    assert seen == ["d4a2de7a58cbdd51", "f2113ea59c0987cb"]


@pytest.mark.parametrize("validation_rows", [0, -1, 10, 11])
def test_a_part_without_rows_is_refused(validation_rows: int) -> None:
    with pytest.raises(DatasetError, match=rf"validation_rows must be in 1 to 9.*not {validation_rows}$"):
        development_split(rows=10, validation_rows=validation_rows, split_seed=0)


def test_seeds_and_sizes_are_whole_numbers() -> None:
    with pytest.raises(DatasetError, match="split_seed must be 0 or more, not -1"):
        development_split(rows=10, validation_rows=2, split_seed=-1)
    with pytest.raises(DatasetError, match=r"validation_rows must be a whole number, not 2\.5"):
        development_split(rows=10, validation_rows=2.5, split_seed=0)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="split_seed must be a whole number, not '1'"):
        development_split(rows=10, validation_rows=2, split_seed="1")  # type: ignore[arg-type]


@given(SIZES, st.integers(0, 50))
def test_each_outer_split_is_whole_and_fixed(sizes: tuple[int, int], outer_split: int) -> None:
    rows, test_rows = sizes
    development, test = sealed_split(rows=rows, test_rows=test_rows, outer_split=outer_split)
    assert np.array_equal(np.sort(np.concatenate([development, test])), np.arange(rows))
    assert np.array_equal(test, sealed_split(rows=rows, test_rows=test_rows, outer_split=outer_split)[1])


def test_outer_splits_differ_and_the_first_is_the_usual_one() -> None:
    parts = [sealed_split(rows=1000, test_rows=200, outer_split=number)[1] for number in range(6)]
    assert len({part.tobytes() for part in parts}) == 6
    assert np.array_equal(parts[0], sealed_split(rows=1000, test_rows=200)[1])
    with pytest.raises(DatasetError, match="outer_split must be 0 or more"):
        sealed_split(rows=10, test_rows=2, outer_split=-1)


FOLDS = st.integers(2, 200).flatmap(lambda rows: st.tuples(st.just(rows), st.integers(2, min(rows, 12))))


@given(FOLDS, SEEDS, st.integers(1, 6))
def test_folds_hold_each_row_once_and_each_class_evenly(sizes: tuple[int, int], seed: int, classes: int) -> None:
    rows, folds = sizes
    targets = np.random.default_rng(seed).integers(classes, size=rows)
    parts = [fold_split(rows=rows, folds=folds, fold=fold, split_seed=seed, classes=targets) for fold in range(folds)]
    assert np.array_equal(np.sort(np.concatenate([held_out for _, held_out in parts])), np.arange(rows))
    for fold, (train, held_out) in enumerate(parts):
        assert np.array_equal(np.sort(np.concatenate([train, held_out])), np.arange(rows))
        assert len(held_out) == fold_size(rows, folds, fold)
    counts = [np.bincount(targets[held_out], minlength=classes) for _, held_out in parts]
    assert np.ptp(counts, axis=0).max() <= 1


def test_repeats_divide_the_rows_anew_and_for_good() -> None:
    held_out = [fold_split(rows=1000, folds=5, fold=2, split_seed=seed)[1] for seed in range(5)]
    assert len({part.tobytes() for part in held_out}) == 5
    assert hashlib.sha256(held_out[0].astype("<i8").tobytes()).hexdigest()[:16] == "0b9f2a17f8c4ec55"


@pytest.mark.parametrize(
    ("folds", "fold", "words"),
    [(1, 0, "folds must be in 2 to 10"), (11, 0, "folds must be in 2 to 10"), (5, 5, "fold must be in 0 to 4, not 5")],
)
def test_folds_that_rows_cannot_have_are_refused(folds: int, fold: int, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        fold_split(rows=10, folds=folds, fold=fold, split_seed=0)
