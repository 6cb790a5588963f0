"""Means with intervals, paired differences, and the correction for several comparisons.

Replicates that divide the same rows anew into training and validation parts share most of their training rows, so their
results are correlated, and the standard error s / √n is too small. Nadeau and Bengio (2003, Inference for the
generalization error, Machine Learning 52) replace 1/n by 1/n + n_validation/n_train. The functions here take that ratio
as `overlap`; it is 0 where all replicates have the same parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
# Replicates that learnt and replicates that did not differ by more points of accuracy than this.
_APART = 20.0
# Differences that vary by less than this fraction of the values are equal up to rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A mean of n values; its interval is mean ± half_width, None where n is 1."""

    mean: float
    half_width: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """A mean difference over n pairs, with its interval and the p value of a difference of zero.

    Attributes:
        half_width: None where n is 1, or where all differences are equal.
        p_value: two-sided; None where n is 1.
    """

    mean: float
    half_width: float | None
    n: int
    p_value: float | None


def estimate(values: ArrayLike, *, confidence: float = CONFIDENCE, overlap: float = 0.0) -> Estimate:
    """The mean of values [n], with its Student-t interval.

    The half-width is t(1 - (1 - confidence)/2; n - 1) · s · √(1/n + overlap), with s the standard deviation over n - 1
    (Student, 1908; Casella and Berger, Statistical Inference, section 9.2.1; for the overlap Nadeau and Bengio, 2003).

    Raises:
        ValueError: no values, or one that is not finite.
    """
    array = _finite(values, "values")
    if array.size == 1:
        return Estimate(float(array[0]), None, 1)
    return Estimate(float(array.mean()), _half_width(array, confidence, overlap), array.size)


def paired_difference(
    values: ArrayLike, reference: ArrayLike, *, confidence: float = CONFIDENCE, overlap: float = 0.0
) -> Difference:
    """How far values [n] lie above the reference [n], pair by pair, with a paired t test.

    The test's statistic is mean / (s · √(1/n + overlap)) with n - 1 degrees of freedom (Casella and Berger, section
    8.3; Nadeau and Bengio, 2003, the corrected resampled t test).
    Where all differences are equal, the statistic is undefined. Accuracies are multiples of one over the number of
    rows, and a few differences may be equal by chance: p is then 1, and nothing is claimed.

    Raises:
        ValueError: no pairs, a value that is not finite, or arrays of different length.
    """
    array, other = _finite(values, "values"), _finite(reference, "reference")
    if array.size != other.size:
        raise ValueError(f"values and reference: {array.size} and {other.size} are no pairs; give equal lengths")
    differences = array - other
    mean, n = float(differences.mean()), differences.size
    if n == 1:
        return Difference(mean, None, 1, None)
    spread = float(differences.std(ddof=1))
    if spread <= ROUNDING * float(max(np.abs(array).max(), np.abs(other).max())):
        return Difference(mean, None, n, 1.0)
    statistic = abs(mean) / (spread * error_factor(n, overlap))
    p_value = float(2 * student_t.sf(statistic, n - 1))
    return Difference(mean, _half_width(differences, confidence, overlap), n, p_value)


def welch_difference(values: ArrayLike, reference: ArrayLike, *, confidence: float = CONFIDENCE) -> Difference:
    """How far the mean of values [n] lies above that of the reference [m], which are no pairs, with Welch's t test.

    The degrees of freedom are those of Welch and Satterthwaite (Welch, 1947). `n` of the result is the smaller number.
    Without a spread on either side nothing is claimed, as in `paired_difference`.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    array, other = _finite(values, "values"), _finite(reference, "reference")
    mean, n = float(array.mean() - other.mean()), min(array.size, other.size)
    if n == 1:
        return Difference(mean, None, 1, None)
    parts = np.array([array.var(ddof=1) / array.size, other.var(ddof=1) / other.size])
    error = float(np.sqrt(parts.sum()))
    if error <= ROUNDING * float(max(np.abs(array).max(), np.abs(other).max())):
        return Difference(mean, None, n, 1.0)
    freedom = float(parts.sum() ** 2 / (parts[0] ** 2 / (array.size - 1) + parts[1] ** 2 / (other.size - 1)))
    half_width = float(student_t.ppf(0.5 + confidence / 2, freedom) * error)
    return Difference(mean, half_width, n, float(2 * student_t.sf(abs(mean) / error, freedom)))


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """The p values [m] after Holm's step-down correction for m comparisons.

    The k-th smallest is multiplied by m - k + 1; none becomes smaller than the one before it, or larger than 1
    (Holm, 1979, A simple sequentially rejective multiple test procedure).

    Raises:
        ValueError: a value outside 0 to 1.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    if raw.ndim != 1 or not np.all((raw >= 0) & (raw <= 1)):
        raise ValueError(f"p_values: {p_values!r} are not all between 0 and 1; give one list of p values")
    order = np.argsort(raw, kind="stable")
    stepped = np.minimum(np.maximum.accumulate(raw[order] * np.arange(raw.size, 0, -1)), 1.0)
    adjusted = np.empty_like(raw)
    adjusted[order] = stepped
    return adjusted


def holm_of_known(p_values: Sequence[float | None]) -> list[float | None]:
    """Apply Holm's correction to the p values that are known; None stays None and is not counted as a comparison."""
    adjusted = iter(holm([p for p in p_values if p is not None]).tolist())
    return [None if p is None else next(adjusted) for p in p_values]


def no_normal_interval(accuracies: ArrayLike, *, collapsed: int = 0) -> str:
    """Say why no normal interval describes the accuracies [n] of a level's replicates; "" where one does.

    The accuracy of a collapsed replicate is the share of one class, one of a few numbers; where some replicates learnt
    and others did not, accuracies lie in two groups. A mean ± interval describes neither.

    Args:
        accuracies: in percent, finite.
        collapsed: how many of the replicates predict one class only.
    """
    values = np.asarray(accuracies, dtype=np.float64)
    if values.size < 2 or not np.ptp(values) > (0.0 if collapsed else _APART):
        return ""
    return f"accuracies from {values.min():.2f} to {values.max():.2f}%, which no normal interval describes"


def error_factor(n: int, overlap: float) -> float:
    """The standard error of a mean of n values, in units of their standard deviation: √(1/n + overlap).

    Raises:
        ValueError: the overlap is negative or not finite.
    """
    if not 0 <= overlap < inf:
        raise ValueError(f"overlap: {overlap!r} is no ratio of validation to training rows; give 0 or more")
    return sqrt(1 / n + overlap)


def _half_width(values: NDArray[np.float64], confidence: float, overlap: float) -> float:
    quantile = student_t.ppf(0.5 + confidence / 2, values.size - 1)
    return float(quantile * values.std(ddof=1) * error_factor(values.size, overlap))


def _finite(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"{name}: {values!r} is not a list of finite numbers; give at least one")
    return array
