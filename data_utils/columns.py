"""Columns of cells that are numbers, text, or missing: input columns of tables, and all targets."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import shown

# What spreadsheets and pandas write for an empty cell. "None" and "Na" are left out: both occur as categories.
MISSING_MARKS = frozenset({"", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "<NA>"})
# A number as spreadsheets of many countries write it.
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_MISSING_CODE = np.array([np.nan], dtype="<f8").view("<u8")[0]


@dataclass(frozen=True, eq=False)
class Column:
    """Cells, each read independently of the others.

    Attributes:
        numbers: float64 [n]; NaN where the cell is not a number.
        texts: Text cells, by row.
    """

    numbers: NDArray[np.float64]
    texts: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells are empty, [n]."""
        missing: NDArray[np.bool_] = np.isnan(self.numbers)
        missing[list(self.texts)] = False
        return missing

    @property
    def codes(self) -> NDArray[np.uint64]:
        """64 bits that stand for each cell's value, [n]: a number's float64 bits, or a hash of the text."""
        codes = (self.numbers + 0.0).astype("<f8").view("<u8")  # -0.0 + 0.0 is 0.0
        codes[np.isnan(self.numbers)] = _MISSING_CODE
        words = {text: _text_code(text) for text in set(self.texts.values())}
        for row, text in self.texts.items():
            codes[row] = words[text]
        return codes

    def categories(self) -> tuple[str, ...]:
        """Names of the distinct values: in numerical order, or, if any cell is text, in alphabetical order."""
        numbers = [number_name(value) for value in np.unique(self.numbers[~np.isnan(self.numbers)]).tolist()]
        return tuple(sorted({*numbers, *self.texts.values()})) if self.texts else tuple(numbers)

    def places(self, categories: Sequence[str]) -> NDArray[np.int64]:
        """Index of each cell in ``categories``, [n]; -1 where it is missing or not among them."""
        place = {name: index for index, name in enumerate(categories)}
        values, inverse = np.unique(self.numbers, return_inverse=True)
        found = np.array([place.get(number_name(value), -1) for value in values.tolist()], dtype=np.int64)
        places = found[inverse.reshape(-1)]
        places[np.isnan(self.numbers)] = -1
        for row, text in self.texts.items():
            places[row] = place.get(text, -1)
        return places

    def with_decimal_commas(self) -> "Column":
        """Read text such as 2,5 as numbers if all text of the column is of this form; else leave the column as it is.

        It is also left if the commas may separate thousands: if all of them are as in 1,234, or beside a number as 0.5.
        """
        texts = self.texts.values()
        if not texts or not all(map(_DECIMAL_COMMA.fullmatch, texts)) or all(map(_THOUSANDS.fullmatch, texts)):
            return self
        others = self.numbers[np.isfinite(self.numbers)]
        if (others != np.floor(others)).any():
            return self
        numbers = self.numbers.copy()
        for row, text in self.texts.items():
            numbers[row] = float(text.replace(",", "."))
        return Column(numbers, {})

    def cell(self, row: int) -> str:
        """The cell in ``row`` as messages show it."""
        return shown(self.texts[row]) if row in self.texts else number_name(float(self.numbers[row]))


def number_name(value: float) -> str:
    """Name of a number as a category: ``3`` for 3.0."""
    return str(int(value)) if np.isfinite(value) and value == int(value) else repr(value)


def column_of_cells(cells: Sequence[str | None]) -> Column:
    """Parse the cells of a text file; a cell that looks like a number becomes one."""
    try:  # many times faster for the usual column: all cells are numbers, none is missing or written 1_000
        numbers = np.array(list(map(float, cells)), dtype=np.float64)  # type: ignore[arg-type]
        if not np.isnan(numbers).any() and "_" not in "".join(cells):  # type: ignore[arg-type]
            return Column(numbers, {})
    except (TypeError, ValueError):
        pass
    parsed = {cell: _parse(cell) for cell in set(cells)}
    values = [parsed[cell] for cell in cells]
    numbers = np.array([value if isinstance(value, float) else np.nan for value in values], dtype=np.float64)
    return Column(numbers, {row: value for row, value in enumerate(values) if isinstance(value, str)})


def column_of_values(values: Iterable[Any]) -> Column:
    """Take typed values: text and booleans become text; None and NaN are missing.

    Raises:
        TypeError: If a value is neither a number nor text.
    """
    numbers, texts = [], {}
    for row, value in enumerate(values):
        if isinstance(value, (str, bool, np.bool_)):
            texts[row] = str(value)
        numbers.append(np.nan if value is None or row in texts else float(value))
    return Column(np.array(numbers, dtype=np.float64), texts)


def _parse(cell: str | None) -> float | str | None:
    text = "" if cell is None else cell.strip()
    if text in MISSING_MARKS:
        return None
    try:
        number = float(text) if "_" not in text else np.nan  # Python reads 1_000 as a number; in a table it is text
    except ValueError:
        return text
    return text if np.isnan(number) else number


def _text_code(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
