"""What one trial is given: CPUs, GPUs, time, and how often it is checkpointed."""

from dataclasses import dataclass, replace

from tune_jobs.errors import ConfigError, UserError


@dataclass(frozen=True)
class Resources:
    """What one trial is given, and how long it may take (None: as long as it needs).

    Attributes:
        checkpoint_minutes: between two snapshots of a trial, from which it goes on should its worker be lost.
    """

    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    time_limit_minutes: float | None = None
    checkpoint_minutes: float = 1.0


_LEAST = 1e-4


def check_resources(resources: Resources) -> Resources:
    """Return the resources if a trial can be given them.

    Raises:
        ConfigError: no CPU, a negative or fractional number of several GPUs, no time, or none between checkpoints.
    """
    cpus, gpus, limit = resources.cpus_per_trial, resources.gpus_per_trial, resources.time_limit_minutes
    if not cpus > 0:
        raise ConfigError("cpus_per_trial", f"{cpus:g} is not above 0; every trial needs some CPU")
    for name, amount in (("cpus_per_trial", cpus), ("gpus_per_trial", gpus)):
        if 0 < amount < _LEAST:
            raise ConfigError(name, f"{amount:g} is less than {_LEAST:g}, the least that Ray can count")
    if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise ConfigError("gpus_per_trial", f"{gpus:g} is neither between 0 and 1 nor a whole number")
    if limit is not None and not limit > 0:
        raise ConfigError("time_limit_minutes", f"{limit:g} is not above 0 minutes")
    if not resources.checkpoint_minutes > 0:
        raise ConfigError("checkpoint_minutes", f"{resources.checkpoint_minutes:g} is not above 0 minutes")
    return resources


def requested_resources(declared: Resources, **requested: float | None) -> Resources:
    """Return the study's resources with what the command line asks for over them.

    Raises:
        UserError: a trial cannot be given them.
    """
    values = {name: value for name, value in requested.items() if value is not None}
    try:
        return check_resources(replace(declared, **values))
    except ConfigError as error:
        flag = {"time_limit_minutes": "time-limit"}.get(error.field, error.field.replace("_", "-"))
        raise UserError(f"--{flag}: {error.problem}") from error
