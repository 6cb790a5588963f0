"""The shape of a trial: everything that the duration of its epochs depends on, and nothing else."""

import json

from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.key import COUNTS_EPOCHS, trajectory

# A fractional parameter of these user components cannot be a size, so it does not change the work.
_WITHOUT_SIZES = ("objective.", "optimizer.", "schedule.", "trainer.")


def shape(config: TrialConfig) -> str:
    """What trials share whose epochs take equally long on one machine, as JSON.

    That is the trajectory without the fields that leave the duration of an epoch unaffected, and without fractional
    parameters of the user's training functions, losses, optimizers and schedules. The user's schedules count by their
    code: unlike the built-in ones, they may take time.
    """
    kept = {name: value for name, value in trajectory(config).items() if _counts(name, value)}
    return json.dumps({name: _by_presence(name, value) for name, value in kept.items()}, sort_keys=True)


def _counts(name: str, value: object) -> bool:
    if name in FIELDS:
        return FIELDS[name].epoch_time != "unaffected"
    return name != COUNTS_EPOCHS and not (name.startswith(_WITHOUT_SIZES) and isinstance(value, float))


def _by_presence(name: str, value: object) -> object:
    return name if name in FIELDS and FIELDS[name].epoch_time == "presence" else value
