"""From a point of a search's space to its trials, and from a configuration to its point."""

from collections.abc import Mapping
from typing import Any

from tune_jobs.study.model import SEARCH, Study
from tune_jobs.study.search import Search
from tune_jobs.study.search_identity import default_config, full_length, search_replicate
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id
from tune_jobs.trial.feasibility import check_feasible
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial


def make_trial(
    study: Study,
    search: Search,
    values: Mapping[str, Any],
    fingerprints: Mapping[str, str],
    seed: int = 0,
    epochs: int | None = None,
) -> Trial:
    """Build the trial of a point of the space.

    Args:
        study: with the search.
        search: that tries the point.
        values: of the point.
        fingerprints: of the data, by `data_id`.
        seed: of the replicate; 0 in a search without.
        epochs: of `full_length`, for who knows them already: they cost as much as the trial.

    Raises:
        UserError: it cannot be built.
    """
    config: TrialConfig = study.config(search.base, values).replace(seed=0)
    check_feasible(config)
    config = search_replicate(study, config, seed)
    epochs = epochs or full_length(study, search)
    mode = study.mode_of(SEARCH, config)
    key = trial_key(config, fingerprints[data_id(config)], mode)
    return Trial(key, config, epochs, frozenset({epochs}), measure_improvements=search.read == "best", mode=mode)


def further_trials(
    study: Study,
    search: Search,
    values: Mapping[str, Any],
    fingerprints: Mapping[str, str],
    epochs: int | None = None,
) -> tuple[Trial, ...]:
    """Build the trials of a point of the space with seeds 1, 2, …; none in a search without replicates."""
    return tuple(make_trial(study, search, values, fingerprints, seed, epochs) for seed in range(1, search.replicates))


def searched_default(study: Study, search: Search) -> dict[str, Any] | None:
    """Return the default configuration as a point of the space; None if it is not one."""
    return point_of(default_config(study, search), study, search)


def point_of(config: TrialConfig, study: Study, search: Search) -> dict[str, Any] | None:
    """Return a configuration's values of the searched fields; None if they are not a point of the space."""
    values: dict[str, Any] = {}
    for parameter in search.space:
        if parameter.is_read(values):
            value = study.own.value_of(config, parameter.name)
            if not parameter.holds(value):
                return None
            values[parameter.name] = value
    return values
