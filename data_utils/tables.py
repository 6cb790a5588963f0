"""CSV and Parquet files: named columns of numbers and text. The same data in either format gives the same table."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils.columns import Column, column_of_cells
from data_utils.errors import one_line
from data_utils.separators import UnusableTableError, csv_reader, find_separator, has_cells
from data_utils.sources import read_bytes, unusable

# Excel may say in a first line what separates the cells.
_TOLD = re.compile(r"sep=([,;\t|])\r?\n")


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a file, by name, in file order.

    Attributes:
        places: Places in the file of the rows [n], from 0.
        unnamed: Whether a first column without a name, which only numbers the rows, was left out.
    """

    path: Path
    columns: Mapping[str, Column]
    places: NDArray[np.intp]
    unnamed: bool = False

    def only(self, rows: NDArray[np.bool_]) -> "Table":
        """The table of some rows, a mask [n]."""
        if rows.all():
            return self
        kept = np.flatnonzero(rows)
        columns = {name: column.only(kept) for name, column in self.columns.items()}
        return replace(self, columns=columns, places=self.places[kept])


def read_table(name: str, path: Path) -> Table:
    """Read ``path`` for the dataset ``name``, in the format that its suffix says.

    Raises:
        DatasetError: If it is not an intact CSV or Parquet file, has no rows, or two columns share a name.
    """
    content = read_bytes(name, path)
    try:
        return (_read_parquet if path.suffix.lower() == ".parquet" else _read_csv)(path, content)
    except UnusableTableError as error:
        raise unusable(name, path, str(error)) from error


def _read_csv(path: Path, content: bytes) -> Table:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte, place = content[error.start], error.start
        raise UnusableTableError(f"byte {place} ({byte:#x}) is not UTF-8; save the file as UTF-8") from error
    told = _TOLD.match(text)
    text = text[told.end() :] if told else text
    delimiter = told[1] if told else find_separator(text)
    reader = csv_reader(text, delimiter)
    try:
        header, *records = [cells for cells in reader if has_cells(cells)] or [[]]
    except csv.Error as error:
        raise UnusableTableError(f"line {reader.line_num} is not valid CSV ({error}); fix it") from error
    if not header:
        raise UnusableTableError("it is empty; add the data")
    names = [column.strip() for column in header]
    if records and all(len(record) == len(names) + 1 for record in records) and any(record[-1] for record in records):
        names = ["", *names]  # R writes the names of rows under no name at all
    for row, record in enumerate(records, start=1):
        if len(record) != len(names):
            raise UnusableTableError(
                f"row {row} has {len(record)} cells, the header {len(names)}; fix the row (text that contains "
                f"{delimiter!r} needs quotes)"
            )
    return _table(path, names, map(column_of_cells, zip(*records, strict=True)), len(records))


def _table(path: Path, names: list[str], columns: Iterable[Column], rows: int) -> Table:
    """Check the columns, and leave out a first one that has no name and only numbers the rows."""
    found = list(columns)
    unnamed = bool(found) and not names[0] and found[0].numbers_rows()
    if unnamed:
        names, found = names[1:], found[1:]
    _check_names(names)
    if not rows:
        raise UnusableTableError("it has a header but no rows; add the data")
    by_name = dict(zip(names, found, strict=True))
    return Table(path, by_name, np.arange(rows), unnamed=unnamed)


def _read_parquet(path: Path, content: bytes) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        # pandas stores its index as a column, which is not one of the user's.
        kept = [place for place, column in enumerate(table.column_names) if not column.startswith("__index_level_")]
        columns = [_parquet_column(table.column(place)) for place in kept]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnusableTableError(f"it is not an intact Parquet file ({one_line(error)}); write it again") from error
    return _table(path, [table.column_names[place] for place in kept], columns, table.num_rows)


def _parquet_column(cells: Any) -> Column:
    import pyarrow as pa

    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type) or pa.types.is_decimal(cells.type):
        return Column(np.array(cells.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64), {})
    return column_of_cells([None if cell is None else str(cell) for cell in cells.to_pylist()])


def _check_names(names: list[str]) -> None:
    for place, column in enumerate(names, start=1):
        if not column:
            raise UnusableTableError(f"column {place} has no name (did pandas write its index?); name it or remove it")
        if column in names[: place - 1]:
            raise UnusableTableError(f"two columns are named {column}; rename one")
