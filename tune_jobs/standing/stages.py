"""Staged tuning: which level each stage settles on, from what the ledger holds of it.

A stage starts from what the one before has settled on. It settles once every replicate of every level has ended,
on the level with the best mean validation score, or on what it started from where no level is better. The
choice is a pure function of the records, so that a run, a report and a resumed run always agree on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from tune_jobs.ledger.ledger import Contents, Ledger
from tune_jobs.ledger.record import FAILED, MISSING
from tune_jobs.study.model import PATH, Study
from tune_jobs.study.rows import Row, expand, row_seeds, row_trial
from tune_jobs.trial.config import METRIC_SPECS

_AVERAGED = ("completed", "stopped_early")


@dataclass(frozen=True)
class Choice:
    """What a stage settled on.

    Attributes:
        stage: its name.
        labels: of the level; empty where the stage kept what it started from.
        fields: what the level changes.
        levels: how many levels were compared.
    """

    stage: str
    labels: tuple[str, ...]
    fields: Mapping[str, Any]
    levels: int


@dataclass(frozen=True)
class Resolution:
    """A study as far as the ledger lets it be known: its rows, what its stages chose, and the records of the rows."""

    rows: Sequence[Row]
    choices: Sequence[Choice]
    contents: Contents


def read_rows(
    rows: Sequence[Row], ledger: Ledger | None, seeds: Sequence[int], fingerprints: Mapping[str, str]
) -> Contents:
    """Return what a ledger has of rows; None is an empty ledger."""
    keys = {
        row_trial(row, seed, fingerprints).key
        for row in rows
        if row.config is not None
        for seed in row_seeds(row, seeds)
    }
    return ledger.read(keys=keys) if ledger is not None else Contents({})


def resolve(study: Study, ledger: Ledger | None, seeds: Sequence[int], fingerprints: Mapping[str, str]) -> Resolution:
    """Return the rows that are known, stage after stage; None is an empty ledger."""
    choices: list[Choice] = []
    while True:
        rows = expand(study, [choice.fields for choice in choices])
        contents = read_rows(rows, ledger, seeds, fingerprints)
        if len(choices) == len(study.stages):
            return Resolution(rows, choices, contents)
        choice = _choose(study, rows, len(choices), contents, seeds, fingerprints)
        if choice is None:
            return Resolution(rows, choices, contents)
        choices.append(choice)


def selection_scores(
    row: Row, contents: Contents, seeds: Sequence[int], fingerprints: Mapping[str, str]
) -> list[float] | None:
    """Return the validation score of each replicate, the higher the better; None while one has yet to end.

    A replicate that diverged or timed out scores minus infinity.
    """
    scores = []
    for seed in row_seeds(row, seeds):
        record = contents.records.get(row_trial(row, seed, fingerprints).key)
        if record is None or record.outcome == FAILED:
            return None
        patience = row.config.early_stopping_patience if row.config is not None else 0
        reading = record.reading(epochs=row.epochs, patience=patience, read=row.read)
        if reading.outcome == MISSING:
            return None
        if reading.outcome not in _AVERAGED or reading.epoch is None:
            scores.append(float("-inf"))
            continue
        if row.select == "loss":
            score = -record.validation_loss[reading.epoch - 1]
        else:
            value = record.validation_metric[reading.epoch - 1]
            score = value if METRIC_SPECS[record.metric].higher_is_better else -value
        scores.append(score if isfinite(score) else float("-inf"))
    return scores


def _choose(
    study: Study,
    rows: Sequence[Row],
    index: int,
    contents: Contents,
    seeds: Sequence[int],
    fingerprints: Mapping[str, str],
) -> Choice | None:
    stage = study.stages[index]
    own = [row for row in rows if row.table == stage.name and row.config is not None]
    start = [row for row in rows if row.table == PATH][index]
    scored = [(row, selection_scores(row, contents, seeds, fingerprints)) for row in [start, *own]]
    means = [(row, sum(scores) / len(scores)) for row, scores in scored if scores is not None]
    if len(means) < len(scored):
        return None
    # The first of equals: what the stage started from, then the order of the levels.
    best, _ = max(means, key=lambda pair: pair[1])
    if best is start:
        return Choice(stage.name, (), {}, len(own))
    return Choice(stage.name, best.labels, best.sets, len(own))
