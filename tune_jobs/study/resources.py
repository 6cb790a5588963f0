"""The resources of one trial: CPUs, GPUs, time, the interval between its checkpoints, and whether it shares a stack."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeGuard

from tune_jobs.errors import ConfigError, UserError, shown
from tune_jobs.study.yaml_node import YamlNode

# Ray counts in ten-thousandths.
_LEAST = 1e-4
# CPUs or GPUs of a trial.
_MOST = 10_000
# Of `Resources.stack`.
AUTO, OFF = "auto", "off"
_FEWEST_IN_STACK, _MOST_IN_STACK = 2, 1024
# Ten years.
MOST_MINUTES = 5_256_000


@dataclass(frozen=True)
class Resources:
    """What one trial may use, and how long it may take (None: no limit).

    Attributes:
        shares_gpus: whether `gpus_per_trial` is "auto": as many trials share a GPU as fit; until that is known, one.
        checkpoint_minutes: time between two checkpoints of a trial; after its worker is lost, it resumes from the last.
        stack: whether small networks of one shape train together: "auto" where that is faster, "off" never, or how many
            at once, for all that can.
    """

    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    time_limit_minutes: float | None = None
    checkpoint_minutes: float = 1.0
    stack: str | int = AUTO
    shares_gpus: bool = field(default=False, metadata={"key": False})


def check_resources(resources: Resources) -> Resources:
    """Return the resources if a trial can have them.

    Raises:
        ConfigError: no CPU, a negative number of GPUs or a fractional number above 1, a time that is not above 0,
            or more than anybody has.
    """
    cpus, gpus, limit = resources.cpus_per_trial, resources.gpus_per_trial, resources.time_limit_minutes
    if not (resources.stack in (AUTO, OFF) or _is_width(resources.stack)):
        raise ConfigError(
            "stack",
            f"{shown(resources.stack)} is none of auto, off, and a whole number from {_FEWEST_IN_STACK} to "
            f"{_MOST_IN_STACK}, the networks that train together",
        )
    for declared in fields(resources):
        name = declared.name
        if name in ("stack", "shares_gpus"):
            continue
        amount = getattr(resources, name)
        most, unit = (MOST_MINUTES, " minutes") if name.endswith("_minutes") else (_MOST, "")
        if amount is not None and not amount <= most:
            raise ConfigError(name, f"{amount:g} is more than {most:,}{unit}; give at most that")
    if not cpus > 0:
        raise ConfigError("cpus_per_trial", f"{cpus:g} is not above 0; every trial needs some CPU, such as 1")
    for name, amount in (("cpus_per_trial", cpus), ("gpus_per_trial", gpus)):
        if 0 < amount < _LEAST:
            raise ConfigError(
                name, f"{amount:g} is less than {_LEAST:g}, the smallest amount that Ray can count; give more"
            )
    if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise ConfigError(
            "gpus_per_trial", f"{gpus:g} is neither between 0 and 1 nor a whole number; give 0, 0.5, 1, 2, … or auto"
        )
    if limit is not None and not limit > 0:
        raise ConfigError("time_limit_minutes", f"{limit:g} is not above 0 minutes")
    if not resources.checkpoint_minutes > 0:
        raise ConfigError("checkpoint_minutes", f"{resources.checkpoint_minutes:g} is not above 0 minutes")
    return resources


def _is_width(stack: object) -> TypeGuard[int]:
    return isinstance(stack, int) and not isinstance(stack, bool) and _FEWEST_IN_STACK <= stack <= _MOST_IN_STACK


def parse_stack(text: Any) -> Any:
    """Turn digits into a number; `check_resources` checks the rest."""
    if text is False:  # how YAML reads off
        return OFF
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else text


def parse_resources(node: YamlNode | None) -> Resources:
    """Read the `resources` of a study's document."""
    if node is None:
        return Resources()
    node.only(*(one.name for one in fields(Resources) if one.metadata.get("key", True)))
    try:
        values = {key: _parsed(key, child) for key, child in node.pairs()}
        return check_resources(Resources(**_gpus_settled(values)))
    except ConfigError as error:
        raise node.need(error.field).error(error.problem, field=error.field) from error


def _parsed(key: str, child: YamlNode) -> Any:
    if key == "stack":
        return parse_stack(child.value)
    return AUTO if key == "gpus_per_trial" and child.value == AUTO else child.number()


def _gpus_settled(values: dict[str, Any]) -> dict[str, Any]:
    """Turn `gpus_per_trial` of "auto" into what it means until the share is known."""
    if "gpus_per_trial" not in values:
        return values
    shares = values["gpus_per_trial"] == AUTO
    return {**values, "gpus_per_trial": 1.0 if shares else values["gpus_per_trial"], "shares_gpus": shares}


def requested_resources(declared: Resources, **requested: Any) -> Resources:
    """The study's resources, overridden by what the command line asks for.

    Raises:
        UserError: a trial cannot have them.
    """
    values = {name: value for name, value in requested.items() if value is not None}
    if "stack" in values:
        values["stack"] = parse_stack(values["stack"])
    try:
        return check_resources(replace(declared, **_gpus_settled(values)))
    except ConfigError as error:
        flag = {"time_limit_minutes": "time-limit"}.get(error.field, error.field.replace("_", "-"))
        raise UserError(f"--{flag}: {error.problem}") from error
