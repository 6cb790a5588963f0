"""From the description of a user's dataset to its parts, checked against the description."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_utils.declared import DEFAULT_TEST_SHARE, Declaration
from data_utils.errors import DatasetError
from data_utils.parts import Part, PartName, Rows
from data_utils.registry import DatasetInfo
from data_utils.sealing import sealed_rows
from data_utils.sources import Source, Sources
from data_utils.targets import encode_targets

# Increased when the same content is read as other rows.
_VERSION = 1


def find(declaration: Declaration, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Find the declared file or folder, and that of the test part if there is one: the first of ``folders`` wins.

    Raises:
        DatasetError: If no folder contains it.
    """
    if declaration.kind == "function":
        return ()
    found = [_find(declaration, "folder" if declaration.folder else "file", declaration.source, folders)]
    if declaration.test_source:
        key = "test_folder" if declaration.test_folder else "test_file"
        found.append(_find(declaration, key, declaration.test_source, folders))
    return tuple(found)


def _find(declaration: Declaration, key: str, name: str, folders: Sequence[Path]) -> Path:
    places = list(dict.fromkeys(Path(folder) / Path(name).expanduser() for folder in folders))
    there = Path.is_dir if key.endswith("folder") else Path.is_file
    found = next((place for place in places if there(place)), None)
    if found is None:
        kind = "folder" if key.endswith("folder") else "file"
        raise DatasetError(
            f"datasets.{declaration.name}.{key}: found no {kind} {' and no '.join(map(str, places))}; put it "
            "beside the study file or in the data folder, or correct the name"
        )
    return found.absolute()


def read_sources(
    declaration: Declaration, found: tuple[Path, ...], *, data_dir: Path, options: Mapping[str, object]
) -> Sources:
    """Read a declared dataset from the paths in ``found``; ``options`` and ``data_dir`` are for functions.

    Raises:
        DatasetError: If a file is damaged, or has contents that cannot be used.
    """
    # Only the reader that is needed is imported.
    if declaration.kind == "function":
        from data_utils.functions import read_function

        return read_function(declaration, data_dir=data_dir, options=options)
    if options:
        raise DatasetError(f"dataset {declaration.name!r} takes no option {next(iter(options))!r}; leave it out")
    if declaration.kind == "folder":
        from data_utils.image_folder import read_images

        return read_images(declaration, found)
    if declaration.kind == "npz":
        from data_utils.arrays import read_npz

        return read_npz(declaration, found)
    from data_utils.encoding import read_tables

    return read_tables(declaration, found)


def draw_test_rows(
    declaration: Declaration, sources: Sources, *, outer_split: object = 0
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Divide the main source into development and test rows, each ordered by content.

    If the test part has a separate source, all rows of the main one are development rows.
    """
    order = sources.main.order
    if sources.open_test is not None:
        return order, order[:0]
    share = DEFAULT_TEST_SHARE if declaration.test_share is None else declaration.test_share
    together = sources.main.digests if sources.main.groups is None else sources.main.groups
    sealed = sealed_rows(together, test_share=share, outer_split=outer_split)[order]
    return order[~sealed], order[sealed]


def open_parts(info: DatasetInfo, *, data_dir: Path, options: Mapping[str, object]) -> Callable[[PartName], Part]:
    """Read the data that ``info`` describes, and return the function that opens its parts.

    A separate test part is not read before it is opened.

    Raises:
        DatasetError: If the data is gone, or its rows differ from the description.
    """
    declaration = info.declared
    if declaration is None:
        raise DatasetError(f"dataset {info.name!r} was not declared; use its loader {info.loader}")
    asked = dict(info.options) | {name: value for name, value in options.items() if name != "outer_split"}
    sources = read_sources(declaration, _found(info, declaration, data_dir), data_dir=data_dir, options=asked)
    _check_content(info, 0, sources.main, asked)
    development, drawn = draw_test_rows(declaration, sources, outer_split=options.get("outer_split", 0))

    def open_part(part: PartName) -> Part:
        if part == "development":
            meaning = json.dumps(_meaning(info, sources.main)).encode()
            content = (meaning, *sources.main.rows_content(development))
            return Part(_VERSION, content, partial(_rows, info, sources.main, development))
        test, rows = sources.main, drawn
        if sources.open_test is not None:
            test = sources.open_test()
            _check_content(info, 1, test, asked)
            rows = test.order
        # The rows as stored, whichever columns are inputs: studies that read other columns open the same test set.
        return Part(_VERSION, test.rows_content(rows), partial(_rows, info, test, rows))

    return open_part


def _found(info: DatasetInfo, declaration: Declaration, data_dir: Path) -> tuple[Path, ...]:
    paths = tuple(map(Path, info.found))
    # Described on another machine: look in this machine's data folder.
    return (
        paths
        if paths and all(path.exists() for path in paths)
        else find(declaration, [*(path.parent for path in paths[:1]), data_dir])
    )


def _check_content(info: DatasetInfo, place: int, source: Source, asked: Mapping[str, object]) -> None:
    if source.content == info.content[place]:
        return
    described = dict(info.options)
    if asked != described:
        rule = f"it was described with the options {described} but read with {dict(asked)}; describe it with the latter"
    elif info.declared is not None and info.declared.kind == "function":
        rule = "it returns different rows each time; seed its generator (or, if you have changed it, start again)"
    else:
        rule = "its rows have changed since it was described; if that was intended, start again"
    raise DatasetError(f"{info.name}: cannot use {source.where}: {rule}")


def _meaning(info: DatasetInfo, source: Source) -> list[object]:
    declared = info.declared
    missing = declared.missing if declared is not None and declared.fills_missing else "error"
    meaning: list[object] = [info.task, info.input_shape, info.features, info.class_names, missing, source.layout]
    if declared is not None and (declared.dates or declared.missing_marks):
        meaning.append([declared.dates or (), declared.day_first, declared.missing_marks or ()])
    if declared is not None and declared.groups:
        meaning.append(declared.groups)
    return meaning


def _rows(info: DatasetInfo, source: Source, rows: NDArray[np.intp]) -> Rows:
    targets = encode_targets(source, rows, task=info.task, classes=info.class_names)
    if source.groups is None:
        return Rows(inputs=source.inputs(rows), targets=targets)
    _, groups = np.unique(source.groups[rows], axis=0, return_inverse=True)
    return Rows(inputs=source.inputs(rows), targets=targets, groups=groups.reshape(-1))
