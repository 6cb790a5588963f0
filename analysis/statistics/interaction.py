"""Does the effect of one change depend on another? A 2×2 factorial, replicated and paired by seed.

The contrast of a seed is the gain of the first change with the second made, minus its gain without it. All contrasts of
a report are judged together as the levels of a table are (`analysis.statistics.comparisons`): by two t tests, or the
exact sign test where few distinct values occur, with one chance of error and intervals that agree.

Where a replicate of a cell ended badly, the cell has no mean, since the remaining replicates alone would flatter it; a
contrast that needs this cell is not known. Seeds that collapsed in any cell are left out of gains and contrasts, which
are then about seeds that learn: a share that collapses has no contrast.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from analysis.statistics.collapse import collapse_of
from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE, Comparison, Pairs
from analysis.statistics.intervals import Difference, Estimate, paired_difference
from analysis.statistics.measure import Array, Measure, by_seed
from analysis.statistics.words import ended_words, format_difference
from analysis.text import difference_unit, p_text
from tune_jobs.words import counted, signed

# Beside `EQUAL` and `UNCLEAR` of comparisons.
DEPENDS, UNKNOWN = "it depends", "not known"
_CELLS = ((0, 0), (1, 0), (0, 1), (1, 1))


@dataclass(frozen=True)
class Change:
    """One factor of the 2×2: a field with its setting before and after the change, in words."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Interaction:
    """What two changes do alone and together; a gain is above 0 where the metric became better.

    Attributes:
        first: the change whose gain is compared.
        second: the change that it may depend on.
        cells: the metric's mean by (first made, second made), 0 or 1 each, over seeds that did not collapse there; None
            where a replicate ended badly.
        without: the gain of the first change without the second, paired by seed, with its plain interval; None where it
            is not known.
        beside: its gain with the second made.
        contrast: `beside` minus `without`, seed by seed; of `judged`, with an interval that is corrected for all pairs.
        unit: of the metric.
        ended: which cells ended badly, in words; "" where none did.
        collapse: in which cells seeds collapsed, in words; "" where none did.
        n: the number of seeds.
        left_out: seeds that have not been run in every cell; they are not used.
        comparison: of a contrast of zero; None before `judged`, and where there is none.
    """

    first: Change
    second: Change
    cells: dict[tuple[int, int], Estimate | None]
    without: Difference | None
    beside: Difference | None
    contrast: Difference | None
    unit: str
    ended: str
    collapse: str
    n: int
    left_out: tuple[int, ...]
    comparison: Comparison | None = None
    pairs: Pairs | None = field(default=None, repr=False, compare=False)

    @property
    def adjusted_p(self) -> float | None:
        """After the correction over all pairs; None where there is no test."""
        return None if self.comparison is None else self.comparison.adjusted_p

    @property
    def verdict(self) -> str:
        """`DEPENDS`, `EQUAL` where both gains are practically equal, `UNCLEAR`, or `UNKNOWN` without a contrast."""
        if self.contrast is None:
            return UNKNOWN
        verdict = UNCLEAR if self.comparison is None else self.comparison.verdict
        return DEPENDS if verdict in (BETTER, WORSE) else EQUAL if verdict == EQUAL else UNCLEAR


def interaction(replicates: pd.DataFrame, first: Change, second: Change, measure: Measure) -> Interaction:
    """Measure how two changes interact, before several pairs are judged together; see `judged`.

    Args:
        replicates: a line for each cell and seed, with columns first and second (0 before the change, 1 after it), seed
            and value; a missing value is NaN or has no line. An optional column ended names how a seed ended badly
            ("diverged"); it is "" elsewhere. An optional column one_class marks those that predict one class only.
        first: the change whose gain is compared.
        second: the change that it may depend on.
        measure: of the values.

    Raises:
        ValueError: no seed was run in all four cells, or a seed has two lines in one.
    """
    frame = replicates.assign(cell=_cell_numbers(replicates))
    if frame.duplicated(["cell", "seed"]).any():
        raise ValueError("replicates: a seed has two lines in one cell; give one for each cell and seed")
    values = frame.pivot(index="seed", columns="cell", values="value").reindex(columns=range(4)).astype(float)
    endings = by_seed(frame, "cell", "ended", "").reindex(columns=range(4), fill_value="")
    one_class = by_seed(frame, "cell", "one_class", False).reindex(columns=range(4), fill_value=False)
    used = values.index[(values.notna() | (endings != "")).all(axis=1)]
    if used.empty:
        raise ValueError("replicates: no seed was run in all four cells; give at least one that was")
    words = [ended_words(endings.loc[used, number]) for number in range(4)]
    whole = [None if ended else values.loc[used, number].to_numpy() for number, ended in enumerate(words)]
    found = iter(measure.collapsed([cell for cell in whole if cell is not None]))
    lost = [
        np.zeros(len(used), dtype=bool) if cell is None else next(found) | one_class.loc[used, number].to_numpy(bool)
        for number, cell in enumerate(whole)
    ]
    learnt = ~np.any(lost, axis=0)
    kept = [None if cell is None or not learnt.any() else cell[learnt] for cell in whole]
    pairs = _contrast(kept, measure)
    named = [_cell_words(first, second, cell) for cell in _CELLS]
    return Interaction(
        first=first,
        second=second,
        cells={
            cell: None if own is None else measure.estimate(own, marks)
            for cell, own, marks in zip(_CELLS, whole, lost, strict=True)
        },
        without=_gain(kept[1], kept[0], measure),
        beside=_gain(kept[3], kept[2], measure),
        contrast=None if pairs is None else paired_difference(pairs.values, pairs.reference, overlap=measure.overlap),
        unit=measure.unit,
        ended="; ".join(f"{name} {ended}" for name, ended in zip(named, words, strict=True) if ended),
        collapse=_collapse_words(named, whole, lost),
        n=len(used),
        left_out=tuple(int(seed) for seed in values.index.difference(used)),
        pairs=pairs,
    )


