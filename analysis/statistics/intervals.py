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
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtr, stdtrit

from analysis.statistics.proportions import binomial_variance

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
# Values that vary by less than this fraction of their size are equal up to rounding.
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
        half_width: None where n is 1, or where too few distinct differences tell nothing of their spread.
        p_value: two-sided; None where n is 1.
        sign: 1 or -1 where the difference is shown to be above or below 0 although the interval, which is corrected
            for all comparisons at once, reaches beyond 0: the interval is then cut at 0.
        up_to: by how much the differences vary where they have no interval: one step of a proportion, or 0.
    """

    mean: float
    half_width: float | None
    n: int
    p_value: float | None
    sign: int = 0
    up_to: float = 0.0

    @property
    def low(self) -> float | None:
        """The lower end of the interval; None where there is none."""
        if self.half_width is None:
            return None
        low = self.mean - self.half_width
        return max(low, 0.0) if self.sign > 0 else low

    @property
    def high(self) -> float | None:
        """The upper end of the interval; None where there is none."""
        if self.half_width is None:
            return None
        high = self.mean + self.half_width
        return min(high, 0.0) if self.sign < 0 else high


def estimate(
    values: ArrayLike, *, confidence: float = CONFIDENCE, rows: int | None = None, overlap: float = 0.0
) -> Estimate:
    """The mean of values [n], with its Student-t interval.

    The half-width is t(1 - (1 - confidence)/2; n - 1) · s · √(1/n + overlap), with s the standard deviation over n - 1
    (Student, 1908; Casella and Berger, Statistical Inference, section 9.2.1; for the overlap Nadeau and Bengio, 2003).

    Equal values say nothing of their spread. Equal accuracies are proportions of a known number of rows, and the
    half-width is z(1 - (1 - confidence)/2) · √(b / n), with b their binomial variance
    (`analysis.statistics.proportions.binomial_variance`): seeds that share their rows vary by no more than that.

    Args:
        values: finite.
        confidence: of the interval.
        rows: of which the values are proportions in percent; None where they are none, or that is not known.
        overlap: see `error_factor`.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    array = _finite(values, "values")
    mean, n = float(array.mean()), array.size
    if n == 1:
        return Estimate(float(array[0]), None, 1)
    spread = spread_of(array)
    if spread > 0.0 or rows is None:
        return Estimate(mean, student_quantile(confidence, n - 1) * spread * error_factor(n, overlap), n)
    error = np.sqrt(binomial_variance(mean, rows)) * error_factor(n, overlap)
    return Estimate(mean, float(ndtri(0.5 + confidence / 2) * error), n)


