"""The best row of each table beside its default, with fresh seeds, once it was picked to be confirmed."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from tune_jobs.errors import UserError
from tune_jobs.ledger.confirmed import Pick, read_picks
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import variant_id
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row, with_fresh_seeds

# No table of a study has a name with a slash.
_PREFIX = "confirmed/"


def confirmed_table(table: str) -> str:
    """Name the table of the rows that confirm the best row of a table."""
    return f"{_PREFIX}{table}"


def is_confirming(row: Row) -> bool:
    """Whether a row confirms what was picked: it must not choose anything."""
    return row.table.startswith(_PREFIX)


def check_confirms(study: Study) -> None:
    """Check that the best rows of a study can be trained with fresh seeds.

    Raises:
        UserError: it is not a study of tables, or one of its tables draws test parts anew.
    """
    if not study.tables or study.stages or study.search is not None:
        raise UserError(
            f"--confirm: {study.name} has {'stages or a search' if study.tables else 'no tables'}; it is for studies "
            "of tables, and stages and searches have fresh seeds of their own: leave it out"
        )
    outer = next((table.name for table in study.tables if table.showing.splits == "outer"), None)
    if outer is not None:
        raise UserError(
            f"--confirm: table {outer} of {study.name} has splits: outer, which draws other data for each seed; use "
            "splits: validation, or leave it out"
        )


def picks_of(study: Study, ledger: Ledger | None) -> dict[str, Pick]:
    """The best rows that were picked, by the name of their table; none of a study that was not confirmed."""
    if ledger is None or not study.tables:
        return {}
    return read_picks(ledger.storage, study.name, variant_id(study.overrides, study.fraction))


def unreadable_picks(study: Study, rows: Sequence[Row], picks: Mapping[str, Pick]) -> list[str]:
    """Say of which picks the study has no row any more: their tables were edited, and show no confirmation."""
    tables = {table.name for table in study.tables}
    labels = {(row.table, row.labels) for row in rows if row.config is not None}
    return [
        f"confirm: {', '.join(pick.labels)} of table {table} was confirmed, and the study has no such "
        f"{'row' if table in tables else 'table'} now; `{study.command('run', '--confirm')}` confirms the best again"
        for table, pick in picks.items()
        if (table, pick.labels) not in labels
    ]


def confirming_rows(study: Study, rows: Sequence[Row], picks: Mapping[str, Pick]) -> Iterator[Row]:
    """Yield the default and the best row of each table with fresh seeds; nothing where the default is the best."""
    for table in study.tables:
        pick = picks.get(table.name)
        of_table = [row for row in rows if row.table == table.name and row.config is not None]
        best = next((row for row in of_table if pick is not None and row.labels == pick.labels), None)
        default = next((row for row in of_table if row.is_default), None)
        # Test parts that are drawn anew are other data, whose fingerprints nobody has taken.
        if pick is None or best is None or default is None or best.is_default or "outer_split" in best.moves:
            continue
        for row in (default, best):
            yield dataclasses.replace(with_fresh_seeds(row, pick.seeds), table=confirmed_table(table.name))
