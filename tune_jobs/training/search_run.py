"""Runs a study's search until its budget is used up."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import product

from tune_jobs.errors import StorageRefusedError, UserError
from tune_jobs.standing.search.state import State
from tune_jobs.standing.search.tally import tally_of
from tune_jobs.study.model import Study
from tune_jobs.study.search import Search
from tune_jobs.study.search_identity import default_config, moved_fields, search_replicate
from tune_jobs.training.data import keep_validation, untrained_classes
from tune_jobs.training.director import Director
from tune_jobs.training.early_start import load_as_ray_starts
from tune_jobs.training.ending import compact, exit_code, say_outcomes
from tune_jobs.training.exit_codes import INTERRUPTED
from tune_jobs.training.run_context import RunContext
from tune_jobs.training.search_progress import SearchProgress
from tune_jobs.training.user_code_check import check_user_code
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import SCALING_FIELDS, data_slot

_COMPONENTS = ("network", "objective", "optimizer", "schedule")


def train_search(run: RunContext, state: State, *, retry_failed: bool) -> int:
    """Run a search; return the exit code, see `exit_code`; 130 if interrupted.

    Args:
        run: that the search belongs to; the journal goes next to its ledger.
        state: how far the search is.
        retry_failed: whether to run trials again that failed before.

    Raises:
        StorageRefusedError: the storage takes no more results; has those that it did not take.
    """
    study, search, ledger, settings = run.study, state.search, run.ledger, run.settings
    storage = ledger.storage
    configs = data_configs(study, search)
    most = _left(state, retry_failed=retry_failed)
    combinations = list(_combinations(study, search))
    data = load_as_ray_starts(run, configs, parts=combinations)
    check_user_code([config for config in combinations if data_slot(config) in data], data, study)
    for line in untrained_classes(configs, data):
        run.say(f"data: {line}")
    keep_validation(ledger, configs, data)
    job = run.job(default_config(study, search))
    # Imported here: other commands save the second that importing Ray takes.
    from tune_jobs.training.ray_session import session
    from tune_jobs.training.search_launch import run_search

    progress = SearchProgress(search, vars(tally_of(state, state.seconds)), on_ended=run.ended)
    start, complete, refused = time.monotonic(), False, None
    journal = state.journal(storage)
    director = partial(Director, state, ledger.compared_by(study.metrics).lookup(), journal, retry_failed=retry_failed)
    try:
        with (
            suppress(KeyboardInterrupt),
            session(settings.cluster, data, settings.resources, storage, run.ray_exit) as joined,
        ):
            complete = run_search(director, joined, job, settings, storage, progress, most)
    except StorageRefusedError as error:
        refused = error
    finally:
        progress.close()
    outcomes = Counter(progress.outcomes)
    say_outcomes(outcomes, progress.restarts, time.monotonic() - start, study, run.say)
    if refused is not None:
        raise refused
    if not complete:
        run.say("stopped during the search; the same command continues")
        return INTERRUPTED
    compact(ledger, run.say)
    return exit_code(progress.endings, study, run.say, limit_seconds=settings.limit_seconds)


def _left(state: State, *, retry_failed: bool) -> int | None:
    """How many trials a search has left; None if its budget does not say."""
    if state.search.budget.trials is None:
        return None
    again = len(state.failed) if retry_failed else 0
    return max(0, state.search.budget.trials - len(state.trials)) + len(state.open) + again


def _combinations(study: Study, search: Search) -> Iterator[TrialConfig]:
    """The default configuration with each choice of networks, losses, … that the search varies."""
    varied = [one for one in search.space if one.name in _COMPONENTS and one.choices]
    for cell in product(*(one.choices for one in varied)):
        # A point that cannot be built is drawn again.
        with suppress(UserError):
            yield study.config(search.base, dict(zip((one.name for one in varied), cell, strict=True)))


def data_configs(study: Study, search: Search) -> list[TrialConfig]:
    """One configuration for each way in which trials of the search prepare their data."""
    default = default_config(study, search)
    varied = [one for one in search.space if one.name in SCALING_FIELDS and one.choices]
    cells = product(*(one.choices for one in varied))
    prepared = [default.replace(**dict(zip((one.name for one in varied), cell, strict=True))) for cell in cells]
    seeds = range(search.replicates) if moved_fields(study) or default.folds else range(1)
    return [search_replicate(study, one, seed) for one in prepared for seed in seeds]