def paired_difference(
    values: ArrayLike,
    reference: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    step: float = 0.0,
    overlap: float = 0.0,
) -> Difference:
    """How far values [n] lie above the reference [n], pair by pair, with a paired t test.

    The test's statistic is mean / (s / √n) with n - 1 degrees of freedom (Casella and Berger, section 8.3).
    Accuracies are multiples of one step, 100 divided by the number of rows. Where the differences are equal, or vary by
    one step at most, s is not known, and the exact sign test takes the place of the t test.

    Args:
        values: finite.
        reference: finite, paired with the values.
        confidence: of the interval.
        step: between neighbouring values; 0 where they are no proportions.
        overlap: see `error_factor`.

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
    scale = float(max(np.abs(array).max(), np.abs(other).max()))
    if few_distinct(differences, scale=scale, step=step):
        up_to = step if spread_of(differences, scale=scale) > 0.0 else 0.0
        return Difference(mean, None, n, sign_test_p(differences, scale=scale), up_to=up_to)
    error = float(differences.std(ddof=1)) * error_factor(n, overlap)
    p_value = float(2 * stdtr(n - 1, -abs(mean) / error))
    return Difference(mean, student_quantile(confidence, n - 1) * error, n, p_value)


def error_factor(n: int, overlap: float = 0.0) -> float:
    """The standard error of a mean of n values, in units of their standard deviation: √(1/n + overlap).

    The overlap is 0 where the mean is about this split or this data set alone.

    Raises:
        ValueError: the overlap is negative or not finite.
    """
    if not 0 <= overlap < inf:
        raise ValueError(f"overlap: {overlap!r} is no ratio of validation to training rows; give 0 or more")
    return sqrt(1 / n + overlap)


def spread_of(values: NDArray[np.float64], *, scale: float | None = None) -> float:
    """The standard deviation of values [n], over n - 1; exactly 0 where they are equal up to rounding.

    Args:
        values: at least two.
        scale: largest size of the numbers that they were computed from; that of the values by default.
    """
    spread = float(values.std(ddof=1))
    return spread if spread > ROUNDING * (float(np.abs(values).max()) if scale is None else scale) else 0.0


def few_distinct(differences: NDArray[np.float64], *, scale: float, step: float = 0.0) -> bool:
    """Whether differences [n] are too few distinct values to tell their spread: equal, or one step apart at most."""
    return spread_of(differences, scale=scale) == 0.0 or bool(np.ptp(differences) <= step * (1 + 1e-6))


def sign_test_p(differences: NDArray[np.float64], *, scale: float) -> float:
    """The two-sided p value of the exact sign test of differences [n]; ties, 0 up to rounding, are left out.

    (Dixon and Mood, 1946, The statistical sign test.)
    """
    untied = differences[np.abs(differences) > ROUNDING * scale]
    return float(scipy.stats.binomtest(int((untied > 0).sum()), untied.size).pvalue) if untied.size else 1.0


def student_quantile(confidence: float, freedom: int) -> float:
    """How many standard errors a two-sided Student-t interval of this confidence reaches from its mean."""
    return float(stdtrit(freedom, 0.5 + confidence / 2))


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
    shares = parts / parts.sum()  # whose squares do not underflow
    freedom = float(1 / (shares[0] ** 2 / (array.size - 1) + shares[1] ** 2 / (other.size - 1)))
    half_width = float(stdtrit(freedom, 0.5 + confidence / 2) * error)
    return Difference(mean, half_width, n, float(2 * stdtr(freedom, -abs(mean) / error)))


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """The p values [m] after Holm's step-down correction for m comparisons.

    The k-th smallest is multiplied by m - k + 1; none becomes smaller than the one before it, or larger than 1
    (Holm, 1979, A simple sequentially rejective multiple test procedure).

    Raises:
        ValueError: a value outside 0 to 1.
    """
    raw = _probabilities(p_values)
    order = np.argsort(raw, kind="stable")
    stepped = np.minimum(np.maximum.accumulate(raw[order] * np.arange(raw.size, 0, -1)), 1.0)
    adjusted = np.empty_like(raw)
    adjusted[order] = stepped
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> NDArray[np.float64]:
    """The p values [m] adjusted for the false discovery rate: of those at most q, a share of at most q is false.

    The k-th smallest is multiplied by m / k; none becomes larger than the next (Benjamini and Hochberg, 1995,
    Controlling the false discovery rate). It holds on average, for tests that are independent or depend on each other
    positively, as comparisons with one default do.

    Raises:
        ValueError: a value outside 0 to 1.
    """
    raw = _probabilities(p_values)
    order = np.argsort(raw, kind="stable")[::-1]
    stepped = np.minimum.accumulate(raw[order] * raw.size / np.arange(raw.size, 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def holm_of_known(p_values: Sequence[float | None]) -> list[float | None]:
    """Apply Holm's correction to the p values that are known; None stays None and is not counted as a comparison."""
    adjusted = iter(holm([p for p in p_values if p is not None]).tolist())
    return [None if p is None else next(adjusted) for p in p_values]


def _probabilities(p_values: Sequence[float]) -> NDArray[np.float64]:
    raw = np.asarray(p_values, dtype=np.float64)
    if raw.ndim != 1 or not np.all((raw >= 0) & (raw <= 1)):
        raise ValueError(f"p_values: {p_values!r} are not all between 0 and 1; give one list of p values")
    return raw


def _finite(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"{name}: {values!r} is not a list of finite numbers; give at least one")
    return array
