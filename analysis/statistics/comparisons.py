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
from dataclasses import dataclass, field, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri, stdtr

from analysis.statistics.intervals import (
    CONFIDENCE,
    SIGNIFICANCE,
    Difference,
    error_factor,
    few_distinct,
    holm_of_known,
    paired_difference,
    student_quantile,
    welch_difference,
)
from analysis.statistics.power import MOST_SEEDS, critical_value, seeds_needed, smallest_shown
from analysis.statistics.proportions import binomial_variance, equal_shares_p
from analysis.statistics.words import format_difference
from analysis.text import Limits, format_number

Array = NDArray[np.float64]
Marks = NDArray[np.bool_]
BETTER, WORSE, EQUAL, UNCLEAR = "better", "worse", "practically equal", "no clear difference"


@dataclass(frozen=True, eq=False)
class Pairs:
    """The replicates of a level and of the default, paired by seed.

    Attributes:
        values: of the level, [n].
        reference: of the default, [n]; [m] where they are no pairs.
        collapsed: which of the values are of replicates that collapsed, [n]; none by default.
        reference_collapsed: the same of the reference.
        paired: whether both have the same seeds; otherwise Welch's test takes the place of the paired ones.
    """

    values: Array
    reference: Array
    collapsed: Marks = field(default_factory=lambda: np.zeros(0, dtype=bool))
    reference_collapsed: Marks = field(default_factory=lambda: np.zeros(0, dtype=bool))
    paired: bool = True

    @property
    def learnt(self) -> Marks:
        """The pairs of which neither has collapsed, [n]."""
        learnt = np.ones(self.values.size, dtype=bool)
        for marks in (self.collapsed, self.reference_collapsed):
            learnt &= ~marks if marks.size else learnt
        return learnt


@dataclass(frozen=True)
class Comparison:
    """A level against the default.

    Attributes:
        difference: its interval is corrected for all comparisons of the table; None where no pair has learnt.
        adjusted_p: after Holm's correction over the table; None where there is no test.
        verdict: `BETTER`, `WORSE`, `EQUAL` or `UNCLEAR`; "" where none is given.
        reason: why none is given.
        shares: (collapsed, of) for the level and for the default; None where none collapsed.
        by_share: whether the verdict rests on the shares that collapsed.
        small: whether a difference that is shown lies within the margin.
        spread: the standard deviation that the interval is made with; None where it is not known.
        level: of the single test: the table's, divided by the number of tests.
        margin: within which a difference is none for practical purposes.
        overlap: see `analysis.statistics.intervals.error_factor`.
        p_value: before the table's correction; None where there is no test.
        paired: whether replicates were compared in pairs, rather than by Welch's test.
    """

    difference: Difference | None
    adjusted_p: float | None
    verdict: str
    reason: str = ""
    shares: tuple[tuple[int, int], tuple[int, int]] | None = None
    by_share: bool = False
    small: bool = False
    spread: float | None = None
    level: float = SIGNIFICANCE
    margin: float | None = None
    overlap: float = 0.0
    p_value: float | None = None
    paired: bool = True

    @property
    def smallest(self) -> float | None:
        """The smallest true difference that so many pairs show in 80% of cases; None where that is not known."""
        if self.difference is None or self.spread is None:
            return None
        return smallest_shown(self.spread, self.difference.n, self.level, overlap=self.overlap)

    @property
    def seeds(self) -> int | None:
        """How many seeds would settle what was seen in 80% of cases; None where it is settled, or not known."""
        if self.verdict != UNCLEAR or self.difference is None or self.spread is None or self.shares is not None:
            return None
        n, mean = self.difference.n, self.difference.mean
        return seeds_needed(mean, self.spread, self.level, margin=self.margin, overlap=self.overlap, above=n)


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


def default_margin(mean: float, *, rows: int | None, proportion: bool) -> float | None:
    """Within which difference two levels are practically equal, where a study declares no margin.

    It is what the size of the validation part leaves open: the half-width of the 95% interval of a proportion, or of an
    error that is the root of a mean square (mean / √(2 · rows); Kendall and Stuart, The Advanced Theory of Statistics,
    section 10.10). None where the number of rows is not known.

    Args:
        mean: of the default.
        rows: of the validation part.
        proportion: whether the metric is a percentage of rows.
    """
    if not rows:
        return None
    error = sqrt(binomial_variance(mean, rows)) if proportion else abs(mean) / sqrt(2 * rows)
    return float(ndtri(0.5 + CONFIDENCE / 2)) * error


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


def seeds_words(seeds: int) -> str:
    """Write how many seeds settle a difference: "41 seeds", or "more than 1,000 seeds"."""
    return f"{seeds} seeds" if seeds <= MOST_SEEDS else f"more than {MOST_SEEDS:,} seeds"


def outlook_words(found: Comparison | None, decimals: int) -> str:
    """Write what the seeds of an unclear difference could have shown, and how many would settle it: "0.8; 12 seeds"."""
    if found is None or found.verdict != UNCLEAR or found.smallest is None or found.seeds is None:
        return ""
    return f"{format_number(found.smallest, decimals)}; {seeds_words(found.seeds)}"


def comparison_words(found: Comparison, decimals: int, *, ends: bool = False, limits: Limits = None) -> str:
    """Write a comparison: "+0.50 ± 0.20, better", with the shares that collapsed where some did.

    With `ends` the interval is written by its ends; it is cut at the limits.
    """
    if found.reason:
        return "not compared"
    parts = (
        [] if found.difference is None else [format_difference(found.difference, decimals, ends=ends, limits=limits)]
    )
    if found.shares is not None:
        (count, n), (other, of) = found.shares
        parts = [f"{part} where both learnt" for part in parts]
        parts.insert(0 if found.by_share else len(parts), f"collapsed {count} of {n} against {other} of {of}")
    small = " by less than the margin" if found.small else ""
    return ", ".join([*parts, f"{found.verdict}{small}"])