def judged(found: Sequence[Interaction], measure: Measure) -> list[Interaction]:
    """Judge the contrasts of several pairs of changes together, with one chance of error."""
    tested = [pair.pairs for pair in found if pair.pairs is not None]
    means = [cell.mean for pair in found for cell in pair.cells.values() if cell is not None]
    comparisons = iter(measure.judge(tested, mean=means[0] if means else 0.0))
    return [pair if pair.pairs is None else _with(pair, next(comparisons)) for pair in found]


def interaction_words(found: Interaction, *, decimals: int = 2) -> str:
    """Say in a sentence what two changes do together."""
    first, second, unit = found.first, found.second, difference_unit(found.unit)
    gains = ", ".join(
        f"{_gain_words(gain, decimals)}{f' {unit}' * (gain is not None and bool(unit))} with `{second.name} {level}`"
        for gain, level in ((found.beside, second.after), (found.without, second.before))
    )
    text = f"the gain of `{first.name} {first.after}` over `{first.before}` is {gains}"
    if found.contrast is None:
        why = f"the remaining seeds alone would flatter ({found.ended})" if found.ended else found.collapse
        return f"{text}: {found.verdict} whether it depends, since {why}"
    p_value = "" if found.adjusted_p is None else f", {p_text(found.adjusted_p)}"
    text += f"; they differ by {_gain_words(found.contrast, decimals)} {unit}".rstrip()
    collapse = f" ({found.collapse}; gains are those of seeds that learnt everywhere)" if found.collapse else ""
    return f"{text} ({counted(found.n, 'seed')}{p_value}): {found.verdict}{collapse}"


def _cell_numbers(replicates: pd.DataFrame) -> "pd.Series[int]":
    levels = replicates[["first", "second"]]
    if not levels.isin([0, 1]).all(axis=None):
        raise ValueError("replicates: first and second are 0 before the change and 1 after it; give no other value")
    return levels["first"].astype(int) + 2 * levels["second"].astype(int)


def _cell_words(first: Change, second: Change, cell: tuple[int, int]) -> str:
    settings = (f"`{c.name} {c.after if made else c.before}`" for c, made in zip((first, second), cell, strict=True))
    return " with ".join(settings)


def _gain(after: Array | None, before: Array | None, measure: Measure) -> Difference | None:
    if after is None or before is None:
        return None
    return paired_difference(measure.sign * after, measure.sign * before, overlap=measure.overlap)


def _contrast(cells: Sequence[Array | None], measure: Measure) -> Pairs | None:
    """The contrast as pairs: both changes made and none, against one of them; their difference is beside - without."""
    neither, one, other, both = cells
    if neither is None or one is None or other is None or both is None:
        return None
    return measure.gain(both + neither, one + other)


def _with(pair: Interaction, comparison: Comparison) -> Interaction:
    return replace(pair, contrast=comparison.difference, comparison=comparison)


def _collapse_words(named: Sequence[str], whole: Sequence[Array | None], lost: Sequence[np.ndarray]) -> str:
    cells = zip(named, whole, lost, strict=True)
    found = ((name, collapse_of(values, marks)) for name, values, marks in cells if values is not None)
    return "; ".join(f"{name} {collapse.words}" for name, collapse in found if collapse is not None)


def _gain_words(gain: Difference | None, decimals: int) -> str:
    if gain is None:
        return "not known"
    if gain.half_width is not None:
        return format_difference(gain, decimals)
    return f"{signed(gain.mean, decimals)} ({'in every pair' if gain.n > 1 else 'one seed, no interval'})"
