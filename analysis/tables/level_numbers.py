"""Numbers of levels, the same in all tables of a factor, so that a level has one colour in all figures of a report."""

from collections.abc import Iterable, Sequence

from tune_jobs.study.model import Table
from tune_jobs.study.rows import Row

Labels = tuple[str, ...]


def level_numbers(headings: Labels, tables: Iterable[Table], rows: Sequence[Row]) -> dict[Labels, int]:
    """Number the levels of all tables with these headings, in the order in which they come.

    Levels that are the default wherever they stand come last.

    Args:
        headings: the factors.
        tables: of the study.
        rows: of all tables.
    """
    names = {table.name for table in tables if table.headings == headings}
    alike = [row for row in rows if row.table in names]
    ordered = [*(row for row in alike if not row.is_default), *(row for row in alike if row.is_default)]
    return {labels: number for number, labels in enumerate(dict.fromkeys(row.labels for row in ordered))}


def factor_numbers(headings: Labels, tables: Iterable[Table], rows: Sequence[Row]) -> tuple[dict[str, int], ...]:
    """Number the levels of each of several crossed factors as the tables of that factor alone do; empty without one.

    Args:
        headings: the factors.
        tables: of the study.
        rows: of all tables.
    """
    known = list(tables)
    of_each = (level_numbers((heading,), known, rows) for heading in headings)
    return tuple({labels[0]: number for labels, number in numbers.items()} for numbers in of_each)
