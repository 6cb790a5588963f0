"""How many seeds each row has in a study that adds seeds until its levels are decided."""

import dataclasses
from collections.abc import Sequence

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.looks import Looks, read_looks
from tune_jobs.ledger.runs import variant_id
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row


def looks_of(study: Study, ledger: Ledger | None) -> Looks | None:
    """The looks that a study declares, with those that were taken; None for a study that declares none."""
    if not study.looks:
        return None
    known = None
    if ledger is not None:
        known = read_looks(ledger.storage, study.name, variant_id(study.overrides, study.fraction))
    return known if known is not None and known.plan == study.looks else Looks(study.looks)


def row_id(row: Row) -> str:
    """Name a row of a table in the record of looks."""
    return f"{row.table}/{', '.join(row.labels)}"


def compares(study: Study, row: Row) -> bool:
    """Whether a row is compared with the default of its table."""
    tables = {table.name for table in study.tables}
    return row.table in tables and row.config is not None and not row.is_default


def open_rows(study: Study, rows: Sequence[Row], looks: Looks) -> list[Row]:
    """The rows that no look has settled yet."""
    return [row for row in rows if compares(study, row) and row_id(row) not in looks.settled]


def with_looks(study: Study, rows: Sequence[Row], looks: Looks) -> list[Row]:
    """Give each row its seeds: as many as it was settled with, or as the next look needs.

    The default of a table has as many as any other row of the table.
    """
    goal = looks.next or looks.plan[-1]
    shown = {table.name for table in (*study.tables, *study.finals)}
    wanted: dict[str, int] = {}
    for row in rows:
        if compares(study, row):
            wanted[row.table] = max(wanted.get(row.table, 0), looks.settled.get(row_id(row), goal))
    most = max(wanted.values(), default=goal)
    return [
        dataclasses.replace(row, seeds=tuple(range(_count(row, looks, goal, wanted, most))), more=(0, 0))
        if row.table in shown
        else row
        for row in rows
    ]


def _count(row: Row, looks: Looks, goal: int, wanted: dict[str, int], most: int) -> int:
    if row.table not in wanted:
        return most
    return wanted[row.table] if row.is_default else looks.settled.get(row_id(row), goal)
