"""When a candidate of a search gets another seed at a rung: candidates race, seed by seed.

A candidate that is clearly behind the cut of its rung is dropped with the seeds that it has; any other gets further
seeds, up to all of them, whose mean decides. So close candidates are told apart by many seeds, and bad ones cost one
(Maron and Moore, 1994, Hoeffding races; Birattari et al., 2002, A racing algorithm for configuring metaheuristics).
"""

from collections.abc import Mapping, Sequence
from math import inf, isfinite, sqrt

import numpy as np

from tune_jobs.study.schedulers import Decision

# Of a candidate at the cut, at most this share is dropped with each of its seeds.
_LEVEL = 0.05
# Scores at a rung, by seed; higher is better.
Scores = Mapping[int, float]


def race(mine: Scores, others: Sequence[Scores], *, replicates: int, reduction_factor: int) -> Decision:
    """Decide whether a candidate goes on from a rung, is dropped, or gets another seed first.

    Two candidates are compared by their means over the seeds that both have, so that luck that they share cancels. The
    cut is the last of the candidates that would go on. Behind it by more than what the noise explains is clearly
    behind: by Student's t, at 5%, with the spread between seeds of the candidates that have all of theirs. Before there
    are two of these nobody is clearly behind.

    Args:
        mine: of the candidate, at least one.
        others: of the candidates that have reached the rung, each at least one.
        replicates: how many seeds a candidate has that goes on.
        reduction_factor: of the candidates that reach the rung, 1 in this many goes on.
    """
    gaps = sorted((_gap(mine, other) for other in others), reverse=True)
    rank, of = 1 + sum(gap > 0 for gap, _ in gaps), len(others) + 1
    kept = max(1, of // reduction_factor)
    behind = rank > kept
    if -inf in mine.values() or len(mine) >= replicates:
        return Decision(behind, rank, of)
    if behind and gaps[kept - 1][0] > _noise(others, replicates) * sqrt(gaps[kept - 1][1]):
        return Decision(True, rank, of)
    return Decision(True, rank, of, more=True)


def _gap(mine: Scores, other: Scores) -> tuple[float, float]:
    """How much better another candidate is, and the variance of that for seeds that vary by 1."""
    common = sorted(mine.keys() & other.keys())
    first, second = ([scores[seed] for seed in common or scores] for scores in (mine, other))
    means = sum(first) / len(first), sum(second) / len(second)
    return (0.0 if means[0] == means[1] else means[1] - means[0]), 1 / len(first) + 1 / len(second)


def _noise(others: Sequence[Scores], replicates: int) -> float:
    """The spread of one seed, times the quantile of Student's t; infinity where it is not known.

    What a seed, or its split, does to all candidates alike is left out, as in an analysis of variance of two factors.
    """
    whole = [list(scores.values()) for scores in map(_by_seed, others) if len(scores) == replicates]
    values = np.array([scores for scores in whole if all(map(isfinite, scores))])
    freedom = (len(values) - 1) * (replicates - 1)
    if freedom < 1:
        return inf
    # Takes a moment to import, and a search without replicates has no use for it.
    from scipy.special import stdtrit

    left = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    return float(stdtrit(freedom, 1 - _LEVEL)) * sqrt(float((left**2).sum()) / freedom)


def _by_seed(scores: Scores) -> Scores:
    return dict(sorted(scores.items()))
