"""The key of a trial: a hash of everything that decides the numbers of its epochs."""

import functools
import hashlib
import json
import operator
from collections.abc import Callable
from typing import Any

from models.networks import NETWORKS
from models.registry import OBJECTIVES, OPTIMIZERS, SCHEDULES, entry
from models.version import ENGINE_VERSIONS, SINGLE
from tune_jobs.trial.config import FIELDS, TrialConfig

KEY_LENGTH = 20
# What a training function of the user may rely on: its seeds, its epochs, what its reports mean. A change that gives it
# other numbers needs another.
TRAINER_VERSION = 1
# An entry of a trajectory beside the fields: whether the user's schedule, or training function, depends on the total
# number of epochs.
COUNTS_EPOCHS = "schedule counts epochs"
# Parameters of the user's components have a dot and no blank in their names, so these names are free.
_CODE_OF = "code of "
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_ALWAYS = frozenset(name for name, spec in FIELDS.items() if spec.always)


def trajectory(config: TrialConfig) -> dict[str, Any]:
    """The fields, in a fixed order, that decide the numbers of the configuration's epochs.

    The parameters and the code of the user's components follow, as "network.width" and "code of network".
    Fields that nothing reads are left out (a kernel size without convolutions, a momentum without momentum).
    So is `epochs` unless the schedule depends on the total: then n epochs are the beginning of any longer run.
    """
    if config.trainer:
        return _trainer_trajectory(config)
    names, values_of, neutral = _fields_of(config, epochs=counts_epochs(config))
    built_in = {
        name: value for name, value, other in zip(names, values_of(config), neutral, strict=True) if value != other
    }
    if built_in.get("validation_rows") == config.dataset_info.validation_rows:
        del built_in["validation_rows"]
    return {**built_in, **dict(sorted(config.own.items()))}


def settings(config: TrialConfig) -> dict[str, Any]:
    """All that a configuration sets and something reads, with neutral values too, in a fixed order: for people.

    Unlike `trajectory`, configurations with the same parts have the same names, and no fingerprints of code.
    """
    if config.trainer:
        found = trajectory(config)
    else:
        names, values_of, _ = _fields_of(config, epochs=True)
        found = {**dict(zip(names, values_of(config), strict=True)), **dict(sorted(config.own.items()))}
    return {name: value for name, value in found.items() if not is_code(name)}


def _trainer_trajectory(config: TrialConfig) -> dict[str, Any]:
    """What a training function of the user is told, and its code: nothing else decides its numbers."""
    names = ("trainer", "split_seed", *(("epochs",) if counts_epochs(config) else ()), "threads", "seed")
    values = {name: getattr(config, name) for name in names}
    told = {name: value for name, value in values.items() if value != FIELDS[name].neutral}
    return {**told, **dict(sorted(config.own.items()))}


# Names of fields, a reader of all, and the values to leave out.
_Fields = tuple[tuple[str, ...], Callable[[TrialConfig], tuple[Any, ...]], tuple[Any, ...]]


def _fields_of(config: TrialConfig, *, epochs: bool) -> _Fields:
    reads = tuple(config.dataset_info.reads)
    return _read(reads, config.network, config.objective, config.optimizer, config.schedule, epochs=epochs)


@functools.cache
def _read(
    by_dataset: tuple[str, ...], network: str, objective: str, optimizer: str, schedule: str, *, epochs: bool
) -> _Fields:
    """The fields that such a configuration reads, in order."""
    read = {
        *_ALWAYS,
        *by_dataset,
        *entry(NETWORKS, network).reads,
        *entry(OBJECTIVES, objective).reads,
        *entry(OPTIMIZERS, optimizer).reads,
        *entry(SCHEDULES, schedule).reads,
        *(("epochs",) if epochs else ()),
    }
    names = tuple(name for name in FIELDS if name in read)
    return names, operator.attrgetter(*names), tuple(FIELDS[name].neutral for name in names)


def counts_epochs(config: TrialConfig) -> bool:
    """Whether the schedule depends on the total of epochs, so a short run is not the beginning of a long one."""
    if config.trainer:
        return COUNTS_EPOCHS in config.own
    return "epochs" in entry(SCHEDULES, config.schedule).reads or COUNTS_EPOCHS in config.own


def is_code(name: str) -> bool:
    """Whether an entry of a trajectory describes the user's code and is not a parameter of it."""
    return name.startswith(_CODE_OF) or name == COUNTS_EPOCHS


def code_name(kind: str) -> str:
    """The name under which a trajectory holds the fingerprint of a component's code."""
    return _CODE_OF + kind


def trial_key(config: TrialConfig, fingerprint: str, mode: str = SINGLE) -> str:
    """Hash a trajectory, the fingerprint of its data, the engine version and the execution mode.

    A training function of the user depends on neither data nor engine; its protocol has a version of its own.
    """
    if config.trainer:
        told = {"trajectory": trajectory(config), "trainer": TRAINER_VERSION}
        return hashlib.sha256(_CANONICAL.encode(told).encode()).hexdigest()[:KEY_LENGTH]
    content = {"trajectory": trajectory(config), "data": fingerprint, "engine": ENGINE_VERSIONS[mode]}
    if mode != SINGLE:  # trials of before there were stacks keep their keys
        content["mode"] = mode
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()[:KEY_LENGTH]
