"""Measure a dataset that the user declared: the only time that all of it is read and checked."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_utils.declared import DEFAULT_TEST_SHARE, Declaration
from data_utils.errors import DatasetError
from data_utils.opening import draw_test_rows, find, read_sources
from data_utils.registry import DATASETS, DatasetInfo
from data_utils.sources import Source, Sources, unusable
from data_utils.taken import Taken
from data_utils.targets import check_classes, check_targets, rare_classes, resolve_task, task_taken

_NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


class _Parts(NamedTuple):
    """The development rows of the main source, and the test rows of it or of a source that holds the test part."""

    main: Source
    development: NDArray[np.intp]
    test: Source
    test_rows: NDArray[np.intp]


def describe(
    declaration: Declaration, *, folders: Sequence[Path], options: Mapping[str, object] = _NO_OPTIONS
) -> DatasetInfo:
    """Read a declared dataset and measure what the rest of the project needs to know about it.

    Args:
        declaration: An entry of ``datasets:`` in a study file.
        folders: Where files are looked for, in this order; the last one is the data folder, which functions are given.
        options: Arguments of a function. ``outer_split`` is ignored: all outer splits have the same sizes.

    Raises:
        DatasetError: If the dataset cannot be used: one line that says what, where, the rule, and what to do.
            Exceptions of the user's function are not caught.
    """
    name = declaration.name
    if name in DATASETS:
        raise DatasetError(
            f"datasets.{name}: the name belongs to the built-in dataset {DATASETS[name].label}; choose another"
        )
    options = {option: value for option, value in options.items() if option != "outer_split"}
    found = find(declaration, folders)
    read = partial(read_sources, declaration, found, data_dir=Path(folders[-1]), options=options)
    sources = read()
    main, separate_test = sources.main, sources.open_test() if sources.open_test else None
    declaration = sources.settled or declaration
    reads = () if separate_test else ("outer_split",)
    if declaration.kind == "function":
        from data_utils.functions import function_options

        _check_repeats(declaration, (main, separate_test), read())
        reads = (*function_options(declaration), *reads)
    task = _check_task(declaration, main, separate_test)
    classes = main.targets.categories() if task == "classification" else ()
    development, drawn = draw_test_rows(declaration, sources)
    test, test_rows = (separate_test, separate_test.order) if separate_test else (main, drawn)
    parts = _Parts(main, development, test, test_rows)
    _check_sizes(declaration, parts)
    if task == "classification":
        check_classes(declaration, main, development, test, classes)
    return DatasetInfo(
        name=name,
        label=declaration.label or name,
        task=task,
        input_shape=_input_shape(declaration, parts),
        classes=len(classes),
        development_rows=len(development),
        test_rows=len(test_rows),
        validation_rows=_validation_rows(declaration, len(development)),
        target_unit=declaration.target_unit,
        source=f"the {'file' if declaration.file else declaration.kind} {declaration.source}",
        loader="",
        reads=reads,
        features=main.features,
        class_names=classes,
        declared=declaration,
        content=(main.content, *([separate_test.content] if separate_test else [])),
        options=tuple(sorted(options.items())),
        found=tuple(map(str, found)),
        taken=_taken(declaration, sources, task, classes, development),
    )


def _taken(
    declaration: Declaration, sources: Sources, task: str, classes: Sequence[str], development: NDArray[np.intp]
) -> tuple[Taken, ...]:
    """What was guessed, and which classes can hardly be learnt."""
    task_guessed = task_taken(declaration, sources.main, task)
    found = [*([task_guessed] if task_guessed else []), *sources.taken]
    return (*found, *rare_classes(sources.main, classes, development))


def _check_repeats(declaration: Declaration, first: tuple[Source, Source | None], again: Sources) -> None:
    second = (again.main, again.open_test() if again.open_test else None)
    if [source and source.content for source in first] != [source and source.content for source in second]:
        what = "it returns different rows each time it is called; seed its generator"
        raise unusable(declaration.name, declaration.function, what)


def _check_task(declaration: Declaration, main: Source, test: Source | None) -> str:
    task = resolve_task(declaration, main)
    for source in (main, test):
        if source is not None:
            check_targets(declaration, source, task=task)
    if task == "classification" and declaration.target_unit:
        raise DatasetError(f"datasets.{declaration.name}.target_unit: classes have no unit; leave it out")
    return task


def _check_sizes(declaration: Declaration, parts: _Parts) -> None:
    if not len(parts.test_rows):
        rows = len(parts.main)
        what = f"none of its {rows} rows falls into the sealed test part; add rows, or raise test_share"
        raise unusable(declaration.name, parts.main.where, what)
    if len(parts.development) < 2:
        rows = len(parts.development)
        what = f"the sealed test part leaves {rows} rows, and at least 2 are needed; add rows"
        raise unusable(declaration.name, parts.main.where, what)


def _input_shape(declaration: Declaration, parts: _Parts) -> tuple[int, ...]:
    input_shape = parts.main.inputs(parts.development).shape[1:]
    test_shape = parts.test.inputs(parts.test_rows).shape[1:]
    if test_shape != input_shape:
        what = f"inputs of the test part have the shape {list(test_shape)}, all others {list(input_shape)}"
        end = "write image_size" if declaration.kind == "folder" else "give both the same shape"
        raise unusable(declaration.name, parts.test.where, f"{what}; {end}")
    return input_shape


def _validation_rows(declaration: Declaration, rows: int) -> int:
    share = DEFAULT_TEST_SHARE if declaration.test_share is None else declaration.test_share
    wanted = declaration.validation_rows or min(max(1, round(share * rows)), rows - 1)
    if wanted >= rows:
        raise DatasetError(
            f"datasets.{declaration.name}.validation_rows: must be in 1 to {rows - 1}, to leave at least one of the "
            f"{rows} rows outside the test part to train on, not {wanted}"
        )
    return wanted
