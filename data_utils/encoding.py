"""From the columns of a table to input arrays: numbers unchanged, categories one-hot."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_utils.columns import Column
from data_utils.declared import Declaration
from data_utils.errors import DatasetError, advice, shown
from data_utils.sealing import row_digests
from data_utils.sources import Source, Sources, unusable
from data_utils.tables import Table, read_table

_MOST_CATEGORIES = 1000


@dataclass(frozen=True)
class Encoding:
    """The input columns, in order, and the categories of those that are categorical."""

    columns: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the encoded inputs; ``colour=red`` for a category."""
        return tuple(
            name
            for column in self.columns
            for name in (
                [f"{column}={category}" for category in self.categories[column]]
                if column in self.categories
                else [column]
            )
        )


def read_tables(declaration: Declaration, found: tuple[Path, ...]) -> Sources:
    """Read the table at ``found[0]``; the test part at ``found[1]``, if there is one, on demand.

    Raises:
        DatasetError: If a file or a column is missing, or has contents that cannot be used.
    """
    table = _read(declaration, found[0])
    encoding = _encoding(declaration, table)
    main = _source(declaration, table, encoding)
    if len(found) == 1:
        return Sources(main, None)
    return Sources(main, lambda: _source(declaration, _read(declaration, found[1]), encoding, test=True))


def _read(declaration: Declaration, path: Path) -> Table:
    """Read a table; 2,5 is a number where numbers are expected and the comma separates no cells."""
    table = read_table(declaration.name, path)
    if not table.decimal_commas:
        return table
    numbers = {*(declaration.inputs or table.columns)} - {*declaration.categorical, *declaration.ignore}
    if declaration.task == "classification":
        numbers.discard(declaration.target)
    else:
        numbers.add(declaration.target)
    columns = {name: cells.with_decimal_commas() if name in numbers else cells for name, cells in table.columns.items()}
    return replace(table, columns=columns)


def _encoding(declaration: Declaration, table: Table) -> Encoding:
    name = declaration.name
    for key in ("inputs", "ignore", "categorical"):
        for column in getattr(declaration, key):
            _check_column(key, column, table, name=name)
    _check_column("target", declaration.target, table, name=name)
    others = {declaration.target, *declaration.ignore}
    columns = declaration.inputs or tuple(column for column in table.columns if column not in others)
    if not columns:
        raise DatasetError(f"datasets.{name}.inputs: no column is left as an input; ignore fewer")
    categories = {}
    for column in columns:
        if table.columns[column].missing.all():
            raise unusable(name, table.path, f"column {column} is empty; list it under ignore")
        if column in declaration.categorical:
            categories[column] = table.columns[column].categories()
            if len(categories[column]) > _MOST_CATEGORIES:
                raise unusable(
                    name,
                    table.path,
                    f"column {column} has {len(categories[column])} categories, more than {_MOST_CATEGORIES}; "
                    "list it under ignore, or group them",
                )
    return Encoding(columns, categories)


def _source(declaration: Declaration, table: Table, encoding: Encoding, *, test: bool = False) -> Source:
    name = declaration.name
    for column in (*encoding.columns, declaration.target):
        _check_column("test_file" if test else "inputs", column, table, name=name)
    blocks = [
        _one_hot(declaration, table, column, encoding.categories[column])
        if column in encoding.categories
        else _numbers(declaration, table, column)[:, None]
        for column in encoding.columns
    ]
    inputs = np.concatenate(blocks, axis=1)
    names = sorted(table.columns)
    # Digests leave the names out: renaming a column moves no row across splits as long as the alphabetical order stays.
    codes = np.stack([table.columns[column].codes for column in names], axis=1).astype("<u8")
    return Source(
        where=str(table.path),
        digests=row_digests(row.tobytes() for row in codes),
        targets=table.columns[declaration.target],
        plain_classes=False,
        inputs=inputs.__getitem__,
        features=encoding.features,
        layout=("table", *names),
    )


def _numbers(declaration: Declaration, table: Table, column: str) -> NDArray[np.float64]:
    cells = _truth_values(table.columns[column])
    if cells.texts:
        row = min(cells.texts)
        raise _bad_cell(
            declaration,
            table,
            row,
            f"{column} must be a number, not {cells.cell(row)}; list {column} under categorical"
            " or ignore, or fix the cell",
        )
    infinite = np.isinf(cells.numbers)
    if infinite.any():
        row = int(infinite.argmax())
        raise _bad_cell(declaration, table, row, f"{column} must be a finite number, not {cells.cell(row)}; fix it")
    _check_missing(declaration, table, column, cells.missing)
    return cells.numbers


def _truth_values(cells: Column) -> Column:
    """Convert a column of True and False to 1 and 0; leave any other unchanged."""
    if not np.isnan(cells.numbers).all() or {text.lower() for text in cells.texts.values()} - {"true", "false"}:
        return cells
    numbers = np.full(len(cells), np.nan)
    for row, text in cells.texts.items():
        numbers[row] = text.lower() == "true"
    return Column(numbers, {})


def _one_hot(declaration: Declaration, table: Table, column: str, categories: tuple[str, ...]) -> NDArray[np.float64]:
    cells = table.columns[column]
    _check_missing(declaration, table, column, cells.missing)
    places = cells.places(categories)
    new = (places < 0) & ~cells.missing
    if new.any() and declaration.missing == "error":
        row = int(new.argmax())
        raise _bad_cell(
            declaration,
            table,
            row,
            f"{column} is {cells.cell(row)}, a category that {declaration.file} does not have; remove the row, or "
            "write missing: most_frequent to treat it as missing",
        )
    # A place of -1 matches no category: a missing cell becomes all zeros.
    return np.asarray(places[:, None] == np.arange(len(categories)), dtype=np.float64)


def _check_missing(declaration: Declaration, table: Table, column: str, missing: NDArray[np.bool_]) -> None:
    if declaration.missing == "error" and missing.any():
        raise _bad_cell(
            declaration,
            table,
            int(missing.argmax()),
            f"{column} has no value ({np.count_nonzero(missing)} rows in all); write missing: mean, median or "
            f"most_frequent, or list {column} under ignore",
        )


def _bad_cell(declaration: Declaration, table: Table, row: int, what: str) -> DatasetError:
    return unusable(declaration.name, table.path, f"in row {row + 1}, {what}")


def _check_column(key: str, column: str, table: Table, *, name: str) -> None:
    if column not in table.columns:
        end = advice(column, table.columns, plural="columns")
        raise DatasetError(f"datasets.{name}.{key}: {table.path} has no column {shown(column)}; {end}")
