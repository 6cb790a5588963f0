"""Measure a dataset of the user's own: the one time that all of it is read and checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from data_utils.declared import DEFAULT_TEST_SHARE, Declaration
from data_utils.errors import DatasetError
from data_utils.opening import draw_test_rows, find, read_sources
from data_utils.registry import DATASETS, DatasetInfo
from data_utils.sources import Source, Sources, unusable
from data_utils.targets import check_classes, check_targets, resolve_task

_NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


def describe(
    declaration: Declaration, *, folders: Sequence[Path], options: Mapping[str, object] = _NO_OPTIONS
) -> DatasetInfo:
    """Read a declared dataset and return what the rest of the project needs to know of it.

    Args:
        declaration: An entry of ``datasets:`` in a study file.
        folders: Where files are looked for, in this order; the last one is the data folder, which a function is given.
        options: Options of a function. An ``outer_split`` among them is passed over: every one has the same sizes.

    Raises:
        DatasetError: If it cannot be used: one line that says what, where, the rule, and what to do. What is raised
            inside a function of the user's is raised as it is.
    """
    name = declaration.name
    if name in DATASETS:
        raise DatasetError(f"datasets.{name}: this name is {DATASETS[name].label}'s, which comes along; choose another")
    options = {option: value for option, value in options.items() if option != "outer_split"}
    found = find(declaration, folders)
    data_dir = Path(folders[-1])
    sources = read_sources(declaration, found, data_dir=data_dir, options=options)
    main = sources.main
    own_test = sources.open_test() if sources.open_test else None
    reads = () if own_test else ("outer_split",)
    if declaration.kind == "function":
        from data_utils.functions import function_options

        again = read_sources(declaration, found, data_dir=data_dir, options=options)
        _check_repeats(declaration, (main, own_test), again)
        reads = (*function_options(declaration), *reads)
    task = _check_task(declaration, main, own_test)
    classes = main.targets.categories() if task == "classification" else ()
    development, drawn = draw_test_rows(declaration, sources)
    test, test_rows = (own_test, own_test.order) if own_test else (main, drawn)
    if not len(test_rows):
        what = f"none of its {len(main)} rows is drawn into the sealed test part; add rows, or raise test_share"
        raise unusable(name, main.where, what)
    if len(development) < 2:
        what = f"{len(development)} rows are left beside the sealed test part, and 2 are needed; add rows"
        raise unusable(name, main.where, what)
    if task == "classification":
        check_classes(declaration, main, development, test, classes)
    input_shape = main.inputs(development).shape[1:]
    test_shape = test.inputs(test_rows).shape[1:]
    if test_shape != input_shape:
        what = f"inputs of the test part have the shape {list(test_shape)}, and others {list(input_shape)}"
        end = "write image_size" if declaration.kind == "folder" else "give both one shape"
        raise unusable(name, test.where, f"{what}; {end}")
    return DatasetInfo(
        name=name,
        label=declaration.label or name,
        task=task,
        input_shape=input_shape,
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
        content=(main.content, *([own_test.content] if own_test else [])),
        options=tuple(sorted(options.items())),
        found=tuple(map(str, found)),
    )


def _check_repeats(declaration: Declaration, first: tuple[Source, Source | None], again: Sources) -> None:
    second = (again.main, again.open_test() if again.open_test else None)
    if [source and source.content for source in first] != [source and source.content for source in second]:
        what = "it gives other rows each time that it is called; seed its generator"
        raise unusable(declaration.name, declaration.function, what)


def _check_task(declaration: Declaration, main: Source, test: Source | None) -> str:
    task = resolve_task(declaration, main)
    for source in (main, test):
        if source is not None:
            check_targets(declaration, source, task=task)
    if task == "classification" and declaration.target_unit:
        raise DatasetError(f"datasets.{declaration.name}.target_unit: classes have no unit; leave it out")
    return task


def _validation_rows(declaration: Declaration, rows: int) -> int:
    share = DEFAULT_TEST_SHARE if declaration.test_share is None else declaration.test_share
    wanted = declaration.validation_rows or min(max(1, round(share * rows)), rows - 1)
    if wanted >= rows:
        raise DatasetError(
            f"datasets.{declaration.name}.validation_rows: must be in 1 to {rows - 1}, so that one of the {rows} rows "
            f"beside the test part is left to train on, not {wanted}"
        )
    return wanted
