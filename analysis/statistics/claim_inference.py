"""One-sided tests of claims about replicates, with the effect in words.

A claim has two p values: one for what it says and one for the contrary. They are never both small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import floor, log10

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from analysis.statistics.intervals import ROUNDING, SIGNIFICANCE, Difference, error_factor, estimate, few_distinct, holm
from analysis.statistics.proportions import half_p_values
from analysis.statistics.words import format_difference

# One-sided: a claim is shown exactly where the 95% interval printed beside it lies on the claimed side.
LEVEL = SIGNIFICANCE / 2
ONE_REPLICATE = "one replicate cannot be tested"
# With fewer replicates, the one that is the median (at distance 0) makes the test of spread unreliable.
FEWEST_FOR_SPREAD = 5
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """The result of one test.

    Attributes:
        effects: sizes in words, one for each pair that was compared.
        n: how many replicates, or pairs of them, were compared.
        p_claim: one-sided, of the claim; None where there is no test.
        p_contrary: of the contrary.
        reason: why there is no test.
    """

    effects: tuple[str, ...] = ()
    n: int = 0
    p_claim: float | None = None
    p_contrary: float | None = None
    reason: str = ""


def directed(
    values: Array,
    against: Array,
    sign: float,
    unit: str,
    what: str,
    *,
    scale: float | None = None,
    overlap: float = 0.0,
    step: float = 0.0,
) -> Finding:
    """Test by a paired t test that values [n] lie above (sign 1) or below (sign -1) against [n] on average.

    The statistic is that of `analysis.statistics.intervals.paired_difference`. The exact sign test takes its place
    where a replicate diverged (is infinite), or where the differences are equal, or vary by one step at most.

    Args:
        values: paired with `against`.
        against: what they are compared with.
        sign: of the claimed difference.
        unit: of the values, in words.
        what: ends the effect in words: "against Tanh".
        scale: largest size of the numbers that the values were computed from, to tell differences from rounding; that
            of the values by default.
        overlap: of the training parts; see `analysis.statistics.intervals`. The sign test has no correction for it.
        step: between neighbouring values of a proportion; 0 where values are none.
    """
    if not (np.isfinite(values).all() and np.isfinite(against).all()):
        found = sign_test(signs_of(values, against), sign, f"higher {what}")
        return found if values.size > 1 else Finding(found.effects, found.n, reason=ONE_REPLICATE)
    differences = values - against
    effect = effect_words(differences, unit, what, overlap)
    if values.size < 2:
        return Finding((effect,), values.size, reason=ONE_REPLICATE)
    spread, size = float(differences.std(ddof=1)), scale or float(max(np.abs(values).max(), np.abs(against).max()))
    if few_distinct(differences, scale=size, step=step):
        differences = np.where(np.abs(differences) <= ROUNDING * size, 0.0, differences)
        effect = effect_words(differences, unit, what, spread_known=False)
        return replace(sign_test(np.sign(differences), sign, ""), effects=(effect,))
    statistic = sign * float(differences.mean()) / (spread * error_factor(values.size, overlap))
    above, below = stdtr(values.size - 1, [-statistic, statistic])
    return Finding((effect,), values.size, float(above), float(below))


def sign_test(signs: Array, sign: float, what: str) -> Finding:
    """Test by the exact binomial that more than half of all pairs have the sign; ties (0 in signs [n]) are left out.

    (Dixon and Mood, 1946, The statistical sign test.)
    """
    untied = signs[signs != 0]
    n, up = untied.size, int((untied > 0).sum())
    effect = f"{what} in {up} of {signs.size} pairs (diverged is worst)"
    if not n:
        return Finding((effect,), signs.size, 1.0, 1.0)
    above, below = half_p_values(up, n)
    return Finding((effect,), signs.size, *((above, below) if sign > 0 else (below, above)))


def signs_of(values: Array, against: Array) -> Array:
    """1, 0 or -1 [n] where a value is larger than, equal to or smaller than `against`; works for infinite values."""
    return (values > against).astype(np.float64) - (values < against).astype(np.float64)


def within_margin(
    differences: Array,
    margin: float,
    unit: str,
    what: str,
    scale: float,
    overlap: float = 0.0,
    step: float = 0.0,
) -> Finding:
    """Test by two one-sided t tests (Schuirmann, 1987) that the mean of differences [n] lies within ±margin.

    The claim reaches 2.5% where the 95% interval lies inside the margin, and the contrary where it lies entirely
    outside. Where the differences are equal, or vary by one step at most, the exact sign test takes the place of both
    tests.
    """
    n, effect = differences.size, effect_words(differences, unit, what, overlap)
    if n < 2:
        return Finding((effect,), n, reason=ONE_REPLICATE)
    mean, spread = float(differences.mean()), float(differences.std(ddof=1))
    if few_distinct(differences, scale=scale, step=step):
        inside = np.where(np.abs(differences) <= margin, 1.0, -1.0)
        effect = effect_words(differences, unit, what, spread_known=False)
        return replace(sign_test(inside, 1.0, ""), effects=(effect,))
    error = spread * error_factor(n, overlap)
    inside_above, inside_below, above, below = (
        float(stdtr(n - 1, -distance / error))
        for distance in (margin + mean, margin - mean, mean - margin, -mean - margin)
    )
    return Finding((effect,), n, max(inside_above, inside_below), min(above, below))


def more_varied(
    values: Array, against: Array, unit: str, what: str, overlap: float = 0.0, step: float = 0.0
) -> Finding:
    """Test that values [n] vary more than against [n], by a paired t test of the distances from the medians.

    (Brown and Forsythe, 1974, Robust tests for the equality of variances; here paired by seed.) In simulations of equal
    spreads, the claim was shown in 0.4% of cases with n = 5, in 2% with n = 10, and in 3 to 4% with n = 4.
    """
    if values.size < FEWEST_FOR_SPREAD:
        few = f"a test of spread needs at least {FEWEST_FOR_SPREAD} replicates, there are {values.size}"
        return Finding((), values.size, reason=few)
    distances = np.abs(values - np.median(values)), np.abs(against - np.median(against))
    return directed(*distances, 1.0, unit, what, overlap=overlap, step=step)


def ordered(
    values: Array, sign: float, unit: str, names: Sequence[str], overlap: float = 0.0, step: float = 0.0
) -> Finding:
    """Test that values [levels, n] rise (sign 1) or fall (sign -1) along the levels, as a trend.

    The trend is the slope of each replicate over the rank of the levels, in units per step (least squares); where a
    replicate diverged (is infinite), it is the sign of its concordance over pairs of levels. A trend says nothing about
    single steps, and the step between any two neighbours is tested too: the contrary is shown by the contrary trend, or
    by any step in the other direction, after Holm's correction over these tests. The claim is not shown where a step
    is shown to be reversed.

    Args:
        values: of each level, paired by replicate.
        sign: of the claimed trend.
        unit: of the values, in words.
        names: of the levels.
        overlap: of the training parts; see `analysis.statistics.intervals`.
        step: between neighbouring values of a proportion; 0 where values are none.
    """
    trend = _trend(values, sign, unit, overlap, step)
    if trend.p_claim is None or trend.p_contrary is None or len(values) < 3:
        return trend
    steps = [
        directed(high, low, sign, unit, f"from {before} to {after}", overlap=overlap, step=step)
        for low, high, before, after in zip(values, values[1:], names, names[1:], strict=False)
    ]
    adjusted = holm([trend.p_contrary, *(1.0 if found.p_contrary is None else found.p_contrary for found in steps)])
    effects = list(trend.effects)
    reversed_step = False
    for low, high, found, p_value in zip(values, values[1:], steps, adjusted[1:], strict=False):
        if sign * _direction(low, high) < 0:
            reversed_step |= bool(p_value <= LEVEL)
            shown = "shown" if p_value <= LEVEL else "no clear difference"
            effects.append(f"but the other way {found.effects[0]} ({shown})")
    return Finding(tuple(effects), trend.n, 1.0 if reversed_step else trend.p_claim, float(adjusted.min()))


def _trend(values: Array, sign: float, unit: str, overlap: float, step: float) -> Finding:
    if np.isfinite(values).all():
        rank = np.arange(len(values)) - (len(values) - 1) / 2
        slopes = rank @ values / float(rank @ rank)
        size = float(np.abs(values).max())
        each = step * float(rank.max() / (rank @ rank))  # what one row more at an end of the levels changes
        level = np.zeros_like(slopes)
        return directed(slopes, level, sign, unit, "per step", scale=size, overlap=overlap, step=each)
    concordance = np.sign(sum(signs_of(high, low) for low, high in combinations(values, 2)))
    found = sign_test(concordance, sign, "rising along the levels")
    return found if values.shape[1] > 1 else Finding(found.effects, found.n, reason=ONE_REPLICATE)


def _direction(low: Array, high: Array) -> float:
    """The sign of a step: that of its mean, or where a replicate diverged, that of most of its pairs."""
    if np.isfinite(low).all() and np.isfinite(high).all():
        return float(np.sign((high - low).mean()))
    return float(np.sign(signs_of(high, low).sum()))


def all_of(parts: Sequence[Finding]) -> Finding:
    """Combine findings: the claim needs all of them, the contrary needs one.

    The claim has the largest p value (Berger, 1982, the intersection-union test); the contrary has the smallest times
    their number (Bonferroni).
    """
    effects, n = tuple(effect for part in parts for effect in part.effects), min(part.n for part in parts)
    claims = [part.p_claim for part in parts if part.p_claim is not None]
    contraries = [part.p_contrary for part in parts if part.p_contrary is not None]
    if len(claims) < len(parts):
        return Finding(effects, n, reason=next(part.reason for part in parts if part.reason))
    return Finding(effects, n, max(claims), min(1.0, len(contraries) * min(contraries)))


def effect_words(differences: Array, unit: str, what: str, overlap: float = 0.0, *, spread_known: bool = True) -> str:
    """Write a mean difference in words: "−1.42 ± 0.50 points against Sigmoid, n = 3".

    Where too few distinct values tell nothing of their spread, there is no interval.
    """
    found = estimate(differences, overlap=overlap)
    measure = found.half_width or abs(found.mean)
    decimals = min(max(1 - floor(log10(measure)), 0), 6) if measure > 0 else 0
    text = format_difference(
        Difference(found.mean, (found.half_width or None) if spread_known else None, 1, None), decimals
    )
    return " ".join(part for part in (text, unit, what) if part) + f", n = {found.n}"
