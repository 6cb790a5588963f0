"""Which rows go where: pure functions of sizes and seeds.

Permutations come from raw PCG64 words: numpy guarantees that these stay the same in every version, but not
``Generator.permutation``, and a new numpy must not move rows into another part.
"""

import operator

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import DatasetError, shown

# First words of the seeds: different uses of the same number get different streams.
SPLIT_STREAM = 1
_SEALED_STREAM = 2
FOLD_STREAM = 3


def random_words(count: int, *seed: int) -> NDArray[np.uint64]:
    """Draw ``count`` uniform 64-bit words; ``seed`` consists of non-negative integers."""
    words: NDArray[np.uint64] = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)
    return words


def development_split(*, rows: int, validation_rows: int, split_seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw the validation rows; the rest is the training part.

    A smaller validation part is contained in a larger one of the same seed.

    Returns:
        Indices of the training rows and of the validation rows, each ascending; together ``range(rows)``.

    Raises:
        DatasetError: If ``validation_rows`` is not in 1 to ``rows - 1``, or ``split_seed`` is negative.
    """
    validation_rows = whole_number("validation_rows", validation_rows)
    if not 1 <= validation_rows < rows:
        raise DatasetError(
            f"validation_rows must be in 1 to {rows - 1}, to leave at least one of the {rows} development rows "
            f"to train on, not {validation_rows}"
        )
    return _draw(rows, validation_rows, SPLIT_STREAM, natural_number("split_seed", split_seed))


def fold_split(
    *, rows: int, folds: int, fold: int, split_seed: int, classes: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Divide the development rows into folds of (nearly) equal size; one is the validation part, the rest trains.

    Args:
        rows: How many there are.
        folds: How many parts.
        fold: Number of the part that validates, from 0.
        split_seed: Draws another division; the folds of one seed have no row in common.
        classes: Of the rows, [rows]: each fold then has as many rows of a class as any other, or one more or less.

    Returns:
        Indices of the training rows and of the validation rows, each ascending; together ``range(rows)``.

    Raises:
        DatasetError: If ``folds`` is not in 2 to ``rows``, ``fold`` is not in 0 to ``folds - 1``, or ``split_seed`` is
            negative.
    """
    folds, fold = whole_number("folds", folds), natural_number("fold", fold)
    if not 2 <= folds <= rows:
        raise DatasetError(f"folds must be in 2 to {rows}, the number of development rows, not {folds}")
    if fold >= folds:
        raise DatasetError(f"fold must be in 0 to {folds - 1}, not {fold}")
    order = np.argsort(random_words(rows, FOLD_STREAM, natural_number("split_seed", split_seed)), kind="stable")
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    # Dealt out like cards, class after class.
    held_out = order[fold::folds]
    trains = np.ones(rows, dtype=bool)
    trains[held_out] = False
    return np.flatnonzero(trains), np.sort(held_out)


def fold_size(rows: int, folds: int, fold: int) -> int:
    """How many of the rows a fold has."""
    return len(range(fold, rows, folds))


def sealed_split(*, rows: int, test_rows: int, outer_split: object = 0) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Divide a dataset that has no separate test part into development and test rows.

    Each ``outer_split`` is fixed for good: no seed changes it. Split 0 is the default; the test parts of different
    splits are drawn independently, so they overlap.

    Returns:
        Indices of the development rows and of the test rows, each ascending; together ``range(rows)``.

    Raises:
        DatasetError: If ``outer_split`` is not a whole number, or is negative.
    """
    number = natural_number("outer_split", outer_split)
    return _draw(rows, test_rows, _SEALED_STREAM, *([number] if number else []))


def _draw(rows: int, drawn: int, *seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = np.argsort(random_words(rows, *seed), kind="stable")
    return np.sort(order[drawn:]), np.sort(order[:drawn])


def whole_number(name: str, value: object) -> int:
    """Convert ``value`` to an int.

    Raises:
        DatasetError: If it is not a whole number.
    """
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise DatasetError(f"{name} must be a whole number, not {shown(value)}") from error


def natural_number(name: str, value: object) -> int:
    """Convert ``value`` to an int that is not negative.

    Raises:
        DatasetError: If it is not a whole number, or is negative.
    """
    number = whole_number(name, value)
    if number < 0:
        raise DatasetError(f"{name} must be 0 or more, not {number}")
    return number
