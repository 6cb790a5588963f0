"""Starts Ray while the data are read: either takes seconds."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from data_utils import TrialData
from tune_jobs.training.data import load_data
from tune_jobs.training.run_context import RunContext
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot
from tune_jobs.user_code.questions import code_of


def load_as_ray_starts(
    run: RunContext,
    configs: Sequence[TrialConfig],
    *,
    parts: Sequence[TrialConfig] = (),
) -> dict[str, TrialData]:
    """Load the data of some configurations, by `data_slot`, and start Ray meanwhile if nothing speaks against it.

    Args:
        run: that goes on; Ray is started for all of its rounds or, if each has its own, later.
        configs: of trials.
        parts: further configurations, with all networks, losses, … that the trials may have.

    Raises:
        UserError: a file is missing or corrupt, a function of the user fails, or Ray cannot start.
    """
    slots = {data_slot(config): config for config in configs}
    unread = [config for slot, config in slots.items() if slot not in run.data]
    if unread and run.ray_exit is not None and not any(map(_has_foreign_parts, (*configs, *parts))):
        loaded = _loaded(run, run.ray_exit, unread)
    else:
        loaded = load_data(unread, run.settings.data_dir, run.study.own.code)
    needed = {slot: data for slot, data in (run.data | loaded).items() if slot in slots}
    run.data.clear()
    run.data.update(needed)
    return needed


def _has_foreign_parts(config: TrialConfig) -> bool:
    """Tell whether a part comes from elsewhere: it may be refused before Ray starts, and needs processes of its own."""
    declared = config.info.declared if config.info is not None else None
    return bool(code_of(config)) or (declared is not None and bool(declared.function))


def _loaded(run: RunContext, ray_exit: ExitStack, configs: Sequence[TrialConfig]) -> dict[str, TrialData]:
    # Imported here: other commands save the second that importing Ray takes.
    from tune_jobs.training.ray_session import start_early

    with ThreadPoolExecutor(1) as reader:
        data = reader.submit(load_data, configs, run.settings.data_dir, run.study.own.code)
        start_early(run.settings.cluster, ray_exit)
        return data.result()
