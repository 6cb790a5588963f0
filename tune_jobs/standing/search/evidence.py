"""Rows of a study's tables that are points of its search's space: trials that the search need not run."""

from collections.abc import Mapping, Sequence

from tune_jobs.errors import UserError
from tune_jobs.ledger.record import Record
from tune_jobs.standing.search.state import SearchTrial, make_trial, point_of
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row, row_seeds, row_trial
from tune_jobs.study.search import Search
from tune_jobs.trial.key import trajectory


def table_evidence(
    study: Study,
    search: Search,
    rows: Sequence[Row],
    seeds: Sequence[int],
    fingerprints: Mapping[str, str],
    records: Mapping[str, Record],
) -> list[SearchTrial]:
    """Return the trials of rows that a trial of the search could have been, numbered -1, -2, …

    Such a trial differs from the search's base in searched fields alone, and has seed 0.
    """
    found: dict[str, SearchTrial] = {}
    for row in rows:
        if row.config is None or 0 not in row_seeds(row, seeds):
            continue
        config = row_trial(row, 0, fingerprints).config
        values = point_of(config, study, search)
        if values is None:
            continue
        try:
            trial = make_trial(study, search, values, fingerprints)
        except UserError:
            continue  # on the search's own base it cannot be built
        record = records.get(trial.key)
        # A schedule that counts epochs trains otherwise in a row of another length.
        if record is not None and trajectory(trial.config) == trajectory(config) and trial.key not in found:
            found[trial.key] = SearchTrial(-len(found) - 1, values, "table", trial, 0, record=record)
    return list(found.values())
