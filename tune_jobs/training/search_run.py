"""Runs a study's search until its budget is used up."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from itertools import product

from tune_jobs.commands.run import (
    INTERRUPTED,
    Plan,
    RunOptions,
    compact,
    exit_code,
    in_words,
    keep_targets,
    load_data,
    new_job,
    say_restarts,
)
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.standing.search.journal import Journal, read_journal
from tune_jobs.standing.search.state import State
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Trial, data_id
from tune_jobs.study.search import Search, default_config, search_id
from tune_jobs.training.director import Director
from tune_jobs.training.preflight import check_own
from tune_jobs.training.progress import duration
from tune_jobs.training.search_progress import SearchProgress
from tune_jobs.trial.config import SCALING_FIELDS, TrialConfig


def train_search(
    plan: Plan,
    ledger: Ledger,
    options: RunOptions,
    say: Callable[[str], None],
    *,
    retry_failed: bool,
    keep: ExitStack,
) -> int:
    """Run the search of a plan through Ray Tune; return the exit code: 0, 1 with failures, 130 interrupted.

    Args:
        plan: of a study with a search.
        ledger: takes the records; the journal is beside it.
        options: what to run on.
        say: takes lines for a person to read.
        retry_failed: whether trials that failed before are tried again.
        keep: leaves Ray when it is closed.
    """
    state, study = plan.search, plan.study
    if state is None:
        raise ValueError(f"{study.name} has no search")
    search, storage = state.search, ledger.storage
    configs = data_configs(study, search)
    data = load_data(configs, options.data_dir)
    trials = [Trial("", config, 1, frozenset()) for config in configs]
    check_own(trials, data, study.own.code)
    for config in configs:
        keep_targets(ledger, config, data)
    default = default_config(study, search)
    fingerprint = plan.fingerprints[data_id(default)]
    name = search_id(study, search, fingerprint)
    from tune_jobs.training.rounds import Cluster, session
    from tune_jobs.training.search_launch import run_search

    progress = SearchProgress(search, state.share_used(state.seconds))
    start, whole = time.monotonic(), False
    journal = Journal(storage, name, read_journal(storage, name))
    director = partial(
        Director,
        state,
        plan.fingerprints,
        ledger.lookup(),
        journal,
        retry_failed=retry_failed,
    )
    cluster = Cluster(options.address, options.cpus, options.logical_gpus)
    try:
        with suppress(KeyboardInterrupt), session(cluster, data, options.resources, storage, keep) as joined:
            whole = run_search(
                director,
                joined,
                new_job(study, default, storage, options),
                resources=options.resources,
                storage=storage,
                progress=progress,
                max_concurrent=options.max_concurrent,
                most=_left(state, retry_failed=retry_failed),
                select=search.select,
            )
    finally:
        progress.close()
    outcomes = Counter(progress.outcomes)
    say(f"{outcomes.total()} trials in {duration(time.monotonic() - start)}: {in_words(outcomes)}")
    say_restarts(progress.restarts, say)
    if not whole:
        say("stopped within the search; the same command continues")
        return INTERRUPTED
    compact(ledger, say)
    return exit_code(outcomes, 0, say)


def _left(state: State, *, retry_failed: bool) -> int | None:
    """Return how many trials are left to a search; None where its budget does not say."""
    if state.search.budget.trials is None:
        return None
    again = len(state.failed) if retry_failed else 0
    return max(0, state.search.budget.trials - len(state.trials)) + len(state.open) + again


def data_configs(study: Study, search: Search) -> list[TrialConfig]:
    """Return a configuration for each way in which the data is prepared for trials of the search."""
    default = default_config(study, search)
    varied = [one for one in search.space if one.name in SCALING_FIELDS and one.choices]
    cells = product(*(one.choices for one in varied))
    return [default.replace(**dict(zip((one.name for one in varied), cell, strict=True))) for cell in cells]
