"""Columns of cells that are numbers, text, or missing: input columns of tables, and all targets."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import shown

# What spreadsheets and pandas write for an empty cell. "None" and "Na" are left out: both occur as categories.
MISSING_MARKS = frozenset({"", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "<NA>"})
# A number as spreadsheets of many countries write it.
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
# A quantity in another form, such as 1,234 or $5 or 12%: no word.
_QUANTITY = re.compile(r"[+-]?\s*[$€£]?\s*[\d.,'’\u00a0 ]*\d[\d.,'’\u00a0 ]*\s*[%$€£]?")
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

    def with_decimal_commas(self, besides: Collection[str] = (), *, sure: bool = False) -> "Column":
        """Read text such as 2,5 as numbers if all text of the column is of this form; else leave the column as it is.

        It is also left if the commas may separate thousands: if all of them are as in 1,234, unless it is ``sure``
        that they are decimal, or beside a number as 0.5. The texts ``besides`` stay texts.
        """
        texts = [text for text in self.texts.values() if text not in besides]
        if not texts or not all(map(_DECIMAL_COMMA.fullmatch, texts)):
            return self
        if not sure and all(map(_THOUSANDS.fullmatch, texts)):
            return self
        others = self.numbers[np.isfinite(self.numbers)]
        if (others != np.floor(others)).any():
            return self
        numbers = self.numbers.copy()
        for row, text in self.texts.items():
            if text not in besides:
                numbers[row] = float(text.replace(",", "."))
        return Column(numbers, {row: text for row, text in self.texts.items() if text in besides})

    def without(self, marks: Collection[str]) -> "Column":
        """Read the cells that are one of these texts, or equal one that is a number, as missing."""
        if not marks:
            return self
        values = [value for value in map(_parse, marks) if isinstance(value, float)]
        numbers = np.where(np.isin(self.numbers, values), np.nan, self.numbers) if values else self.numbers
        return Column(numbers, {row: text for row, text in self.texts.items() if text not in marks})

    def with_numbers(self, numbers: Mapping[str, float]) -> "Column":
        """Replace texts by numbers; each text has its number."""
        values = self.numbers.copy()
        for row, text in self.texts.items():
            values[row] = numbers[text]
        return Column(values, {})

    def only(self, rows: NDArray[np.intp]) -> "Column":
        """The cells of some rows, in their order."""
        texts = {place: self.texts[row] for place, row in enumerate(rows.tolist()) if row in self.texts}
        return Column(self.numbers[rows], texts)

    def numbers_rows(self) -> bool:
        """Whether the cells tell rows apart and nothing else: whole numbers or texts that are all different."""
        numbers = self.numbers[~np.isnan(self.numbers)]
        whole = bool((np.isfinite(numbers) & (numbers == np.floor(numbers))).all())
        return len(self) > 1 and whole and not self.missing.any() and len(self.categories()) == len(self)

    def cell(self, row: int) -> str:
        """The cell in ``row`` as messages show it."""
        return shown(self.texts[row]) if row in self.texts else number_name(float(self.numbers[row]))


def is_quantity(text: str) -> bool:
    """Whether a text that is no number looks like one in another form, such as 1,234 or $5."""
    return _QUANTITY.fullmatch(text) is not None


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
