"""The trials of a search as numbers, for statistics of the whole space."""

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from tune_jobs.ledger.record import FAILED
from tune_jobs.standing.search.search_trial import SearchTrial, scores_of
from tune_jobs.standing.search.state import State
from tune_jobs.study.space import Parameter

_LEAST_TRIALS = 10
# Of more trials, so many are drawn: what a forest takes grows with the square of its trials.
MOST_TRIALS = 600


@dataclass(frozen=True)
class Coded:
    """Trials as numbers, all after the same number of epochs.

    Attributes:
        points: [n, d]: where a value lies in its range, 0 to 1, or the position of a choice; of a parameter that a
            trial does not read the middle, or the first choice.
        levels: for each column 0 for a range, or how many choices there are.
        values: [n], normal scores of the trials' ranks, from the worst, which those that diverged share, to the best: a
            few that collapsed would else be all of the variance.
        epoch: after which it is.
        numbers: of the trials.
        known: how many trials there are; of more than `MOST_TRIALS` so many are drawn.
    """

    points: NDArray[np.float64]
    levels: tuple[int, ...]
    values: NDArray[np.float64]
    epoch: int
    numbers: tuple[int, ...]
    known: int


def coded(state: State) -> Coded | None:
    """Code the trials as of the first rung, which all of them have reached; None if there are too few.

    Which trials are drawn of many depends on the search's seed alone.
    """
    # Takes a second to import, and most commands read no search.
    from scipy.stats import norm, rankdata

    space, search = state.search.space, state.search
    epoch = min((rungs[0] for rungs in search.scheduler.brackets(state.epochs) if rungs), default=state.epochs)
    found: list[tuple[SearchTrial, float]] = []
    for one in state.all:
        if one.record is None or one.record.outcome == FAILED or not space.holds(one.values):
            continue
        mean = state.mean_at(one, epoch)
        if mean is not None:
            found.append((one, mean))
        elif scores_of(one.record, read=search.read, select=search.select)[-1:] == [-inf]:
            found.append((one, -inf))
    finite = [score for _, score in found if isfinite(score)]
    if len(found) < _LEAST_TRIALS or len(set(finite)) < 2:
        return None
    ranks = rankdata(np.maximum([score for _, score in found], min(finite)))
    # Blom's approximation (1958) of the expected order statistics of a normal sample.
    values = norm.ppf((ranks - 0.375) / (len(ranks) + 0.25))
    drawn = np.arange(len(found))
    if len(found) > MOST_TRIALS:
        drawn = np.sort(np.random.default_rng(search.seed).choice(len(found), MOST_TRIALS, replace=False))
        if len(set(values[drawn])) < 2:
            return None
    trials = [found[place][0] for place in drawn]
    points = np.array([[_code(parameter, one) for parameter in space] for one in trials])
    levels = tuple(len(parameter.choices) for parameter in space)
    return Coded(points, levels, values[drawn], epoch, tuple(one.number for one in trials), len(found))


def _code(parameter: Parameter, one: SearchTrial) -> float:
    if parameter.name in one.values:
        return parameter.share(one.values[parameter.name])
    return 0.0 if parameter.choices else 0.5
