"""The looks that a study may still take, and the trials that each would add."""

from dataclasses import replace

from tune_jobs.ledger.record import is_finished
from tune_jobs.standing.looks import with_looks
from tune_jobs.standing.replicates import RowReader
from tune_jobs.standing.standing import Standing
from tune_jobs.trial.trial import Trial


def looks_to_come(standing: Standing) -> dict[str, list[Trial]]:
    """The trials that each look after the next one adds, if no level is decided before; by the look's name.

    Empty for a study with a fixed number of seeds.
    """
    looks = standing.looks
    if looks is None or looks.next is None:
        return {}
    reader = RowReader(standing.ledger, standing.seeds, standing.fingerprints)
    known = {trial.key for trial in standing.trials}
    later = {}
    for n in (n for n in looks.plan if n > looks.next):
        before = replace(looks, taken=tuple(one for one in looks.plan if one < n))
        rows = with_looks(standing.study, standing.rows, before)
        trials, records = reader.trials(rows), reader.read(rows).records
        later[f"the look at {n} seeds"] = [
            trial
            for trial in trials
            if trial.key not in known
            and not (
                trial.key in records
                and is_finished(records[trial.key], trial, time_limit_seconds=None, retry_failed=False)
            )
        ]
        known |= {trial.key for trial in trials}
    return later
