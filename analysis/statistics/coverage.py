"""Predicted Gaussians: how they are read off a network's outputs, and how often their intervals contain the target."""

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from analysis.statistics.intervals import CONFIDENCE

# The same as in the objective `gaussian_nll`, for standardised targets.
MINIMUM_VARIANCE = 1e-6
NOMINAL = np.arange(5, 100, 5) / 100
LINKS = ("exp", "softplus")


def gaussian(
    outputs: ArrayLike, link: str, target_mean: float = 0.0, target_std: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read mean [n] and standard deviation [n], in the target's unit, off outputs [n, 2].

    The second output r stands for the variance exp(r) or log(1 + exp(r)) (softplus), plus 1e-6, of the
    standardised target (see the objective `gaussian_nll`). A variance that overflows is infinite.

    Raises:
        ValueError: the outputs are not pairs, or the link is not in `LINKS`.
    """
    array = np.asarray(outputs, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"outputs: shape {array.shape} is not of means and variances; give [n, 2]")
    if link not in LINKS:
        raise ValueError(f"link: {link!r} is not one of {', '.join(LINKS)}")
    raw = array[:, 1]
    with np.errstate(over="ignore"):
        # exp(r/2) overflows at twice the r at which √exp(r) does; logaddexp(0, r) is log(1 + exp(r)) without exp(r).
        std = np.hypot(np.exp(raw / 2) if link == "exp" else np.sqrt(np.logaddexp(0, raw)), MINIMUM_VARIANCE**0.5)
    return array[:, 0] * target_std + target_mean, std * target_std


def log_normal(mean: ArrayLike, std: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [n] and standard deviation [n] of a variable whose logarithm is Gaussian with this mean and deviation [n].

    They are exp(m + s²/2), and this times √(exp(s²) - 1) (Johnson, Kotz and Balakrishnan, 1994, Continuous univariate
    distributions, volume 1, chapter 14). What overflows is infinite.
    """
    with np.errstate(over="ignore"):
        variance = np.square(np.asarray(std, dtype=np.float64))
        centre = np.asarray(mean, dtype=np.float64) + variance / 2
        # log √(exp(v) - 1), without exp(v), which may overflow.
        return np.exp(centre), np.exp(centre + (variance + np.log(-np.expm1(-variance))) / 2)


def z_scores(mean: ArrayLike, std: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """How many predicted standard deviations [n] the targets [n] lie above the predicted means [n].

    Raises:
        ValueError: arrays of different length, a mean or a target that is not finite, or a deviation not above 0.
    """
    centre, spread, found = (np.asarray(values, dtype=np.float64) for values in (mean, std, targets))
    if centre.ndim != 1 or not centre.shape == spread.shape == found.shape or centre.size == 0:
        raise ValueError(
            f"mean, std and targets: shapes {centre.shape}, {spread.shape} and {found.shape}; give [n] of each"
        )
    if not (np.isfinite(centre).all() and np.isfinite(found).all() and (spread > 0).all()):
        raise ValueError("mean, std and targets: a mean or a target is not finite, or a deviation is not above 0")
    z: NDArray[np.float64] = (found - centre) / spread
    return z


def coverage(
    mean: ArrayLike, std: ArrayLike, targets: ArrayLike, *, nominal: ArrayLike = NOMINAL
) -> NDArray[np.float64]:
    """The share of targets that the central interval of each nominal level [m] contains, [m].

    The interval of level p is mean ± z((1 + p)/2) · std, z the quantiles of the standard normal distribution
    (Gneiting, Balabdaoui and Raftery, 2007, Probabilistic forecasts, calibration and sharpness).

    Raises:
        ValueError: see `z_scores`; or a level is not between 0 and 1.
    """
    levels = _levels(nominal)
    distances = np.abs(z_scores(mean, std, targets))
    shares: NDArray[np.float64] = (distances[:, None] <= ndtri(0.5 + levels / 2)).mean(axis=0)
    return shares


def coverage_band(
    count: int, *, nominal: ArrayLike = NOMINAL, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and the highest share, [m] each, that calibrated predictions of `count` targets are likely to show.

    These are quantiles of the binomial distribution of the number of targets that a level's interval contains.
    """
    levels, tail = _levels(nominal), (1 - confidence) / 2
    return scipy.stats.binom.ppf(tail, count, levels) / count, scipy.stats.binom.ppf(1 - tail, count, levels) / count


def rank_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rho of x [n] and y [n]: the correlation of their ranks, where ties share their mean rank.

    NaN where one of them does not vary (Spearman, 1904, The proof and measurement of association between two things).

    Raises:
        ValueError: arrays of different length, fewer than two pairs, or NaN.
    """
    one, other = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape or one.size < 2:
        raise ValueError(
            f"x and y: shapes {one.shape} and {other.shape} are no pairs; give two of length n, at least 2"
        )
    if np.isnan(one).any() or np.isnan(other).any():
        raise ValueError("x and y: a value is NaN; leave the pair out")
    first, second = scipy.stats.rankdata(one) - (one.size + 1) / 2, scipy.stats.rankdata(other) - (one.size + 1) / 2
    spread = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / spread if spread > 0 else float("nan")


def _levels(nominal: ArrayLike) -> NDArray[np.float64]:
    levels = np.asarray(nominal, dtype=np.float64)
    if not np.all((levels > 0) & (levels < 1)):
        raise ValueError(f"nominal: {nominal!r} are not all between 0 and 1, both excluded")
    return levels
