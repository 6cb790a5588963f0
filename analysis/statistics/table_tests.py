"""The levels of a table compared with its default, in words of quality, with one chance of error for the whole table.

Each level is compared by a paired t test, and by a second one with the spread that is typical of the table; the larger
p value counts. A few seeds may lie close together by accident: where bad runs are rare and have not been seen yet, the
first test alone is wrong in up to a fifth of all tables. The typical spread is the median variance of the differences,
divided by the median of the chi-squared distribution over its degrees of freedom.

Where replicates collapsed, the shares that collapsed are compared by an exact test, and the rest by the t tests; the
smaller p value counts twice (Bonferroni).

The p values of the table are corrected by Holm's procedure. The intervals are Bonferroni's, cut at 0 where Holm's
procedure, which is at least as powerful, shows the sign of a difference. A difference is practically equal to none
where its interval lies within the margin. Verdicts and intervals therefore never contradict each other.
`benchmarks/coverage.py` measures how often a table is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from scipy.special import chdtri, stdtr

from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE, Array, Comparison, Pairs
from analysis.statistics.intervals import (
    SIGNIFICANCE,
    Difference,
    error_factor,
    few_distinct,
    holm_of_known,
    paired_difference,
    student_quantile,
    welch_difference,
)
from analysis.statistics.power import critical_value
from analysis.statistics.proportions import equal_shares_p


def compare(
    table: Sequence[Pairs],
    *,
    higher_is_better: bool,
    step: float = 0.0,
    margin: float | None = None,
    level: float = SIGNIFICANCE,
    overlap: float = 0.0,
    settled: Sequence[Pairs] = (),
    counted: int = 0,
) -> list[Comparison]:
    """Compare the levels of a table with its default.

    Args:
        table: the replicates of each level beside those of the default.
        higher_is_better: the metric's direction.
        step: between neighbouring values of a proportion; 0 where values are none.
        margin: within which a difference is none for practical purposes; None for no such verdict.
        level: the chance that any verdict of the table is false.
        overlap: see `analysis.statistics.intervals.error_factor`.
        settled: levels that are not judged again, but tell how far a typical level's differences spread.
        counted: how many comparisons beside those of the table the correction counts.
    """
    tested = [_tested(pairs, step, overlap) for pairs in table]
    typical, freedom = _typical_variance([*tested, *(_tested(pairs, step, overlap) for pairs in settled)])
    tested = [replace(one, typical=typical, freedom=freedom) for one in tested]
    family = sum(one.p_value is not None for one in tested) + counted
    adjusted = holm_of_known([*(one.p_value for one in tested), *[1.0] * counted])
    return [
        one.judged(p_value, level=level, family=family, higher_is_better=higher_is_better, margin=margin)
        for one, p_value in zip(tested, adjusted, strict=False)
    ]


@dataclass(frozen=True, eq=False)
class _Tested:
    """The tests of a level before the table's correction.

    Attributes:
        difference: of the pairs that learnt, with its own spread.
        differences: of these pairs, [n].
        variance: of these differences; None where it is not known.
        share_p: of the shares that collapsed; None where none did.
        shares: see `Comparison`.
        unpaired: the values of both, where they are no pairs.
        typical: the variance that is typical of the table, with `freedom` degrees of freedom; None where there is none.
    """

    difference: Difference | None
    differences: Array
    variance: float | None
    shares: tuple[tuple[int, int], tuple[int, int]] | None
    share_p: float | None
    overlap: float
    typical: float | None = None
    freedom: int = 0
    unpaired: tuple[Array, Array] | None = None

    @property
    def mean_p(self) -> float | None:
        """Of the pairs that learnt: the larger p value of both t tests."""
        if self.difference is None or self.difference.p_value is None:
            return None
        own = self.difference.p_value
        if self.variance is None or self.typical is None:
            return own
        error = sqrt(self.typical) * error_factor(self.difference.n, self.overlap)
        return max(own, float(2 * stdtr(self.freedom, -abs(self.difference.mean) / error)))

    @property
    def tests(self) -> int:
        """How many tests the level has."""
        return sum(p_value is not None for p_value in (self.mean_p, self.share_p))

    @property
    def p_value(self) -> float | None:
        """The smallest p value, times the number of tests."""
        known = [p_value for p_value in (self.mean_p, self.share_p) if p_value is not None]
        return min(1.0, len(known) * min(known)) if known else None

    def half_width(self, level: float) -> float | None:
        """Of the interval of the mean difference, at a two-sided level."""
        if self.unpaired is not None:
            if self.difference is None:
                return None
            return welch_difference(*self.unpaired, confidence=1 - level).half_width
        if self.difference is None or self.variance is None:
            return None
        factor = error_factor(self.difference.n, self.overlap)
        own = student_quantile(1 - level, self.difference.n - 1) * sqrt(self.variance) * factor
        if self.typical is None:
            return own
        return max(own, student_quantile(1 - level, self.freedom) * sqrt(self.typical) * factor)

    def judged(
        self, adjusted: float | None, *, level: float, family: int, higher_is_better: bool, margin: float | None
    ) -> Comparison:
        """Give the verdict."""
        each = level / max(family * self.tests, 1)
        half, difference = self.half_width(each), self.difference
        shown = adjusted is not None and adjusted <= level
        by_share = shown and self.share_p is not None and (self.mean_p is None or self.share_p <= self.mean_p)
        sign = 0 if difference is None else int(np.sign(difference.mean))
        found = Comparison(
            difference,
            adjusted,
            UNCLEAR,
            shares=self.shares,
            by_share=by_share,
            margin=margin,
            p_value=self.p_value,
            paired=self.unpaired is None,
        )
        if difference is not None and half is not None:
            corrected = replace(difference, half_width=half, sign=sign if shown and not by_share else 0)
            found = replace(found, difference=corrected, level=each, overlap=self.overlap)
            if self.unpaired is None:
                spread = half / error_factor(difference.n, self.overlap) / critical_value(each, difference.n)
                found = replace(found, spread=spread)
        inside = self._inside(margin, half, each)
        if shown:
            better = self._fewer_collapse() if by_share else (sign > 0) == higher_is_better
            return replace(found, verdict=BETTER if better else WORSE, small=inside and not by_share)
        return replace(found, verdict=EQUAL) if inside and self.shares is None else found

    def _fewer_collapse(self) -> bool:
        if self.shares is None:
            return False
        (count, n), (other, of) = self.shares
        return count * of < other * n

    def _inside(self, margin: float | None, half: float | None, level: float) -> bool:
        """Whether the interval lies within the margin; without a spread, whether a sign test shows it."""
        if margin is None or self.difference is None or self.difference.n < 2:
            return False
        if half is None and self.unpaired is not None:
            return False
        if half is not None:
            return abs(self.difference.mean) + half <= margin
        return bool(np.abs(self.differences).max() <= margin) and 0.5**self.difference.n <= level / 2


def _unpaired(pairs: Pairs, overlap: float) -> _Tested:
    values, reference = pairs.values, pairs.reference
    lost, other = pairs.collapsed, pairs.reference_collapsed
    shares, share_p = None, None
    if lost.any() or other.any():
        shares = ((int(lost.sum()), values.size), (int(other.sum()), reference.size))
        share_p = equal_shares_p(*shares[0], *shares[1])
        values, reference = (x[~m] if m.size else x for x, m in ((values, lost), (reference, other)))
    if not values.size or not reference.size:
        return _Tested(None, values, None, shares, share_p, overlap, unpaired=(values, reference))
    difference = welch_difference(values, reference)
    return _Tested(difference, values, None, shares, share_p, overlap, unpaired=(values, reference))


def _tested(pairs: Pairs, step: float, overlap: float) -> _Tested:
    if not pairs.paired:
        return _unpaired(pairs, overlap)
    learnt = pairs.learnt
    shares, share_p = None, None
    if not learnt.all():
        n = pairs.values.size
        shares = ((int(pairs.collapsed.sum()), n), (int(pairs.reference_collapsed.sum()), n))
        share_p = equal_shares_p(*shares[0], *shares[1])
    values, reference = pairs.values[learnt], pairs.reference[learnt]
    if not values.size:
        return _Tested(None, values, None, shares, share_p, overlap)
    difference = paired_difference(values, reference, step=step, overlap=overlap)
    differences = values - reference
    scale = float(max(np.abs(values).max(), np.abs(reference).max()))
    few = values.size < 2 or few_distinct(differences, scale=scale, step=step)
    return _Tested(difference, differences, None if few else float(differences.var(ddof=1)), shares, share_p, overlap)


def _typical_variance(tested: Sequence[_Tested]) -> tuple[float | None, int]:
    """The variance of a typical level's differences, and its degrees of freedom; None where fewer than two have one."""
    known = [(one.variance, one.difference.n - 1) for one in tested if one.variance is not None and one.difference]
    if len(known) < 2:
        return None, 0
    unbiased = [variance * freedom / float(chdtri(freedom, 0.5)) for variance, freedom in known]
    return float(np.median(unbiased)), sum(freedom for _, freedom in known)
