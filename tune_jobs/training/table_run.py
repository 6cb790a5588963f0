"""Trains the missing trials of a study's tables; for a search see `tune_jobs.training.search_run`."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence

from tune_jobs.errors import StorageError, StorageRefusedError
from tune_jobs.ledger.record import Record, is_finished
from tune_jobs.standing.best import BestSoFar
from tune_jobs.training.data import keep_validation, untrained_classes
from tune_jobs.training.early_start import load_as_ray_starts
from tune_jobs.training.ending import compact, exit_code, say_outcomes, trials_unwritten
from tune_jobs.training.exit_codes import INTERRUPTED
from tune_jobs.training.progress import Progress
from tune_jobs.training.run_context import RunContext
from tune_jobs.training.user_code_check import check_user_code
from tune_jobs.trial.trial import Trial, label_of
from tune_jobs.words import counted


def train_trials(
    run: RunContext, trials: Sequence[Trial], *, keep_models: bool = False, known: Iterable[tuple[Trial, Record]] = ()
) -> int:
    """Train trials and write their records; return the exit code, see `exit_code`; 130 if interrupted.

    Args:
        run: that they belong to.
        trials: with different keys.
        keep_models: whether to keep the trained networks too.
        known: trials that have ended before, with their records: one of them may be the best so far.

    Raises:
        StorageRefusedError: the storage takes no more results; has those that it did not take.
    """
    settings, ledger = run.settings, run.ledger
    data = load_as_ray_starts(run, [trial.config for trial in trials])
    check_user_code([trial.config for trial in trials], data, run.study)
    for line in untrained_classes((trial.config for trial in trials), data):
        run.say(f"data: {line}")
    keep_validation(ledger, (trial.config for trial in trials), data)
    base = run.study.config()
    labels = {trial.key: label_of(trial, base) for trial in trials}
    best = BestSoFar.of(known, base)
    job = run.job(base, keep_models=keep_models)
    if run.ray_exit is None:
        run.say_start()
    # Imported here: a run with nothing to do, and every other command, saves the second that importing Ray takes.
    from tune_jobs.training.table_launch import run_trials

    progress = Progress(trials, labels, on_ended=lambda key: run.ended(key, ""), best=best)
    start = time.monotonic()
    interrupted, refused = False, None
    try:
        run_trials(trials, data, job, settings, ledger.storage, progress, run.ray_exit)
    except KeyboardInterrupt:
        interrupted = True
    except StorageRefusedError as error:
        refused = error
    finally:
        progress.close()
    outcomes = Counter(outcome for outcome, _ in progress.endings)
    left = len(trials) - outcomes.total()
    say_outcomes(outcomes, progress.restarts, time.monotonic() - start, run.study, run.say)
    if refused is not None:
        unfinished = [trial for trial in trials if trial.key not in progress.finished]
        to_go = left - trials_unwritten(refused.unwritten) - _kept(unfinished, run)
        run.say(f"{counted(to_go, 'trial')} to go")
        raise refused
    if interrupted or left:
        run.say(f"stopped with {counted(left, 'trial')} to go; the same command continues")
        return INTERRUPTED
    compact(ledger, run.say)
    return exit_code(progress.endings, run.study, run.say, limit_seconds=settings.limit_seconds)


def _kept(trials: Sequence[Trial], run: RunContext) -> int:
    """Count the trials whose record is kept although they did not end, as where the storage refused their model."""
    try:
        records = run.ledger.read(keys={trial.key for trial in trials}).records
    except StorageError:  # the refusal of the storage is said in any case
        return 0
    limit = run.settings.limit_seconds
    return sum(
        is_finished(records[trial.key], trial, time_limit_seconds=limit, retry_failed=True)
        for trial in trials
        if trial.key in records
    )
