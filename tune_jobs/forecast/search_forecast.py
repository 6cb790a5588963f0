"""What a search is expected to train, for a plan: its trials, as random points, and the follow-up."""

from dataclasses import replace
from math import ceil, sqrt

from tune_jobs.errors import UserError
from tune_jobs.forecast.estimate import Span
from tune_jobs.standing.search.state import State
from tune_jobs.study.samplers import random
from tune_jobs.study.search_identity import search_replicate
from tune_jobs.trial.trial import Trial

# Enough points to know the average cost of a trial; further trials count as repeats of these.
_MOST_POINTS = 200


def trials_to_come(state: State) -> list[tuple[Trial, Span]]:
    """The trials that a search is expected to draw within its budget, each with its epochs.

    At the low end one in `reduction_factor` goes on at each rung. A sampler that learns draws ever better points, of
    which more go on: at the high end all do; the geometric mean is expected. A budget of minutes gives no trials: it is
    itself the estimate.
    """
    count = _count(state)
    points = _points(state, min(count, _MOST_POINTS))
    if not points:
        return []
    found = []
    for number in range(count):
        trial, place = points[number % len(points)], (number + 0.5) / count
        low, high = (_epochs_at(state, place, share) for share in _shares(state))
        expected = _epochs_at(state, place, sqrt(_shares(state)[0] * _shares(state)[1]))
        found.append((replace(trial, key=f"{trial.key}-{number}"), Span(low, expected, high)))
        for seed in range(1, state.search.replicates):
            span = _of_further_seed(state, Span(low, expected, high))
            if span.high:
                config = search_replicate(state.study, trial.config, seed)
                found.append((replace(trial, config=config, key=f"{trial.key}-{number}-{seed}"), span))
    return found


def _of_further_seed(state: State, first: Span) -> Span:
    """Epochs of a further seed of a trial whose first trains so many.

    All seeds of what a rung lets go on are trained up to there. At the rung that stops a trial, at the low end all are
    clearly behind and get no further seed, at the high end none is. What waits at a rung begins anew when it goes on.
    """
    rungs = max(state.search.scheduler.brackets(state.epochs), key=len)

    def passed(end: float) -> float:
        return end if end >= state.epochs else float(max((rung for rung in rungs if rung < end), default=0))

    def again(end: float) -> float:
        return float(sum(rung for rung in rungs if rung < end))

    ends = passed(first.low), (passed(first.expected) + first.expected) / 2, first.high
    low, expected, high = (end + again(end) for end in ends)
    return Span(low, expected, high)


def trials_that_follow(state: State) -> dict[str, list[Trial]]:
    """About as many trials as each part of the follow-up of a search can have, by its name."""
    search, factors = state.search, len(state.search.space.groups())
    counts = {
        "audit": search.audit * search.replicates,
        "the best with fresh seeds": (search.confirm + 1) * search.seeds,
        "order of the steps": search.path * (factors * (factors + 1) // 2 - 1),
        "steps to the winner and back": 2 * factors * search.seeds if search.path else search.seeds,
        "pairs": 3 * search.interactions * search.seeds,
    }
    points = _points(state, min(_MOST_POINTS, max(counts.values())))
    return {
        name: [replace(points[n % len(points)], key=f"{points[n % len(points)].key}-{name}-{n}") for n in range(count)]
        for name, count in counts.items()
        if count and points
    }


def _count(state: State) -> int:
    budget, left = state.search.budget, []
    if state.over or (budget.trials is None and budget.epochs is None):
        return len(state.open)
    if budget.trials is not None:
        left.append(budget.trials - len(state.trials))
    if budget.epochs is not None:
        each = state.search.scheduler.expected_epochs(state.epochs)
        left.append(ceil((budget.epochs - state.epochs_trained) / each))
    return max(0, min(left)) + len(state.open)


def _shares(state: State) -> tuple[float, float]:
    scheduler = state.search.scheduler
    if scheduler.name in ("none", "median"):
        return (1.0, 1.0) if scheduler.name == "none" else (0.5, 1.0)
    return 1 / scheduler.reduction_factor, 1.0 if state.search.sampler == "tpe" else 1 / scheduler.reduction_factor


def _epochs_at(state: State, place: float, share: float) -> float:
    """Epochs of the trial at a place (0 the worst, 1 the best), if such a share goes on at each rung."""
    rungs = max(state.search.scheduler.brackets(state.epochs), key=len)
    if state.search.scheduler.name == "median":
        rungs = rungs[len(rungs) // 3 :][:1]
    for passed, rung in enumerate(rungs, start=1):
        if 1 - place > share**passed:
            return float(rung)
    return float(state.epochs)


def _points(state: State, count: int) -> list[Trial]:
    found: list[Trial] = []
    for number in range(2 * count):
        if len(found) == count:
            break
        values = random(state.search.space, state.search.seed, number, 0, ())
        try:
            found.append(state.make_trial(values or {}))
        except UserError:
            continue  # a point that cannot be built is not drawn
    return found
