"""Differences that stand outside of tables, judged as those of tables are: the steps of a path, and factorials."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.collapse import Marks, find_collapsed
from analysis.statistics.comparisons import Comparison, Pairs, default_margin
from analysis.statistics.intervals import Estimate, estimate
from analysis.statistics.table_tests import compare

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """What is measured, and on which rows.

    Attributes:
        higher_is_better: the metric's direction.
        unit: of the metric.
        accuracy: whether the metric is a share of rows.
        rows: of the validation part; None where the metric is neither a share of them nor the root of their mean
            square, or where their number is not known.
        chance: the accuracy of a guess.
        collapsed_below: declared by the study; see `analysis.statistics.collapse.find_collapsed`.
        margin: declared by the study, in the metric's unit.
        overlap: see `analysis.statistics.intervals.error_factor`.
    """

    higher_is_better: bool
    unit: str = ""
    accuracy: bool = False
    rows: int | None = None
    chance: float = 0.0
    collapsed_below: float | None = None
    margin: float | None = None
    overlap: float = 0.0

    @property
    def sign(self) -> float:
        """Turns a value into one of which higher is better."""
        return 1.0 if self.higher_is_better else -1.0

    def margin_at(self, mean: float) -> float | None:
        """Within which gain two configurations are practically equal, where one of them reaches this mean."""
        if self.margin is not None:
            return self.margin
        return default_margin(mean, rows=self.rows, proportion=self.accuracy)

    def collapsed(self, levels: Sequence[Array]) -> list[Marks]:
        """Mark the replicates that collapsed, [n] for each level; none where the metric is no accuracy."""
        if not self.accuracy:
            return [np.zeros(values.size, dtype=bool) for values in levels]
        return find_collapsed(levels, chance=self.chance, rows=self.rows, below=self.collapsed_below)

    def estimate(self, values: Array, collapsed: Marks) -> Estimate:
        """The mean of the replicates that did not collapse; of all of them where all did."""
        rest = values if collapsed.all() else values[~collapsed]
        return estimate(rest, rows=self.rows if self.accuracy else None, overlap=self.overlap)

    def gain(self, after: Array, before: Array, lost: Marks | None = None, lost_before: Marks | None = None) -> Pairs:
        """Pair the values after a change with those before it; their difference is above 0 where it is better."""
        none = np.zeros(after.size, dtype=bool)
        return Pairs(
            self.sign * after,
            self.sign * before,
            none if lost is None else lost,
            none if lost_before is None else lost_before,
        )

    def judge(self, gains: Sequence[Pairs], *, mean: float, settled: Sequence[Pairs] = ()) -> list[Comparison]:
        """Compare as the levels of a table are, with one chance of error for all gains together.

        Args:
            gains: of `gain`.
            mean: of what the changes start from, for the margin.
            settled: gains that are not judged here, but tell how far those of a typical change spread.
        """
        step = 100 / self.rows if self.accuracy and self.rows else 0.0
        margin = self.margin_at(mean)
        return compare(gains, higher_is_better=True, step=step, margin=margin, overlap=self.overlap, settled=settled)


def by_seed(frame: pd.DataFrame, column: str, name: str, otherwise: str | bool) -> pd.DataFrame:
    """An optional column of a long frame by seed, wide over another; with another value where it is missing."""
    values = frame[name] if name in frame else pd.Series(otherwise, index=frame.index)
    wide = frame.assign(**{name: values.astype(object)}).pivot(index="seed", columns=column, values=name)
    return wide.fillna(otherwise).astype(type(otherwise)).sort_index()


def collapse_words(found: Comparison | None) -> str:
    """Say how many replicates collapsed after a change and before it; "" where none did."""
    if found is None or found.shares is None:
        return ""
    (count, n), (other, of) = found.shares
    rest = "" if found.difference is None else "; the gain is that of seeds that learnt both times"
    return f"collapsed in {count} of {n}, before in {other} of {of}{rest}"
