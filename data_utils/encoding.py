"""From the columns of a table to input arrays: numbers unchanged, categories one-hot."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_utils.columns import Column, is_quantity
from data_utils.dates import read_dates
from data_utils.declared import Declaration
from data_utils.errors import DatasetError, advice, shown
from data_utils.reading import (
    MOST_CATEGORIES,
    Reading,
    as_settled,
    dates_of,
    input_columns,
    is_truth,
    listed,
    settle,
)
from data_utils.sealing import row_digests
from data_utils.sources import Source, Sources, unusable
from data_utils.tables import Table, read_table

_LONGEST_MARK = 20


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
    table = read_table(declaration.name, found[0])
    for key in ("inputs", "ignore", "categorical", "dates"):
        for column in listed(getattr(declaration, key)):
            _check_column(key, column, table, name=declaration.name)
    _check_column("target", declaration.target, table, name=declaration.name)
    if declaration.groups:
        _check_column("groups", declaration.groups, table, name=declaration.name)
    reading = settle(declaration, table)
    encoding = _encoding(reading)
    main = _source(reading, encoding)
    if len(found) == 1:
        return Sources(main, None, reading.declaration, reading.taken)
    return Sources(
        main, lambda: _read_test(reading.declaration, found[1], encoding), reading.declaration, reading.taken
    )


def _read_test(declaration: Declaration, path: Path, encoding: Encoding) -> Source:
    table = read_table(declaration.name, path)
    for column in (*encoding.columns, declaration.target):
        _check_column("test_file", column, table, name=declaration.name)
    return _source(as_settled(declaration, table), encoding)


def _encoding(reading: Reading) -> Encoding:
    declaration, table = reading.declaration, reading.table
    name = declaration.name
    columns = input_columns(declaration, table)
    if not columns:
        raise DatasetError(f"datasets.{name}.inputs: no column is left as an input; ignore fewer")
    categories = {}
    for column in columns:
        if reading.columns[column].missing.all():
            raise unusable(name, table.path, f"column {column} is empty; list it under ignore")
        if column in (declaration.categorical or ()):
            categories[column] = reading.columns[column].categories()
            if len(categories[column]) > MOST_CATEGORIES:
                raise unusable(
                    name,
                    table.path,
                    f"column {column} has {len(categories[column])} categories, more than {MOST_CATEGORIES}; "
                    "list it under ignore, or group them",
                )
    return Encoding(columns, categories)


def _source(reading: Reading, encoding: Encoding) -> Source:
    table = reading.table
    blocks = [
        _one_hot(reading, column, encoding.categories[column])
        if column in encoding.categories
        else _numbers(reading, column)[:, None]
        for column in encoding.columns
    ]
    inputs = np.concatenate(blocks, axis=1)
    names = sorted(table.columns)
    # Digests leave the names out: renaming a column moves no row across splits as long as the alphabetical order stays.
    codes = np.stack([table.columns[column].codes for column in names], axis=1).astype("<u8")
    return Source(
        where=str(table.path),
        digests=row_digests(row.tobytes() for row in codes),
        targets=reading.columns[reading.declaration.target],
        plain_classes=False,
        inputs=inputs.__getitem__,
        features=encoding.features,
        layout=("table", *names),
        places=table.places,
        groups=_groups(reading) if reading.declaration.groups in table.columns else None,
    )


def _groups(reading: Reading) -> NDArray[np.uint64]:
    """Hash the column that keeps rows together."""
    column = reading.declaration.groups
    cells = reading.columns[column]
    if cells.missing.any():
        row = int(cells.missing.argmax())
        raise _bad_cell(reading, row, f"{column} has no value; say which rows it belongs to")
    return row_digests(code.tobytes() for code in cells.codes.astype("<u8"))


def _numbers(reading: Reading, column: str) -> NDArray[np.float64]:
    cells = reading.columns[column]
    if column in (reading.declaration.dates or ()):
        cells = _days(reading, column)
    elif cells.texts and is_truth(cells):
        cells = cells.with_numbers({text: float(text.lower() == "true") for text in cells.texts.values()})
    if cells.texts:
        row = min(cells.texts)
        raise _bad_cell(
            reading,
            row,
            f"{column} must be a number, not {cells.cell(row)}; list {column} under categorical"
            f" or ignore, or fix the cell{_mark_advice(cells)}",
        )
    infinite = np.isinf(cells.numbers)
    if infinite.any():
        row = int(infinite.argmax())
        raise _bad_cell(reading, row, f"{column} must be a finite number, not {cells.cell(row)}; fix it")
    _check_missing(reading, column, cells.missing)
    return cells.numbers


def _mark_advice(cells: Column) -> str:
    words = {text for text in cells.texts.values() if not is_quantity(text)}
    short = len(words) == 1 and all(len(text) <= _LONGEST_MARK for text in words)
    return f"; if it is a missing value, write missing_marks: {sorted(words)}" if short else ""


def _days(reading: Reading, column: str) -> Column:
    cells = reading.columns[column]
    found = None if not np.isnan(cells.numbers).all() else dates_of(reading.declaration, reading, column)
    if found is None:
        row = next((row for row, text in cells.texts.items() if read_dates({text}, day_first=True) is None), 0)
        what = f"{column} must be a date, written as in the other rows, not {cells.cell(row)}"
        raise _bad_cell(reading, row, f"{what}; fix the cell, or leave {column} out of dates")
    return cells.with_numbers(found[0])


def _one_hot(reading: Reading, column: str, categories: tuple[str, ...]) -> NDArray[np.float64]:
    cells = reading.columns[column]
    _check_missing(reading, column, cells.missing)
    places = cells.places(categories)
    new = (places < 0) & ~cells.missing
    if new.any() and not reading.declaration.fills_missing:
        row = int(new.argmax())
        raise _bad_cell(
            reading,
            row,
            f"{column} is {cells.cell(row)}, a category that {reading.declaration.file} does not have; remove the "
            "row, or write missing: most_frequent to treat it as missing",
        )
    # A place of -1 matches no category: a missing cell becomes all zeros.
    return np.asarray(places[:, None] == np.arange(len(categories)), dtype=np.float64)


def _check_missing(reading: Reading, column: str, missing: NDArray[np.bool_]) -> None:
    if not reading.declaration.fills_missing and missing.any():
        raise _bad_cell(
            reading,
            int(missing.argmax()),
            f"{column} has no value ({np.count_nonzero(missing)} rows in all); write missing: mean, median or "
            f"most_frequent, or list {column} under ignore",
        )


def _bad_cell(reading: Reading, row: int, what: str) -> DatasetError:
    return unusable(reading.declaration.name, reading.table.path, f"in row {reading.table.places[row] + 1}, {what}")


def _check_column(key: str, column: str, table: Table, *, name: str) -> None:
    if column not in table.columns:
        end = advice(column, table.columns, plural="columns")
        raise DatasetError(f"datasets.{name}.{key}: {table.path} has no column {shown(column)}; {end}")
