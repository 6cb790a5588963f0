"""The best of n random trials as a function of n, with a band that holds for every n and every distribution."""

from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, gammaln

from analysis.statistics.intervals import SIGNIFICANCE

# Samples that set the level of the band, and the numbers of all of them together: many trials need fewer samples.
_DRAWS, _MOST_NUMBERS = 4000, 2_000_000


@dataclass(frozen=True)
class TuningCurve:
    """The best of n random trials, for several n; higher is better.

    Attributes:
        trials: n.
        expected: the mean of the best; NaN beyond the trials that were seen.
        median: of the best, the sample's quantile.
        low: lower end of the band of the median; minus infinity where the sample leaves it open.
        high: upper end; infinity where the sample leaves it open.
    """

    trials: NDArray[np.int64]
    expected: NDArray[np.float64]
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def tuning_curve(scores: ArrayLike, trials: ArrayLike) -> TuningCurve:
    """Estimate the best of n random trials from the scores of independent ones.

    The median of the best of n is the 2^(-1/n) quantile of a single score. A simultaneous band of the distribution
    function is therefore a band of the whole curve (Lourie, Cho and He, 2024, Show your work with confidence). The mean
    is that of Dodge et al. (2019, Show your work) without its bias (Tang et al., 2020).

    Args:
        scores: of the trials, [N]; minus infinity for one that diverged.
        trials: the n, at least 1.

    Raises:
        ValueError: no scores.
    """
    ordered, n = np.sort(np.asarray(scores, dtype=float)), np.atleast_1d(np.asarray(trials, dtype=int))
    if not len(ordered):
        raise ValueError("scores: none were given; give at least one")
    shares = 0.5 ** (1 / n)
    low, high = _band(len(ordered))
    # F is at least `low` from the i-th score on, and at most `high` below it, ties included.
    above = np.array([*ordered, inf])[np.searchsorted(low, shares, side="left")]
    below = np.array([-inf, *ordered])[np.searchsorted(high, shares, side="left")]
    # Of the steps of the sample's distribution function, 1/N to 1, the first that reaches the share.
    places = np.ceil(shares * len(ordered) - 1e-9).astype(int) - 1
    return TuningCurve(n, np.array([expected_best(ordered, int(each)) for each in n]), ordered[places], below, above)


def expected_best(scores: ArrayLike, trials: int) -> float:
    """Estimate the mean of the best of n trials without bias, as the mean over all subsets of n (Tang et al., 2020).

    Args:
        scores: of independent trials, [N].
        trials: n.

    Returns:
        NaN for n above N.
    """
    ordered = np.sort(np.asarray(scores, dtype=float))
    count = len(ordered)
    if trials > count:
        return float("nan")
    places = np.arange(trials, count + 1)
    # The i-th smallest is the best of C(i - 1, n - 1) of the C(N, n) subsets.
    logs = _log_choose(places - 1, trials - 1) - _log_choose(np.array(count), trials)
    return float(np.exp(logs) @ ordered[trials - 1 :]) if np.isfinite(ordered[trials - 1]) else -np.inf


def chance_of_better(seen: int, more: int) -> float:
    """The chance that the best of `more` further random trials beats the best of those seen.

    All trials are equally likely to be the best of all of them, whatever the distribution, ties apart.
    """
    return more / (seen + more)


def _log_choose(n: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


@lru_cache
def _band(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds of the distribution function at each order statistic that hold together in 95% of samples.

    All are equal-tailed intervals of the beta distribution at one level (Aldor-Noiman et al., 2013, The power to see).
    The level is the 5% quantile of the smallest p value, over simulated uniform samples with a fixed seed.
    """
    places = np.arange(1, count + 1)
    draws = np.sort(np.random.default_rng(0).random((min(_DRAWS, 1 + _MOST_NUMBERS // count), count)))
    tails = betainc(places, count + 1 - places, draws)
    least = 2 * np.minimum(tails, 1 - tails).min(axis=1)
    level = np.quantile(least, SIGNIFICANCE)
    low, high = (scipy.stats.beta.ppf(tail, places, count + 1 - places) for tail in (level / 2, 1 - level / 2))
    return low, high
