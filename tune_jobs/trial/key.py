"""The key of a trial: a hash of all that decides the numbers of its epochs."""

import hashlib
import json
from typing import Any

from models.registry import NETWORKS, OBJECTIVES, OPTIMIZERS, SCHEDULES, entry
from models.version import ENGINE_VERSION
from tune_jobs.trial.config import FIELDS, TrialConfig

KEY_LENGTH = 20


# Beside the parameters of the user's own components, whose names have a dot and no blank.
_CODE_OF = "code of "


COUNTS_EPOCHS = "schedule counts epochs"


# What every trajectory depends on; the rest only where a network, a loss, … reads it.
_ALWAYS = (
    "dataset",
    "split_seed",
    "validation_rows",
    "input_scaling",
    "input_transform",
    "target_transform",
    "shift",
    "rotation",
    "zoom",
    "network",
    "objective",
    "optimizer",
    "learning_rate",
    "weight_decay",
    "schedule",
    "batch_size",
    "threads",
    "seed",
)


def trajectory(config: TrialConfig) -> dict[str, Any]:
    """Return the fields, in a fixed order, that decide the numbers of the configuration's epochs.

    The parameters and the code of the user's own components follow, as "network.width" and "code of network".
    Fields that nothing reads (a kernel size without convolutions, a momentum without momentum) are left
    out, and so is `epochs` unless the schedule depends on the total: then n epochs begin every longer run.
    """
    read = {
        *_ALWAYS,
        *config.dataset_info.reads,
        *entry(NETWORKS, config.network).reads,
        *entry(OBJECTIVES, config.objective).reads,
        *entry(OPTIMIZERS, config.optimizer).reads,
        *entry(SCHEDULES, config.schedule).reads,
        *(("epochs",) if counts_epochs(config) else ()),
    }
    values = {name: getattr(config, name) for name in FIELDS if name in read}
    if "validation_rows" in values and values["validation_rows"] == config.dataset_info.validation_rows:
        values["validation_rows"] = 0
    built_in = {name: value for name, value in values.items() if value != FIELDS[name].neutral}
    return {**built_in, **dict(sorted(config.own.items()))}


def counts_epochs(config: TrialConfig) -> bool:
    """Return whether a schedule depends on the total of epochs, so that fewer do not begin more."""
    return "epochs" in entry(SCHEDULES, config.schedule).reads or COUNTS_EPOCHS in config.own


def is_code(name: str) -> bool:
    """Return whether an entry of a trajectory is about the user's code, and is no parameter of it."""
    return name.startswith(_CODE_OF) or name == COUNTS_EPOCHS


def code_name(kind: str) -> str:
    """Return the name under which a trajectory has the fingerprint of a component's code."""
    return _CODE_OF + kind


def trial_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the key of the trajectory: a hash of its fields, the data's fingerprint and the engine version."""
    content = {"trajectory": trajectory(config), "data": fingerprint, "engine": ENGINE_VERSION}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]
