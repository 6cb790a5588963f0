"""What comes next in a search, as functions of its state: the point to try, and whether a trial goes on at a rung."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.standing.search.point_trials import searched_default
from tune_jobs.standing.search.search_trial import SearchTrial
from tune_jobs.standing.search.state import State
from tune_jobs.study.racing import race
from tune_jobs.study.samplers import SAMPLERS
from tune_jobs.study.schedulers import Decision

# Attempts to draw a new point that can be built, before the space counts as used up.
_ATTEMPTS = 200


def next_point(state: State, number: int) -> tuple[dict[str, Any], str] | None:
    """Draw a new point that can be built; the first is the default configuration. None if the space is used up.

    Args:
        state: of the search.
        number: of the trial that will try it.

    Returns:
        its values, and the sampler that drew it or "default".
    """
    search = state.search
    keys = {searched.trial.key for searched in state.trials.values() if searched.trial is not None}
    if number == 0 and search.sampler != "grid":
        default = searched_default(state.study, search)
        if default is not None and _key(state, default):
            return default, "default"
    known = state.known()
    # A grid ends by itself.
    for attempt in count() if search.sampler == "grid" else range(_ATTEMPTS):
        values = SAMPLERS[search.sampler](search.space, search.seed, number, attempt, known)
        if values is None:
            return None
        key = _key(state, values)
        if key and key not in keys:
            return values, search.sampler
    return None


def _key(state: State, values: Mapping[str, Any]) -> str:
    """The key of a point's trial; "" if it cannot be built."""
    try:
        return state.make_trial(values).key
    except UserError:
        return ""


def rung_decision(state: State, searched: SearchTrial, seed: int, scores: Sequence[float]) -> tuple[float, Decision]:
    """Decide whether a trial goes on at a rung.

    Args:
        state: of the search.
        searched: the trial.
        seed: of the replicate that has arrived.
        scores: for each of its epochs so far.

    Returns:
        the score that it is ranked by, and the decision.
    """
    search, epoch = state.search, len(scores)
    score = search.scheduler.score(scores)
    if search.replicates <= 1:
        others = [a.score for a in state.arrivals(searched.bracket, epoch) if a.trial != searched.number]
        return score, search.scheduler.decide(scores, others)
    raced = state.scores_at(searched.bracket, epoch)
    raced.pop(searched.number, None)
    decision = race(
        {**{a.seed: a.score for a in searched.arrivals if a.epoch == epoch}, seed: score},
        list(raced.values()),
        replicates=search.replicates,
        reduction_factor=search.scheduler.reduction_factor,
    )
    return score, decision
