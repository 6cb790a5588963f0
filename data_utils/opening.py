"""From the description of the user's own data to its parts, held to what was described."""

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

# Raised when the same content comes to mean other rows.
_VERSION = 1


def find(declaration: Declaration, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return where the file or folder, and the test part's if it has one, lies: in the first folder that holds it.

    Raises:
        DatasetError: If none does.
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
            f"datasets.{declaration.name}.{key}: found no {kind} {' and no '.join(map(str, places))}; put it there, "
            "beside the study file or in the data folder, or correct the name"
        )
    return found.absolute()


def read_sources(
    declaration: Declaration, found: tuple[Path, ...], *, data_dir: Path, options: Mapping[str, object]
) -> Sources:
    """Read what is declared from where it was found; ``options`` and ``data_dir`` are a function's.

    Raises:
        DatasetError: If it is torn, or holds what it must not.
    """
    # What is not read is not imported.
    if declaration.kind == "function":
        from data_utils.functions import read_function

        return read_function(declaration, data_dir=data_dir, options=options)
    if options:
        raise DatasetError(f"dataset {declaration.name!r} takes no option {next(iter(options))!r}")
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
    """Return the development and the test rows of the main source, in the order of their content.

    Where the test part has a source of its own, all rows of the main one are development rows.
    """
    order = sources.main.order
    if sources.open_test is not None:
        return order, order[:0]
    share = DEFAULT_TEST_SHARE if declaration.test_share is None else declaration.test_share
    sealed = sealed_rows(sources.main.digests, test_share=share, outer_split=outer_split)[order]
    return order[~sealed], order[sealed]


def open_parts(info: DatasetInfo, *, data_dir: Path, options: Mapping[str, object]) -> Callable[[PartName], Part]:
    """Read the data that ``info`` describes, and return what opens its parts.

    A test part of its own is read when it is opened, and not before.

    Raises:
        DatasetError: If it is no longer there, or has other rows than were described.
    """
    declaration = info.declared
    if declaration is None:
        raise DatasetError(f"dataset {info.name!r} was not declared; use its loader {info.loader}")
    asked = dict(info.options) | {name: value for name, value in options.items() if name != "outer_split"}
    sources = read_sources(declaration, _found(info, declaration, data_dir), data_dir=data_dir, options=asked)
    _hold(info, 0, sources.main, asked)
    development, drawn = draw_test_rows(declaration, sources, outer_split=options.get("outer_split", 0))

    def open_part(part: PartName) -> Part:
        if part == "development":
            meaning = json.dumps(_meaning(info, sources.main)).encode()
            content = (meaning, *sources.main.rows_content(development))
            return Part(_VERSION, content, partial(_rows, info, sources.main, development))
        test, rows = sources.main, drawn
        if sources.open_test is not None:
            test = sources.open_test()
            _hold(info, 1, test, asked)
            rows = test.order
        # The rows as they are read, whatever their inputs: who reads other columns opens the same test set.
        return Part(_VERSION, test.rows_content(rows), partial(_rows, info, test, rows))

    return open_part


def _found(info: DatasetInfo, declaration: Declaration, data_dir: Path) -> tuple[Path, ...]:
    paths = tuple(map(Path, info.found))
    # Described elsewhere: it may be in this machine's data folder.
    return (
        paths
        if paths and all(path.exists() for path in paths)
        else find(declaration, [*(path.parent for path in paths[:1]), data_dir])
    )


def _hold(info: DatasetInfo, place: int, source: Source, asked: Mapping[str, object]) -> None:
    if source.content == info.content[place]:
        return
    described = dict(info.options)
    if asked != described:
        rule = f"it was described with the options {described} and is read with {dict(asked)}; describe it with these"
    elif info.declared is not None and info.declared.kind == "function":
        rule = "it gives other rows each time; seed its generator (or, if it was changed meanwhile, start again)"
    else:
        rule = "its rows are not those that were described; if it was changed on purpose, start again"
    raise DatasetError(f"{info.name}: cannot use {source.where}: {rule}")


def _meaning(info: DatasetInfo, source: Source) -> list[object]:
    missing = info.declared.missing if info.declared else "error"
    return [info.task, info.input_shape, info.features, info.class_names, missing, source.layout]


def _rows(info: DatasetInfo, source: Source, rows: NDArray[np.intp]) -> Rows:
    targets = encode_targets(source, rows, task=info.task, classes=info.class_names)
    return Rows(inputs=source.inputs(rows), targets=targets)
