"""What separates the cells of a CSV file: found from its rows, as a name in the header may contain anything."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from data_utils.errors import cut

_MARKS = ",;\t|"
_BLANK = " "
# Commas within a number: 2,5 and 1,234.5.
_NUMBER = re.compile(r"\s*[+-]?(\d*,\d+([eE][+-]?\d+)?|\d{1,3}(,\d{3})+(\.\d+)?)\s*")
_NAMES_SHOWN = 3


class UnusableTableError(ValueError):
    """What is wrong with a table; the caller adds its path."""


def find_separator(text: str) -> str:
    """Find which of comma, semicolon, tab and bar separates the cells of a CSV file; blanks, if the header has none.

    It is the one that gives every row as many cells as the header. If several do, it is the one that leaves no other
    in the cells, except for commas within numbers.

    Raises:
        UnusableTableError: several do, and the cells do not decide; the message has the columns of each reading.
    """
    marks = [mark for mark in _MARKS if len(next(rows_of(text, mark), [])) > 1]
    if not marks:
        blanks = _read(text, _BLANK)
        return _BLANK if blanks.fits and len(blanks.header) > 1 else ","
    if len(marks) == 1:
        return marks[0]
    readings = [_read(text, mark) for mark in marks]
    fitting = [reading for reading in readings if reading.fits]
    if not fitting:
        return max(readings, key=lambda reading: reading.share).mark
    whole = [reading for reading in fitting if _well_quoted(text, reading.mark)] or fitting
    clear = [one for one in whole if not any(one.contains(other.mark) for other in whole if other is not one)]
    if len(clear) == 1 or len(whole) == 1:
        return (clear or whole)[0].mark
    between = " or ".join(repr(one.mark) for one in whole)
    columns = ", or ".join(one.columns for one in whole)
    raise UnusableTableError(
        f"its cells could be separated by {between}; put names and text that contain one of them in quotes, or write "
        f"numbers with a decimal point (the columns would be {columns})"
    )


def rows_of(text: str, mark: str) -> Iterator[list[str]]:
    """Yield the cells of each row, the header first; lines without any cell are no rows.

    Stops where the text is not valid CSV.
    """
    try:
        yield from (cells for cells in csv_reader(text, mark) if has_cells(cells))
    except csv.Error:
        return


def csv_reader(text: str, mark: str) -> Any:
    """A `csv.reader` of a text; several blanks in a row separate as one does."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=mark == _BLANK, strict=True)


def has_cells(cells: list[str]) -> bool:
    """Whether what was read from a line is a row: an empty line is not."""
    return len(cells) > 1 or any(cell.strip() for cell in cells)


def _well_quoted(text: str, mark: str) -> bool:
    """Whether quotation marks enclose whole cells, and none stands within one: not so if the mark is another."""
    cell = rf'(?:"(?:[^"]|"")*+"|[^"{re.escape(mark)}\r\n]*+)'
    return re.fullmatch(rf"(?:{cell}(?:{re.escape(mark)}|\r?\n|\r|\Z))*", text) is not None


@dataclass(frozen=True)
class _Reading:
    """A text as cells between one of the marks.

    Attributes:
        share: share of the rows that have as many cells as the header; 0 if the text is not valid CSV.
    """

    mark: str
    header: list[str]
    rows: list[list[str]]
    share: float

    @property
    def fits(self) -> bool:
        return self.share == 1

    def contains(self, mark: str) -> bool:
        """Whether a cell contains a mark that is not part of a number."""
        return any(mark in cell and not (mark == "," and _NUMBER.fullmatch(cell)) for row in self.rows for cell in row)

    @property
    def columns(self) -> str:
        names = [repr(cut(name.strip(), 40)) for name in self.header[:_NAMES_SHOWN]]
        more = [f"{len(self.header) - _NAMES_SHOWN} more"] if len(self.header) > _NAMES_SHOWN else []
        *first, last = [*names, *more]
        return f"{', '.join(first)} and {last}"


def _read(text: str, mark: str) -> _Reading:
    try:
        header, *rows = [cells for cells in csv_reader(text, mark) if has_cells(cells)] or [[]]
    except csv.Error:
        return _Reading(mark, next(rows_of(text, mark), []), [], 0.0)
    lengths = Counter(map(len, rows))
    return _Reading(mark, header, rows, lengths[len(header)] / len(rows) if rows else 1.0)
