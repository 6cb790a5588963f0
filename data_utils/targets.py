"""Targets: classes, under the names they have in the source, or numbers to predict."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils.declared import Declaration
from data_utils.errors import DatasetError
from data_utils.sources import Source, unusable
from data_utils.taken import Taken

# Whole numbers in a table are classes up to so many, and regression if they are more and more than this share of rows.
_MOST_CLASSES = 30
_REGRESSION_FROM = 0.05


def resolve_task(declaration: Declaration, source: Source) -> str:
    """Return the declared task, or else the task that follows from the targets.

    Text and booleans are classes, and so are the whole numbers of an integer array. Numbers that are not all whole
    mean regression. Whole numbers in a table are classes if they are few and have no unit, and regression if they are
    many. The task must be declared for those in between, for integers of an array with mostly distinct values, and for
    numbers mixed with text that may be a mistake.

    Raises:
        DatasetError: If the targets could be either, or a target is missing.
    """
    targets = source.targets
    if targets.missing.any():
        raise _bad_target(declaration, source, targets.missing, "has no value; add it, or remove the row")
    if declaration.task:
        return declaration.task
    different = len(targets.categories())
    if len(targets.texts) == len(targets):
        return "classification"
    if targets.texts:
        if _whole(targets.numbers[~np.isnan(targets.numbers)]).all() and different <= len(targets) / 2:
            return "classification"
        what = "is text, but others are numbers; fix it, or write task: classification"
        raise _bad_target(declaration, source, np.isnan(targets.numbers), what)
    if not _whole(targets.numbers).all():
        return "regression"
    if source.plain_classes and different <= len(targets) / 2:
        return "classification"
    if declaration.kind == "table":
        if declaration.target_unit or different > max(_MOST_CLASSES, _REGRESSION_FROM * len(targets)):
            return "regression"
        if different <= _MOST_CLASSES:
            return "classification"
    raise DatasetError(
        f"datasets.{declaration.name}.task: must be given, because the targets are {different} distinct whole "
        "numbers, which could be either; write classification or regression"
    )


def task_taken(declaration: Declaration, source: Source, task: str) -> Taken | None:
    """Say which task whole numbers in a table were taken for; None if the task was declared or is plain to see."""
    if declaration.task or declaration.kind != "table" or source.targets.texts:
        return None
    if not _whole(source.targets.numbers).all():
        return None
    different = len(source.targets.categories())
    other = "regression" if task == "classification" else "classification"
    what = f"{declaration.target}, the target, has {different} different whole numbers, which means {task}"
    return Taken(what, advice=f"otherwise write task: {other}")


def check_targets(declaration: Declaration, source: Source, *, task: str) -> None:
    """Check that the targets of a source suit the task.

    Raises:
        DatasetError: If a target is missing or of the wrong kind.
    """
    missing = source.targets.missing
    if missing.any():
        raise _bad_target(declaration, source, missing, "has no value; add it, or remove the row")
    if task == "regression":
        if declaration.task == "regression" and source.targets.texts:
            text = np.isnan(source.targets.numbers)
            raise _bad_target(declaration, source, text, "must be a number; fix it, or write task: classification")
        infinite = np.isinf(source.targets.numbers)
        if infinite.any():
            raise _bad_target(declaration, source, infinite, "must be a finite number; fix it")
        return
    if source.targets.texts:
        return
    broken = ~_whole(source.targets.numbers)
    if broken.any():
        raise _bad_target(
            declaration, source, broken, "is not a class, which must be a whole number or text; write task: regression"
        )


def check_classes(
    declaration: Declaration, main: Source, development: NDArray[np.intp], test: Source, classes: Sequence[str]
) -> None:
    """Check the classes of the development rows of ``main`` and of the test source.

    Raises:
        DatasetError: If the development rows have only one class, or the test source has a class that ``main`` lacks.
    """
    first = main.targets.places(classes)[development]
    if (first == first[0]).all():
        what = f"all targets outside the test part are {classes[first[0]]}; add rows of another class"
        raise unusable(declaration.name, main.where, what)
    new = test.targets.places(classes) < 0
    if new.any():
        what = f"is a class that {main.where} does not have; remove the row, or add rows of this class there"
        raise _bad_target(declaration, test, new, what)


def rare_classes(source: Source, classes: Sequence[str], development: NDArray[np.intp]) -> list[Taken]:
    """Say which classes have a single row, and which have none outside the test part."""
    if not classes:
        return []
    places = source.targets.places(classes)
    counts = np.bincount(places[places >= 0], minlength=len(classes))
    known = np.bincount(places[development], minlength=len(classes))
    single = tuple(name for name, rows in zip(classes, counts, strict=True) if rows == 1)
    unseen = tuple(name for name, rows in zip(classes, known, strict=True) if not rows)
    found = []
    if single:
        what = "classes with a single row, which is either trained on or tested with"
        found.append(Taken(what, single, "add rows, or merge them with others"))
    if unseen:
        what = "classes without a row outside the test part, which cannot be learnt"
        found.append(Taken(what, unseen, "add rows, or merge them with others"))
    return found


def encode_targets(source: Source, rows: NDArray[np.intp], *, task: str, classes: Sequence[str]) -> NDArray[Any]:
    """Targets of ``rows`` [m]: int64 indices into the classes, or float64 numbers."""
    if task == "classification":
        return source.targets.places(classes)[rows]
    return source.targets.numbers[rows]


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(numbers) & (np.floor(numbers) == numbers))


def _bad_target(declaration: Declaration, source: Source, rows: NDArray[np.bool_], what: str) -> DatasetError:
    row = int(rows.argmax())
    target = f"{declaration.target}, the target," if declaration.target else "the target"
    value = "" if source.targets.missing[row] else f" ({source.targets.cell(row)})"
    place = row if source.places is None else source.places[row]
    return unusable(declaration.name, source.where, f"in row {place + 1}, {target}{value} {what}")
