"""Staged tuning: which level each stage settles on, given what the ledger holds.

A stage starts from what the stage before has settled on. It settles once every replicate of every level has ended: on
the level with the best mean validation score, or on what it started from if no level is better. The choice is a pure
function of the records, so a run, a report and a resumed run always agree on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from models.history import COMPLETED, STOPPED_EARLY
from tune_jobs.ledger.record import FAILED, MISSING, Record
from tune_jobs.standing.replicates import Replicate, RowReader
from tune_jobs.study.model import PATH, Study
from tune_jobs.study.rows import Row, expand
from tune_jobs.trial.config import METRIC_SPECS

_AVERAGED = (COMPLETED, STOPPED_EARLY)


@dataclass(frozen=True)
class Choice:
    """What a stage settled on.

    Attributes:
        stage: its name.
        labels: of the level; empty if the stage kept what it started from.
        fields: what the level changes.
        levels: how many levels were compared.
    """

    stage: str
    labels: tuple[str, ...]
    fields: Mapping[str, Any]
    levels: int


def resolve_stages(study: Study, reader: RowReader) -> tuple[list[Row], list[Choice]]:
    """Return the rows that are known so far, and what each stage settled on, stage after stage."""
    choices: list[Choice] = []
    while True:
        rows = expand(study, [choice.fields for choice in choices])
        records = reader.read(rows).records
        if len(choices) == len(study.stages):
            return rows, choices
        choice = _choose(study.stages[len(choices)].name, len(choices), rows, reader, records)
        if choice is None:
            return rows, choices
        choices.append(choice)


def selection_scores(
    replicates: Sequence[Replicate], records: Mapping[str, Record], *, select: str | None = None
) -> list[float] | None:
    """Return the validation score of each replicate of a row, higher is better; None while a replicate has yet to end.

    A replicate that diverged or timed out scores minus infinity.

    Args:
        replicates: of one row.
        records: of the ledger, by key.
        select: "metric" or "loss"; None for what the row is chosen by.
    """
    scores = []
    for one in replicates:
        record = records.get(one.key)
        if record is None or record.outcome == FAILED:
            return None
        reading = one.reading(record)
        if reading.outcome == MISSING:
            return None
        if reading.outcome not in _AVERAGED or reading.epoch is None:
            scores.append(float("-inf"))
            continue
        if (select or one.row.select) == "loss":
            score = -record.validation_loss[reading.epoch - 1]
        else:
            value = record.validation_metric[reading.epoch - 1]
            score = value if METRIC_SPECS[record.metric].higher_is_better else -value
        scores.append(score if isfinite(score) else float("-inf"))
    return scores


def _choose(
    stage: str, index: int, rows: Sequence[Row], reader: RowReader, records: Mapping[str, Record]
) -> Choice | None:
    levels = [row for row in rows if row.table == stage and row.config is not None]
    start = [row for row in rows if row.table == PATH][index]
    scored = [(row, selection_scores(reader.replicates(row), records)) for row in [start, *levels]]
    means = [(row, sum(scores) / len(scores)) for row, scores in scored if scores is not None]
    if len(means) < len(scored):
        return None
    # The first of equals: what the stage started from, then the order of the levels.
    best, _ = max(means, key=lambda pair: pair[1])
    if best is start:
        return Choice(stage, (), {}, len(levels))
    return Choice(stage, best.labels, best.sets, len(levels))
