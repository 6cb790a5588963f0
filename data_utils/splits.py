"""Which rows go where: pure functions of sizes and seeds.

Permutations come from raw PCG64 words, because numpy promises that these stay the same in every
version, and promises no such thing for ``Generator.permutation``: a test part must not move with numpy.
"""

import operator

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import DatasetError

# First words of the seeds, so that no two uses of one number share a stream.
_SPLIT_STREAM = 1
_SEALED_STREAM = 2


def random_words(count: int, *seed: int) -> NDArray[np.uint64]:
    """Return ``count`` uniform 64-bit words; ``seed`` holds non-negative integers."""
    words: NDArray[np.uint64] = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)
    return words


def development_split(*, rows: int, validation_rows: int, split_seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw the line between training and validation.

    The validation part of a smaller ``validation_rows`` lies inside that of a larger one.

    Returns:
        Indices of the training rows and of the validation rows, each ascending; together ``range(rows)``.

    Raises:
        DatasetError: If ``validation_rows`` is not in 1 to ``rows - 1``, or ``split_seed`` is negative.
    """
    validation_rows = whole_number("validation_rows", validation_rows)
    split_seed = whole_number("split_seed", split_seed)
    if not 1 <= validation_rows < rows:
        raise DatasetError(
            f"validation_rows must be in 1 to {rows - 1}, so that one of the {rows} development rows "
            f"is left to train on, not {validation_rows}"
        )
    if split_seed < 0:
        raise DatasetError(f"split_seed must be 0 or more, not {split_seed}")
    return _draw(rows, validation_rows, _SPLIT_STREAM, split_seed)


def sealed_split(*, rows: int, test_rows: int, outer_split: object = 0) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the development and the test rows of a dataset without a test part of its own.

    Each ``outer_split`` is fixed once and for all: no seed moves it. Split 0 is the one that is meant unless told;
    further ones are drawn independently, so that their parts overlap. Both are ascending, together ``range(rows)``.

    Raises:
        DatasetError: If ``outer_split`` is negative.
    """
    number = whole_number("outer_split", outer_split)
    if number < 0:
        raise DatasetError(f"outer_split must be 0 or more, not {number}")
    return _draw(rows, test_rows, _SEALED_STREAM, *([number] if number else []))


def _draw(rows: int, drawn: int, *seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = np.argsort(random_words(rows, *seed), kind="stable")
    return np.sort(order[drawn:]), np.sort(order[:drawn])


def whole_number(name: str, value: object) -> int:
    """Return ``value`` as an int.

    Raises:
        DatasetError: If it is no whole number.
    """
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise DatasetError(f"{name} must be a whole number, not {value!r}") from error
