"""Shares of rows and of replicates: their noise, their exact intervals, and the exact test between two of them."""

from functools import cache

import scipy


def binomial_variance(percent: float, rows: int, *, overlap: float = 0.0) -> float:
    """The variance p(1 - p)/(rows + 4) of a share of independent rows, in %², at a mean share in %.

    p is (x + 2)/(rows + 4) for a share of x rows: without the four added rows, 0% and 100% would have no noise
    (Agresti and Coull, 1998, Approximate is better than "exact" for interval estimation of binomial proportions).

    Args:
        percent: the mean share.
        rows: how many rows there are.
        overlap: the fraction of rows that two runs share. Shared rows affect both alike, and only the rest of the
            variance remains between the runs.
    """
    share = (min(max(percent / 100, 0.0), 1.0) * rows + 2) / (rows + 4)
    return 1e4 * share * (1 - share) / (rows + 4) * (1 - overlap)


@cache
def share_interval(count: int, n: int) -> tuple[float, float]:
    """The exact 95% interval of a share, from 0 to 1, that was seen in `count` of n.

    (Clopper and Pearson, 1934, The use of confidence or fiducial limits illustrated in the case of the binomial.)
    """
    found = scipy.stats.binomtest(count, n).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def half_p_values(count: int, n: int) -> tuple[float, float]:
    """The one-sided p values, by the exact binomial, of more and of fewer than half of all, seen in `count` of n."""
    more, fewer = (float(scipy.stats.binomtest(count, n, alternative=way).pvalue) for way in ("greater", "less"))
    return more, fewer


@cache
def equal_shares_p(count: int, n: int, other: int, of: int) -> float:
    """The two-sided p value of two shares being equal, seen in `count` of n and in `other` of `of`.

    It is exact: the largest over all values of the common share (Barnard, 1945, A new test for 2 × 2 tables). With 3 of
    3 against none of 3 it is 0.03, where Fisher's test gives 0.1.
    """
    if count * of == other * n:
        return 1.0
    return min(float(scipy.stats.barnard_exact([[count, other], [n - count, of - other]]).pvalue), 1.0)
