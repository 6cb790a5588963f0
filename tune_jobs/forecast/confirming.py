"""The trials that `--confirm` adds to a run: the best level of each table and its default, with fresh seeds."""

from tune_jobs.ledger.confirmed import Pick
from tune_jobs.standing.confirmed import confirming_rows
from tune_jobs.standing.replicates import RowReader
from tune_jobs.standing.standing import Standing
from tune_jobs.study.rows import Row, row_seeds
from tune_jobs.trial.cost import epoch_weight
from tune_jobs.trial.trial import Trial


def trials_that_confirm(standing: Standing) -> list[Trial]:
    """An upper bound: as if of each table whose best level is not picked yet the slowest level were the best.

    The trials of what was picked already are among those of the study.
    """
    study, picks = standing.study, {}
    for table in study.tables:
        levels = [row for row in standing.rows if row.table == table.name and row.config and not row.is_default]
        if table.name not in standing.picks and levels:
            slowest = max(levels, key=_epochs_of_work)
            picks[table.name] = Pick(slowest.labels, _seeds(standing, slowest))
    reader = RowReader(None, standing.seeds, standing.fingerprints)
    known = {trial.key for trial in standing.trials}
    trials = reader.trials(list(confirming_rows(study, standing.rows, picks)))
    return [trial for trial in trials if trial.key not in known]


def _epochs_of_work(row: Row) -> float:
    return 0.0 if row.config is None else row.epochs * epoch_weight(row.config)


def _seeds(standing: Standing, row: Row) -> int:
    """How many fresh seeds a level gets: as many as it is picked with; where looks decide, at most the last."""
    if standing.looks is not None:
        return standing.looks.plan[-1]
    folds = 0 if row.config is None else row.config.folds
    return len(row_seeds(row, standing.seeds)) // (folds or 1)
