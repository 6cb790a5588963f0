"""Starts Ray while the data are read: either takes seconds."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from data_utils import TrialData
from tune_jobs.training.data import load_data
from tune_jobs.training.run_context import RunContext
from tune_jobs.training.run_options import TrainingOptions
from tune_jobs.training.settings import Settings
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot


def load_as_ray_starts(
    run: RunContext, configs: Sequence[TrialConfig], trials: int | None = None, *, search: bool = False
) -> dict[str, TrialData]:
    """Load the data of some configurations, by `data_slot`, and start Ray meanwhile if nothing speaks against it.

    Args:
        run: that goes on; Ray is started for all of its rounds or, if each has its own, later.
        configs: of trials.
        trials: how many there are to train; None if unknown.
        search: whether Ray starts for a search.

    Raises:
        UserError: a file is missing or corrupt, a function of the user fails, or Ray cannot start.
    """
    slots = {data_slot(config): config for config in configs}
    loaded = _loaded(run, [config for slot, config in slots.items() if slot not in run.data], trials, search=search)
    needed = {slot: data for slot, data in (run.data | loaded).items() if slot in slots}
    run.data.clear()
    run.data.update(needed)
    return needed


def _loaded(
    run: RunContext, configs: Sequence[TrialConfig], trials: int | None, *, search: bool
) -> dict[str, TrialData]:
    settings, code = run.settings, run.study.own.code
    # Code of the user may be refused before anything starts, and trains in other processes than Ray's workers.
    if run.ray_exit is None or code.sources or not configs:
        return load_data(configs, settings.data_dir, code)
    # Imported here: other commands save the second that importing Ray takes.
    from tune_jobs.training.ray_session import start_early

    with ThreadPoolExecutor(1) as reader:
        data = reader.submit(load_data, configs, settings.data_dir, code)
        start_early(settings.cluster, run.ray_exit, _workers(settings, trials), search=search)
        return data.result()


def _workers(settings: Settings[TrainingOptions], trials: int | None) -> int:
    """How many workers will train at once on this machine, at most."""
    cpus = settings.cluster.cpus or os.cpu_count() or 1
    fit = max(1, int(cpus / settings.resources.cpus_per_trial))
    return min(most for most in (fit, trials, settings.options.max_concurrent) if most is not None)
