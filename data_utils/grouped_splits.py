"""Splits that keep groups of rows together, such as the visits of a patient."""

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import DatasetError
from data_utils.splits import FOLD_STREAM, SPLIT_STREAM, natural_number, random_words, whole_number

Indices = NDArray[np.intp]


def grouped_split(*, groups: Indices, validation_rows: int, split_seed: int) -> tuple[Indices, Indices]:
    """Draw whole groups as the validation part: as many as fit into its size, and at least one.

    Args:
        groups: Number of each row's group, [n], from 0.
        validation_rows: The most rows of the validation part, if a group is not larger by itself.
        split_seed: Draws other groups.

    Returns:
        Indices of the training rows and of the validation rows, each ascending.

    Raises:
        DatasetError: If there is one group only.
    """
    sizes = np.bincount(groups)
    if len(sizes) < 2:
        raise DatasetError("groups: all development rows are in one group, so none is left to validate on; give others")
    order = np.argsort(random_words(len(sizes), SPLIT_STREAM, natural_number("split_seed", split_seed)), kind="stable")
    held_out: list[int] = []
    left = validation_rows
    for group in order.tolist():
        if sizes[group] <= left:
            held_out.append(group)
            left -= int(sizes[group])
    chosen = held_out or [int(order[np.argmin(sizes[order])])]
    return _parts(np.isin(groups, chosen))


def grouped_fold_split(
    *, groups: Indices, folds: int, fold: int, split_seed: int, classes: NDArray[np.int64] | None = None
) -> tuple[Indices, Indices]:
    """Divide whole groups into folds with about as many rows of each class; one fold is the validation part.

    The groups are dealt out from the largest to the smallest, those of one size in random order, each to the fold that
    stays most even with it.

    Args:
        groups: Number of each row's group, [n], from 0.
        folds: How many parts.
        fold: Number of the part that validates, from 0.
        split_seed: Draws another division.
        classes: Of the rows, [n]; None where there are none.

    Returns:
        Indices of the training rows and of the validation rows, each ascending.

    Raises:
        DatasetError: If there are fewer groups than folds, or ``fold`` is not in 0 to ``folds - 1``.
    """
    folds, fold = whole_number("folds", folds), natural_number("fold", fold)
    of_class = np.zeros(len(groups), dtype=np.int64) if classes is None else classes
    counts = np.zeros((groups.max() + 1, of_class.max() + 1))
    np.add.at(counts, (groups, of_class), 1)
    if not 2 <= folds <= len(counts):
        raise DatasetError(f"folds must be in 2 to {len(counts)}, the number of groups of rows, not {folds}")
    if fold >= folds:
        raise DatasetError(f"fold must be in 0 to {folds - 1}, not {fold}")
    words = random_words(len(counts), FOLD_STREAM, natural_number("split_seed", split_seed))
    order = np.lexsort((words, -counts.sum(axis=1)))
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    filled = np.zeros((folds, shares.shape[1]))
    place = np.empty(len(counts), dtype=np.intp)
    for rank, group in enumerate(order):
        # No fold stays empty.
        rest = len(order) - rank
        empty = np.flatnonzero(filled.sum(axis=1) == 0)
        among = empty if len(empty) >= rest else np.arange(folds)
        unevenness = ((filled[among] + shares[group]) ** 2 - filled[among] ** 2).sum(axis=1)
        place[group] = among[np.argmin(np.round(unevenness, 12))]
        filled[place[group]] += shares[group]
    return _parts(place[groups] == fold)


def _parts(validates: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    return np.flatnonzero(~validates), np.flatnonzero(validates)
