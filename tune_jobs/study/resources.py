"""The resources of one trial: CPUs, GPUs, time, and the interval between its checkpoints."""

from dataclasses import dataclass, fields, replace

from tune_jobs.errors import ConfigError, UserError
from tune_jobs.study.yaml_node import YamlNode

# Ray counts in ten-thousandths.
_LEAST = 1e-4
# CPUs or GPUs of a trial.
_MOST = 10_000
# Ten years.
MOST_MINUTES = 5_256_000


@dataclass(frozen=True)
class Resources:
    """What one trial may use, and how long it may take (None: no limit).

    Attributes:
        checkpoint_minutes: time between two checkpoints of a trial; after its worker is lost, it resumes from the last.
    """

    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    time_limit_minutes: float | None = None
    checkpoint_minutes: float = 1.0


def check_resources(resources: Resources) -> Resources:
    """Return the resources if a trial can have them.

    Raises:
        ConfigError: no CPU, a negative number of GPUs or a fractional number above 1, a time that is not above 0,
            or more than anybody has.
    """
    cpus, gpus, limit = resources.cpus_per_trial, resources.gpus_per_trial, resources.time_limit_minutes
    for field in fields(resources):
        amount = getattr(resources, field.name)
        most, unit = (MOST_MINUTES, " minutes") if field.name.endswith("_minutes") else (_MOST, "")
        if amount is not None and not amount <= most:
            raise ConfigError(field.name, f"{amount:g} is more than {most:,}{unit}; give at most that")
    if not cpus > 0:
        raise ConfigError("cpus_per_trial", f"{cpus:g} is not above 0; every trial needs some CPU, such as 1")
    for name, amount in (("cpus_per_trial", cpus), ("gpus_per_trial", gpus)):
        if 0 < amount < _LEAST:
            raise ConfigError(
                name, f"{amount:g} is less than {_LEAST:g}, the smallest amount that Ray can count; give more"
            )
    if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise ConfigError(
            "gpus_per_trial", f"{gpus:g} is neither between 0 and 1 nor a whole number; give 0, 0.5, 1, 2, …"
        )
    if limit is not None and not limit > 0:
        raise ConfigError("time_limit_minutes", f"{limit:g} is not above 0 minutes")
    if not resources.checkpoint_minutes > 0:
        raise ConfigError("checkpoint_minutes", f"{resources.checkpoint_minutes:g} is not above 0 minutes")
    return resources


def parse_resources(node: YamlNode | None) -> Resources:
    """Read the `resources` of a study's document."""
    if node is None:
        return Resources()
    node.only(*(field.name for field in fields(Resources)))
    try:
        return check_resources(Resources(**{key: child.number() for key, child in node.pairs()}))
    except ConfigError as error:
        raise node.need(error.field).error(error.problem, field=error.field) from error


def requested_resources(declared: Resources, **requested: float | None) -> Resources:
    """The study's resources, overridden by what the command line asks for.

    Raises:
        UserError: a trial cannot have them.
    """
    values = {name: value for name, value in requested.items() if value is not None}
    try:
        return check_resources(replace(declared, **values))
    except ConfigError as error:
        flag = {"time_limit_minutes": "time-limit"}.get(error.field, error.field.replace("_", "-"))
        raise UserError(f"--{flag}: {error.problem}") from error
