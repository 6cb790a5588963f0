"""A table as a person would read it: what its columns are taken as where the declaration leaves it open.

What is settled here becomes part of the declaration of the dataset's description, so nothing is guessed twice.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from data_utils.columns import Column, is_quantity
from data_utils.dates import AmbiguousDatesError, read_dates
from data_utils.declared import AUTO, LEAVE_OUT, Declaration
from data_utils.errors import shown
from data_utils.sources import unusable
from data_utils.tables import Table
from data_utils.taken import Taken

MOST_CATEGORIES = 1000
# Words of which a column has more than this many, and more than one for two rows, tell rows apart.
_MANY = 30
# A column of numbers may have fewer texts than this share, which are then mistakes.
_WORDS_FROM = 0.1
# What people write for a missing value beside numbers, and beside words.
_MARKS = ("?", "-", "--", ".")
_MARK_OF_WORDS = "?"
_ROW_NAME = re.compile(
    r"row[ _.]?(names?|ids?|numbers?|nr|no)?|index|id|#|unnamed(: ?\d+)?|.*[ _.-]id", flags=re.IGNORECASE
)
_ROW_NAME_OF_WORDS = re.compile(r".*[a-z0-9](Id|ID)")


@dataclass(frozen=True, eq=False)
class Reading:
    """A table with its declaration, in which everything that the table needs is settled.

    Attributes:
        table: The rows that are read, as in the file except for decimal commas.
        columns: Its columns without the marks of missing values.
        taken: What was guessed.
    """

    declaration: Declaration
    table: Table
    columns: Mapping[str, Column]
    taken: tuple[Taken, ...] = ()


def as_settled(declaration: Declaration, table: Table) -> Reading:
    """Read another table as the one that settled the declaration."""
    marks = declaration.missing_marks or ()
    numbers = {*(declaration.inputs or table.columns), declaration.target}
    numbers -= {*(declaration.categorical or ()), *(declaration.ignore or ())}
    if declaration.task == "classification":
        numbers.discard(declaration.target)
    found = {
        name: cells.with_decimal_commas(marks) if name in numbers else cells for name, cells in table.columns.items()
    }
    table = replace(table, columns=found)
    if declaration.missing_target == LEAVE_OUT and declaration.target in found:
        table = table.only(~_target(found[declaration.target], marks).missing)
    columns = {
        name: _target(cells, marks) if name == declaration.target else cells.without(marks)
        for name, cells in table.columns.items()
    }
    return Reading(declaration, table, columns)


def _target(cells: Column, marks: tuple[str, ...]) -> Column:
    """The target without marks if all else is numbers; among words, a mark is a class."""
    without = cells.without(marks)
    return cells if without.texts else without


def settle(declaration: Declaration, table: Table) -> Reading:
    """Read a table, and settle what its declaration leaves open; all columns that it names are there.

    Raises:
        DatasetError: If dates have two readings, or no row has a target.
    """
    marks = _marks(declaration, table) if declaration.missing_marks is None else declaration.missing_marks
    taken = [_marks_taken(table, marks)] if declaration.missing_marks is None and marks else []
    declaration = replace(declaration, missing_marks=marks or declaration.missing_marks)
    if table.unnamed:
        what = "the first column, which has no name and only numbers the rows, is left out"
        taken.append(Taken(what, advice="to read it, name it"))
    without_target = as_settled(declaration, table).columns[declaration.target].missing
    if {declaration.missing, declaration.missing_target} == {AUTO} and without_target.any():
        if without_target.all():
            raise unusable(declaration.name, table.path, f"no row has a value of {declaration.target}, the target")
        rows = int(without_target.sum())
        what = f"{rows} of {len(without_target)} rows have no {declaration.target}, the target, and are left out"
        taken.append(Taken(what, advice="to refuse them, write missing_target: error"))
        declaration = replace(declaration, missing_target=LEAVE_OUT)
    reading = as_settled(declaration, table)
    for settle_one in (_ids, _dates, _words, _missing):
        declaration, more = settle_one(declaration, reading)
        reading = replace(reading, declaration=declaration)
        taken += more
    return replace(reading, taken=tuple(taken))


def input_columns(declaration: Declaration, table: Table) -> tuple[str, ...]:
    """The names of the input columns, in order."""
    others = {declaration.target, declaration.groups, *(declaration.ignore or ())}
    return declaration.inputs or tuple(column for column in table.columns if column not in others)


def listed(names: tuple[str, ...] | None) -> tuple[str, ...]:
    """The columns that a key lists, without ``auto``."""
    return tuple(name for name in names or () if name != AUTO)


def _marks(declaration: Declaration, table: Table) -> tuple[str, ...]:
    """The marks of missing values that columns have whose categories are not declared."""
    declared = {*listed(declaration.categorical), declaration.target}
    found: set[str] = set()
    for name in input_columns(declaration, table):
        if name not in declared:
            found |= _marks_of(table.columns[name])
    target = table.columns[declaration.target]
    if declaration.task != "classification" and not target.with_decimal_commas(_MARKS).without(_MARKS).texts:
        found |= _marks_of(target)
    return tuple(mark for mark in _MARKS if mark in found)


def _marks_of(cells: Column) -> set[str]:
    found = set(cells.texts.values()) & set(_MARKS)
    if found and cells.with_decimal_commas(_MARKS).without(_MARKS).texts:
        return found & {_MARK_OF_WORDS}
    return found


def _marks_taken(table: Table, marks: tuple[str, ...]) -> Taken:
    counts = {name: sum(text in marks for text in cells.texts.values()) for name, cells in table.columns.items()}
    names = tuple(f"{name} ({count})" for name, count in counts.items() if count)
    return Taken(f"{' and '.join(map(repr, marks))} is a missing value", names, "otherwise write missing_marks: []")


_Settled = tuple[Declaration, list[Taken]]


def _ids(declaration: Declaration, reading: Reading) -> _Settled:
    """Leave out a first column that only numbers the rows."""
    ignored = listed(declaration.ignore)
    if declaration.inputs or (declaration.ignore is not None and AUTO not in declaration.ignore):
        return declaration, []
    declaration = replace(declaration, ignore=ignored or None)
    first = next(iter(reading.columns))
    named = _ROW_NAME.fullmatch(first) or _ROW_NAME_OF_WORDS.fullmatch(first)
    named_otherwise = (*ignored, *listed(declaration.categorical), *(declaration.dates or ()))
    used = {declaration.target, declaration.groups, *named_otherwise}
    if not named or first in used or not reading.columns[first].numbers_rows():
        return declaration, []
    what = f"the first column, {first}, only numbers the rows and is left out"
    return replace(declaration, ignore=(*ignored, first)), [Taken(what, advice="to read it, write ignore: []")]


def _open_columns(declaration: Declaration, reading: Reading) -> Iterator[tuple[str, Column]]:
    """The input columns with text of which nothing is declared."""
    declared = {*listed(declaration.categorical), *(declaration.dates or ())}
    for name in input_columns(declaration, reading.table):
        if name not in declared and reading.columns[name].texts:
            yield name, reading.columns[name]


def _dates(declaration: Declaration, reading: Reading) -> _Settled:
    """Take columns as dates that have nothing else."""
    if declaration.dates is not None:
        return declaration, []
    found: list[str] = []
    orders: set[bool] = set()
    for name, cells in _open_columns(declaration, reading):
        if np.isnan(cells.numbers).all():
            read = dates_of(declaration, reading, name)
            if read is not None:
                found.append(name)
                orders |= {read[1]} if read[1] is not None else set()
    if not found:
        return declaration, []
    day_first = next(iter(orders)) if declaration.day_first is None and len(orders) == 1 else declaration.day_first
    order = "" if day_first is None else f", the {'day' if day_first else 'month'} first"
    what = f"dates are read as days since 1970{order}"
    taken = Taken(what, tuple(found), "otherwise write dates: []")
    return replace(declaration, dates=tuple(found), day_first=day_first), [taken]


def dates_of(declaration: Declaration, reading: Reading, column: str) -> tuple[dict[str, float], bool | None] | None:
    """The dates of a column, by its texts; see `data_utils.dates.read_dates`.

    Raises:
        DatasetError: If they have two readings.
    """
    cells = reading.columns[column]
    try:
        return read_dates(set(cells.texts.values()), day_first=declaration.day_first)
    except AmbiguousDatesError as error:
        row = next(row for row, text in cells.texts.items() if text == str(error))
        what = f"in row {reading.table.places[row] + 1}, {column} is {shown(str(error))}, which is a date in two ways"
        raise unusable(declaration.name, reading.table.path, f"{what}; write day_first: true or false") from error


def _words(declaration: Declaration, reading: Reading) -> _Settled:
    """Take columns of words as categories, and leave out those whose words tell rows apart."""
    if declaration.categorical is not None and AUTO not in declaration.categorical:
        return declaration, []
    found: dict[str, int] = {}
    apart: dict[str, int] = {}
    for name, cells in _open_columns(declaration, reading):
        if not _has_words(cells):
            continue
        different, rows = len(cells.categories()), len(cells) - int(cells.missing.sum())
        many = different > MOST_CATEGORIES or (different > _MANY and 2 * different > rows)
        (apart if (different == rows > 1 or many) and name not in declaration.inputs else found)[name] = different
    taken = []
    if found:
        what = "words are categories" if len(found) > 1 else "the words of a column are categories"
        names = tuple(f"{name} ({count})" for name, count in found.items())
        taken.append(Taken(what, names, f"to leave one out, write ignore: [auto, {next(iter(found))}]"))
    if apart:
        what = "words that differ from row to row are left out"
        names = tuple(f"{name} ({count})" for name, count in apart.items())
        taken.append(Taken(what, names, f"to read one, write categorical: [auto, {next(iter(apart))}]"))
    categorical = (*listed(declaration.categorical), *found)
    if found or declaration.categorical is not None:
        declaration = replace(declaration, categorical=categorical)
    if apart:
        declaration = replace(declaration, ignore=(*(declaration.ignore or ()), *apart))
    return declaration, taken


def is_truth(cells: Column) -> bool:
    """Whether a column has only True and False, in any case of letters."""
    texts = {text.lower() for text in cells.texts.values()}
    return bool(np.isnan(cells.numbers).all()) and not texts - {"true", "false"}


def _has_words(cells: Column) -> bool:
    """Whether the texts of a column are words, and not mistakes among numbers or quantities in another form."""
    texts = list(cells.texts.values())
    words = [text for text in texts if not is_quantity(text)]
    present = len(cells) - int(cells.missing.sum())
    if is_truth(cells) or 2 * len(words) <= len(texts) or len(words) < _WORDS_FROM * present:
        return False
    if len(texts) == present or len(set(words)) > 1:
        return True
    # One word beside many numbers stands for a missing value, or is a mistake.
    return len(words) > 1 and len(np.unique(cells.numbers[~np.isnan(cells.numbers)])) <= _MANY


def _missing(declaration: Declaration, reading: Reading) -> _Settled:
    """Fill in missing numbers, if there are any missing values."""
    columns = input_columns(declaration, reading.table)
    counts = {name: int(reading.columns[name].missing.sum()) for name in columns}
    names = tuple(f"{name} ({count})" for name, count in counts.items() if 0 < count < len(reading.columns[name]))
    if declaration.missing != AUTO or not names:
        return declaration, []
    what = "missing numbers become the median of the training rows, missing categories are 0 everywhere"
    taken = Taken(what, names, "otherwise write missing: mean, most_frequent or error")
    return replace(declaration, missing="median"), [taken]
