"""Replicates that collapsed: those that did not learn although others of the same configuration did.

The mean of a level of which some replicates collapsed says nothing. The share that collapsed with its exact interval
does, and the mean of the rest beside it.

What counts as collapsed follows from the accuracies of a table. Within a level, replicates lie in two clusters where
the widest gap between neighbours is larger than eight times their noise, and than a tenth of the way from the best
replicate to the chance level; those below the gap have collapsed. The noise is the larger of the binomial noise of the
validation part and the spread within the table's levels (the median absolute deviation from the level's median, which
a minority of collapsed replicates does not move; Rousseeuw and Croux, 1993). All replicates of a level have collapsed
where none is above the chance level by more than three times its binomial noise, while another level's is. A study may
declare a threshold instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.statistics.intervals import Estimate, estimate
from analysis.statistics.proportions import binomial_variance, share_interval

Array = NDArray[np.float64]
Marks = NDArray[np.bool_]
_GAP, _LOST, _AT_CHANCE = 8.0, 0.1, 3.0
# The noise of an accuracy on a validation part of unknown size is taken to be at least this many points.
_LEAST_NOISE = 1.0
# The median absolute deviation of a normal variable, times this, is its standard deviation.
_MAD = 1.4826


@dataclass(frozen=True)
class Collapse:
    """The replicates of a level of which some collapsed.

    Attributes:
        count: how many of n collapsed.
        low: lower end of the 95% interval of the share that collapses, 0 to 1.
        high: its upper end.
        rest: the mean of those that did not collapse; None where all did.
    """

    count: int
    n: int
    low: float
    high: float
    rest: Estimate | None

    @property
    def words(self) -> str:
        """The share that collapsed: "collapsed in 1 of 3 (1 to 91% of all seeds)"."""
        return f"collapsed in {self.count} of {self.n} ({100 * self.low:.0f} to {100 * self.high:.0f}% of all seeds)"


def collapse_of(values: Array, collapsed: Marks, *, rows: int | None = None) -> Collapse | None:
    """Describe a level of which some replicates collapsed; None where none did.

    Args:
        values: of the replicates, [n].
        collapsed: which of them collapsed, [n].
        rows: of which the values are proportions.
    """
    count, rest = int(collapsed.sum()), values[~collapsed]
    if not count:
        return None
    low, high = share_interval(count, values.size)
    return Collapse(count, values.size, low, high, estimate(rest, rows=rows) if rest.size else None)


def find_collapsed(
    levels: Sequence[Array], *, chance: float = 0.0, rows: int | None = None, below: float | None = None
) -> list[Marks]:
    """Mark the replicates of a table's levels that collapsed, [n] for each level.

    Args:
        levels: the accuracies of the replicates of each level, in percent, [n] each.
        chance: the accuracy of a guess.
        rows: of the validation part; None where that is not known.
        below: declared by the study: an accuracy below this has collapsed, and no other.
    """
    if below is not None:
        return [values < below for values in levels]
    spread = _typical_spread(levels)
    marks = [_below_gap(values, _noise(values, spread, rows), chance) for values in levels]
    at_chance = chance + _AT_CHANCE * (sqrt(binomial_variance(chance, rows)) if rows else _LEAST_NOISE)
    wholly = [bool(values.size) and float(values.max()) <= at_chance for values in levels]
    learnt = any(values.size and float(values.max()) > at_chance + _GAP * spread for values in levels)
    return [np.ones_like(mark) if learnt and whole else mark for mark, whole in zip(marks, wholly, strict=True)]


def no_normal_interval(accuracies: ArrayLike, *, collapsed: int = 0, rows: int | None = None) -> str:
    """Say why no normal interval describes the accuracies [n] of a level's replicates; "" where one does.

    The accuracy of a collapsed replicate is the share of one class, one of a few numbers; where some replicates learnt
    and others did not, accuracies lie in two groups. A mean ± interval describes neither.

    Args:
        accuracies: in percent, finite.
        collapsed: how many of the replicates predict one class only.
        rows: of the validation part; None where that is not known.
    """
    values = np.asarray(accuracies, dtype=np.float64)
    if values.size < 2 or not (np.ptp(values) > 0 if collapsed else find_collapsed([values], rows=rows)[0].any()):
        return ""
    return f"accuracies from {values.min():.2f} to {values.max():.2f}%, which no normal interval describes"


def _typical_spread(levels: Sequence[Array]) -> float:
    distances = [np.abs(values - np.median(values)) for values in levels if values.size]
    return _MAD * float(np.median(np.concatenate(distances))) if distances else 0.0


def _noise(values: Array, spread: float, rows: int | None) -> float:
    known = sqrt(binomial_variance(float(np.median(values)), rows)) if rows and values.size else _LEAST_NOISE
    return max(known, spread)


def _below_gap(values: Array, noise: float, chance: float) -> Marks:
    if values.size < 2:
        return np.zeros(values.size, dtype=bool)
    ordered = np.sort(values)
    gaps = np.diff(ordered)
    widest = int(gaps.argmax())
    if gaps[widest] <= max(_GAP * noise, _LOST * (ordered[-1] - chance)):
        return np.zeros(values.size, dtype=bool)
    return np.asarray(values <= ordered[widest])
