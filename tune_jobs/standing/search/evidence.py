"""Rows of a study's tables that are points of its search space: trials that the search need not run."""

from collections.abc import Iterable, Mapping

from tune_jobs.errors import UserError
from tune_jobs.ledger.record import Record
from tune_jobs.standing.replicates import Replicate
from tune_jobs.standing.search.point_trials import further_trials, make_trial, point_of
from tune_jobs.standing.search.search_trial import SearchTrial
from tune_jobs.study.model import Study
from tune_jobs.study.search import Search
from tune_jobs.trial.key import trajectory


def table_evidence(
    study: Study,
    search: Search,
    replicates: Iterable[Replicate],
    records: Mapping[str, Record],
    fingerprints: Mapping[str, str],
) -> list[SearchTrial]:
    """Return the replicates that could have been trials of the search, numbered -1, -2, …

    Such a replicate has seed 0 and differs from the search's base in searched fields alone. In a search with
    replicates, the other seeds of its row come along.
    """
    found: dict[str, SearchTrial] = {}
    for one in replicates:
        values = point_of(one.config, study, search) if one.seed == 0 else None
        if values is None:
            continue
        try:
            trial = make_trial(study, search, values, fingerprints)
        except UserError:
            continue  # on the search's own base it cannot be built
        record = records.get(trial.key)
        # A schedule that counts epochs trains otherwise in a row of another length.
        if record is not None and trajectory(trial.config) == trajectory(one.config) and trial.key not in found:
            more = further_trials(study, search, values, fingerprints)
            known = tuple(records.get(one.key) for one in more)
            found[trial.key] = SearchTrial(
                -len(found) - 1, values, "table", trial, 0, record=record, more=more, more_records=known
            )
    return list(found.values())
