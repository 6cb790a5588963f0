"""CSV and Parquet files: named columns of numbers and text. The same data in either format gives the same table."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_utils.columns import Column, column_of_cells
from data_utils.errors import one_line
from data_utils.sources import read_bytes, unusable


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a file, by name, in file order.

    Attributes:
        decimal_commas: Whether a comma between digits may be a decimal comma, as it separates no cells.
    """

    path: Path
    columns: Mapping[str, Column]
    rows: int
    decimal_commas: bool = False


def read_table(name: str, path: Path) -> Table:
    """Read ``path`` for the dataset ``name``, in the format that its suffix says.

    Raises:
        DatasetError: If it is not an intact CSV or Parquet file, has no rows, or two columns share a name.
    """
    content = read_bytes(name, path)
    try:
        return (_read_parquet if path.suffix.lower() == ".parquet" else _read_csv)(path, content)
    except _UnusableError as error:
        raise unusable(name, path, str(error)) from error


class _UnusableError(ValueError):
    """What is wrong with a file; the caller adds its path."""


def _read_csv(path: Path, content: bytes) -> Table:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte, place = content[error.start], error.start
        raise _UnusableError(f"byte {place} ({byte:#x}) is not UTF-8; save the file as UTF-8") from error
    delimiter = _delimiter(text)
    # csv.reader returns an empty record for an empty line, which is not a row.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header, *records = [record for record in reader if record]
    except csv.Error as error:
        raise _UnusableError(f"line {reader.line_num} is not valid CSV ({error}); fix it") from error
    names = [column.strip() for column in header]
    _check_names(names)
    for row, record in enumerate(records, start=1):
        if len(record) != len(names):
            raise _UnusableError(
                f"row {row} has {len(record)} cells, the header {len(names)}; fix the row (text that contains "
                f"{delimiter!r} needs quotes)"
            )
    if not records:
        raise _UnusableError("it has a header but no rows; add the data")
    columns = map(column_of_cells, zip(*records, strict=True))
    return Table(path, dict(zip(names, columns, strict=True)), len(records), decimal_commas=delimiter != ",")


def _delimiter(text: str) -> str:
    """Find what separates the cells: of the marks in the header, the one that gives every row as many cells.

    Raises:
        _UnusableError: several do, so the columns could be either.
    """
    first = text.lstrip().partition("\n")[0]
    marks = [mark for mark in ",;\t" if mark in first]
    if len(marks) < 2:
        return marks[0] if marks else ","
    fitting = [mark for mark in marks if _fits(text, mark)]
    if len(fitting) > 1:
        words = " or ".join(map(repr, fitting))
        raise _UnusableError(
            f"its cells could be separated by {words}; put names and text that contain one of them in quotes, or write "
            "numbers with a decimal point"
        )
    return (fitting or marks)[0]


def _fits(text: str, delimiter: str) -> bool:
    """Whether the mark gives every row as many cells as the header."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return len({len(record) for record in reader if record}) == 1
    except csv.Error:
        return False


def _read_parquet(path: Path, content: bytes) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        # pandas stores its index as a column, which is not one of the user's.
        kept = [place for place, column in enumerate(table.column_names) if not column.startswith("__index_level_")]
        columns = [_parquet_column(table.column(place)) for place in kept]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _UnusableError(f"it is not an intact Parquet file ({one_line(error)}); write it again") from error
    names = [table.column_names[place] for place in kept]
    _check_names(names)
    if not table.num_rows:
        raise _UnusableError("it has no rows; add the data")
    return Table(path, dict(zip(names, columns, strict=True)), table.num_rows)


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
            raise _UnusableError(f"column {place} has no name (did pandas write its index?); name it or remove it")
        if column in names[: place - 1]:
            raise _UnusableError(f"two columns are named {column}; rename one")
