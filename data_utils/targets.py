"""What targets are: classes, by the names that they have at their source, or numbers to be predicted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils.declared import Declaration
from data_utils.errors import DatasetError
from data_utils.sources import Source, unusable


def resolve_task(declaration: Declaration, source: Source) -> str:
    """Return the declared task, or the one that the targets leave no doubt of.

    Text and truth values are classes, and so are the whole numbers of an array of integers. Numbers that are not all
    whole are to be predicted. There is doubt about the whole numbers of a table, about integers of which most rows
    have one of their own, and about text among numbers that could be a mistake.

    Raises:
        DatasetError: If the targets could be either, or one is missing.
    """
    targets = source.targets
    if targets.missing.any():
        raise _bad_target(declaration, source, targets.missing, "has no value; remove the row, or give it one")
    if declaration.task:
        return declaration.task
    different = len(targets.categories())
    if len(targets.texts) == len(targets):
        return "classification"
    if targets.texts:
        if _whole(targets.numbers[~np.isnan(targets.numbers)]).all() and different <= len(targets) / 2:
            return "classification"
        what = "is text, and others are numbers; mend it, or write task: classification"
        raise _bad_target(declaration, source, np.isnan(targets.numbers), what)
    if not _whole(targets.numbers).all():
        return "regression"
    if source.plain_classes and different <= len(targets) / 2:
        return "classification"
    raise DatasetError(
        f"datasets.{declaration.name}.task: is needed, because the targets are {different} different whole numbers; "
        "write classification or regression"
    )


def check_targets(declaration: Declaration, source: Source, *, task: str) -> None:
    """Hold the targets of a source to the task.

    Raises:
        DatasetError: If a target is missing or of the wrong kind, or there is one class only.
    """
    missing = source.targets.missing
    if missing.any():
        raise _bad_target(declaration, source, missing, "has no value; remove the row, or give it one")
    if task == "regression":
        if declaration.task == "regression" and source.targets.texts:
            text = np.isnan(source.targets.numbers)
            raise _bad_target(declaration, source, text, "must be a number; mend it, or write task: classification")
        infinite = np.isinf(source.targets.numbers)
        if infinite.any():
            raise _bad_target(declaration, source, infinite, "must be a finite number; mend it")
        return
    if source.targets.texts:
        return
    broken = ~_whole(source.targets.numbers)
    if broken.any():
        raise _bad_target(
            declaration, source, broken, "is no class, which is a whole number or text; write task: regression"
        )


def check_classes(
    declaration: Declaration, main: Source, development: NDArray[np.intp], test: Source, classes: Sequence[str]
) -> None:
    """Hold the development rows of ``main`` and the test source to the classes.

    Raises:
        DatasetError: If the former have one class only, or the latter has one that ``main`` does not have.
    """
    first = main.targets.places(classes)[development]
    if (first == first[0]).all():
        what = f"all targets outside the test part are {classes[first[0]]}, and one class is nothing to learn; add rows"
        raise unusable(declaration.name, main.where, what)
    new = test.targets.places(classes) < 0
    if new.any():
        what = f"is a class that {main.where} does not have; remove these rows, or add such rows there"
        raise _bad_target(declaration, test, new, what)


def encode_targets(source: Source, rows: NDArray[np.intp], *, task: str, classes: Sequence[str]) -> NDArray[Any]:
    """Return the targets of ``rows`` [m]: int64 places among the classes, or float64 numbers."""
    if task == "classification":
        return source.targets.places(classes)[rows]
    return source.targets.numbers[rows]


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(numbers) & (np.floor(numbers) == numbers))


def _bad_target(declaration: Declaration, source: Source, rows: NDArray[np.bool_], what: str) -> DatasetError:
    row = int(rows.argmax())
    target = f"{declaration.target}, the target," if declaration.target else "the target"
    value = "" if source.targets.missing[row] else f" ({source.targets.cell(row)})"
    return unusable(declaration.name, source.where, f"in row {row + 1}, {target}{value} {what}")
