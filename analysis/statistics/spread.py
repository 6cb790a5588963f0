"""The spread of the paired differences in a table, as far as replicates tell it: for planning, not for verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import chdtri

from analysis.statistics.comparisons import Pairs
from analysis.statistics.intervals import CONFIDENCE, few_distinct


@dataclass(frozen=True)
class Spread:
    """The standard deviation of a typical level's paired differences, with its 95% interval.

    Attributes:
        n: the number of pairs of the level that has most.
    """

    value: float
    low: float
    high: float
    n: int


def known_spread(table: Sequence[Pairs], *, step: float = 0.0) -> Spread | None:
    """Pool the variances of a table's paired differences; None where none is known.

    The interval is that of a normal variance (chi-squared), with the degrees of freedom of one level: all levels are
    compared with the same default, and so tell less than as many independent ones.

    Args:
        table: the replicates of each level beside the default's. Replicates that collapsed are left out.
        step: between neighbouring values of a proportion; 0 where values are none.
    """
    known = []
    for pairs in table:
        values, reference = (each[pairs.learnt] for each in (pairs.values, pairs.reference))
        if values.size < 2:
            continue
        differences, scale = values - reference, float(np.abs([values, reference]).max())
        if not few_distinct(differences, scale=scale, step=step):
            known.append((float(differences.var(ddof=1)), values.size))
    if not known:
        return None
    value = sqrt(sum(variance * (n - 1) for variance, n in known) / sum(n - 1 for _, n in known))
    most = max(n for _, n in known)
    low, high = (
        value * sqrt((most - 1) / float(chdtri(most - 1, tail)))
        for tail in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    )
    return Spread(value, low, high, most)
