"""A level of a table compared with the default: the replicates, what was found, and how that is written in words."""

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from analysis.statistics.intervals import CONFIDENCE, SIGNIFICANCE, Difference
from analysis.statistics.power import MOST_SEEDS, seeds_needed, smallest_shown
from analysis.statistics.proportions import binomial_variance
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
    return ", ".join(part for part in comparison_parts(found, decimals, ends=ends, limits=limits) if part)


def comparison_parts(found: Comparison, decimals: int, *, ends: bool = False, limits: Limits = None) -> tuple[str, str]:
    """Write the numbers of a comparison, and its verdict; see `comparison_words`."""
    if found.reason:
        return "", "not compared"
    parts = (
        [] if found.difference is None else [format_difference(found.difference, decimals, ends=ends, limits=limits)]
    )
    if found.shares is not None:
        (count, n), (other, of) = found.shares
        parts = [f"{part} where both learnt" for part in parts]
        parts.insert(0 if found.by_share else len(parts), f"collapsed {count} of {n} against {other} of {of}")
    return ", ".join(parts), f"{found.verdict}{' by less than the margin' if found.small else ''}"
