"""What a look at the tables settles, in a study that adds seeds until its levels are decided."""

from collections.abc import Iterator

from analysis.frames.evidence import Evidence, gather
from analysis.statistics.sequential import Decision
from analysis.tables.building import has_numbers
from analysis.tables.comparing import decisions, judging
from tune_jobs.ledger.looks import Looks
from tune_jobs.standing.looks import row_id
from tune_jobs.standing.standing import Standing
from tune_jobs.study.model import Table
from tune_jobs.study.rows import Row


def after_look(standing: Standing) -> Looks | None:
    """Take the next look of a study: what is settled, and with how many seeds; None where there is no look to take.

    A row that cannot be compared is settled too: more seeds would not change that.

    Args:
        standing: of a study that has all replicates of the look.
    """
    looks = standing.looks
    if looks is None or looks.next is None:
        return None
    evidence, now = gather(standing), looks.next
    settled = dict(looks.settled)
    for table in standing.study.tables:
        for row, decision in _judged(table, evidence, looks):
            if row_id(row) not in settled and (decision is None or decision.settled):
                settled[row_id(row)] = now
    return Looks(looks.plan, (*looks.taken, now), settled)


def _judged(table: Table, evidence: Evidence, looks: Looks) -> Iterator[tuple[Row, Decision | None]]:
    rows = evidence.rows_of(table.name)
    shown = {position: evidence.trials[evidence.trials["position"] == position] for position, _ in rows}
    compared = [position for position, _ in rows if has_numbers(shown[position])]
    found = decisions(rows, shown, judging(table, rows, shown, looks.plan), compared, looks.plan)
    for position, row in rows:
        if not row.is_default and row.config is not None:
            yield row, found.get(position)
