"""The shape of a trial: what decides how long one of its epochs takes, and nothing else."""

import json

from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import COUNTS_EPOCHS, trajectory

# They move values, not work: the same layers see as many rows, in batches of the same size. Schedules of the
# project's own cost nothing that can be measured; one of the user's is kept, as "code of schedule".
FREE = frozenset(
    {
        "seed",
        "split_seed",
        "outer_split",
        "input_scaling",
        "toy_problem",
        "learning_rate",
        "momentum",
        "schedule",
        "decay_every",
        "decay_factor",
        "plateau_patience",
        "epochs",
        COUNTS_EPOCHS,
    }
)
# It matters whether they are there, not how large they are.
PRESENT_OR_NOT = frozenset({"dropout", "label_smoothing", "weight_decay"})
# Of the user's own components, whose numbers that are no whole ones cannot be sizes.
_NO_SIZES = ("objective.", "optimizer.", "schedule.")


def shape(config: TrialConfig) -> str:
    """Return what trials have in common whose epochs take equally long on one machine, as JSON.

    That is the trajectory less `FREE`: network, dataset and its options, batch size, loss, optimizer, threads, and
    every parameter of the user's own code but the fractional ones of losses, optimizers and schedules.
    """
    kept = {
        name: name if name in PRESENT_OR_NOT else value
        for name, value in trajectory(config).items()
        if name not in FREE and not (name.startswith(_NO_SIZES) and isinstance(value, float))
    }
    return json.dumps(kept, sort_keys=True)
