"""The trials that only tell how long a level takes: of each that trains in stacks one replicate, by itself.

In a stack a trial has a share of the time, which depends on what trained beside it. Trained singly, a replicate has
another key, so its numbers are never taken for those of the stack.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from models.version import SINGLE
from tune_jobs.standing.replicates import Replicate
from tune_jobs.trial.data import data_id
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial


def trials_alone(
    replicates: Sequence[Sequence[Replicate]], trials: Iterable[Trial], fingerprints: Mapping[str, str]
) -> dict[str, Trial]:
    """Return the trials to train singly, by the keys of those in stacks whose time they tell.

    Args:
        replicates: of each row.
        trials: that the rows read, merged; see `merged_trials`.
        fingerprints: of the data, by `data_id`.
    """
    merged = {trial.key: trial for trial in trials}
    firsts = (merged[of_row[0].key] for of_row in replicates if of_row and of_row[0].row.stacked)
    return {trial.key: trained_singly(trial, fingerprints) for trial in firsts}


def trained_singly(trial: Trial, fingerprints: Mapping[str, str]) -> Trial:
    """Return a trial of a stack as it is trained by itself, under its own key."""
    return replace(trial, key=trial_key(trial.config, fingerprints[data_id(trial.config)]), mode=SINGLE)
