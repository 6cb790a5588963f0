"""The share of a GPU that each trial gets if `gpus_per_trial` is "auto"."""

import os
from collections.abc import Callable
from dataclasses import replace

from models.registry import is_reference
from models.version import STACKED
from tune_jobs.stacking.choice import memory_on_gpu, places_on
from tune_jobs.stacking.memory import StackMemory, gpu_share
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Study
from tune_jobs.study.rows import expand
from tune_jobs.training.settings import Options, Settings
from tune_jobs.words import file_size

_GIVE_A_FRACTION = "give a fraction (--gpus-per-trial 0.25) to let trials share it"


def with_gpu_share(
    settings: Settings[Options], study: Study, storage: Storage, *, measures: bool, say: Callable[[str], None] = print
) -> Settings[Options]:
    """Return the settings with the share of a GPU that each trial gets, and say it, if the study leaves it open.

    Args:
        settings: of the run.
        study: with how its tables are trained.
        storage: of the ledger, which keeps what was measured of this kind of GPU.
        measures: whether to measure that now if the storage does not have it.
        say: prints a line.
    """
    if not settings.resources.shares_gpus:
        return settings
    share, why = _share(settings, study, storage, measures=measures, say=say)
    say(f"each trial gets {share:g} of a GPU: {why}")
    return replace(settings, options=replace(settings.options, gpus_per_trial=share))


def _share(
    settings: Settings[Options], study: Study, storage: Storage, *, measures: bool, say: Callable[[str], None]
) -> tuple[float, str]:
    """Return the share, and why it is that."""
    if settings.cluster.address is not None:
        return 1.0, f"how many trials fit on a cluster's GPUs is not measured; {_GIVE_A_FRACTION}"
    cpus, each = settings.options.cpus or os.cpu_count() or 1, settings.resources.cpus_per_trial
    if settings.options.logical_gpus:
        share = gpu_share(None, None, cpus_per_gpu=cpus / settings.options.logical_gpus, cpus_per_trial=each)
        return share, f"the {cpus} CPUs are the limit"
    sizes = _gpu_sizes()
    if not sizes:
        return 1.0, "there is none on this machine"
    memory = memory_on_gpu(storage, measures=measures, say=say)
    if memory is None:
        return 1.0, f"how much trials take is not measured yet; {_GIVE_A_FRACTION}"
    wanted = largest_process(study, memory, settings, storage)
    if wanted is None:
        return 1.0, f"how much your code takes is not known; {_GIVE_A_FRACTION}"
    share = gpu_share(wanted, min(sizes), cpus_per_gpu=cpus / len(sizes), cpus_per_trial=each)
    return share, f"the largest take up to {file_size(wanted)} of {file_size(min(sizes))}, beside {cpus} CPUs"


def largest_process(study: Study, memory: StackMemory, settings: Settings[Options], storage: Storage) -> float | None:
    """Return the bytes of the largest process that trains rows of a study; None where the user's code decides."""
    places = places_on("cuda", storage, settings.resources.stack)
    found = [0.0]
    for row in expand(study):
        if row.config is None:
            continue
        if is_reference(row.config.network):
            return None
        if row.mode == STACKED and places is not None:
            found.append(memory.stack_bytes(row.config, places.of(row.config)))
        else:
            found.append(memory.single_bytes(row.config))
    return max(found) or None


def _gpu_sizes() -> list[int]:
    """The bytes of each GPU of this machine."""
    import torch

    return [torch.cuda.get_device_properties(gpu).total_memory for gpu in range(torch.cuda.device_count())]
