"""Does the effect of one change depend on another? A 2×2 factorial, replicated and paired by seed.

The contrast of a seed is the gain of the first change with the second made, minus its gain without it. It has a
paired t interval and a paired t test, with Holm's correction over all pairs of changes that are tested. Where a
replicate of a cell ended badly, the cell has no mean, since the remaining replicates alone would flatter it; a contrast
that needs this cell is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.statistics.intervals import (
    SIGNIFICANCE,
    Difference,
    Estimate,
    estimate,
    holm_of_known,
    no_normal_interval,
    paired_difference,
)
from analysis.statistics.words import ended_words, format_difference
from analysis.text import difference_unit, p_text
from tune_jobs.words import counted, signed

DEPENDS, NOT_SHOWN, ENDED = "it depends", "no dependence is shown", "not known"
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
        cells: the metric's mean by (first made, second made), 0 or 1 each; None where a replicate ended badly.
        without: the gain of the first change without the second, paired by seed; None where a cell has no mean.
        beside: its gain with the second made.
        contrast: `beside` minus `without`, seed by seed.
        unit: of the metric.
        ended: which cells ended badly, in words; "" where none did.
        scatter: which cells no normal interval describes, in words; "" where all have one.
        n: the number of seeds.
        left_out: seeds that have not been run in every cell; they are not used.
        adjusted_p: of a contrast of zero, after Holm's correction; None where it is not known.
        verdict: `DEPENDS` at the level of significance, else `NOT_SHOWN`; `ENDED` without a contrast.
    """

    first: Change
    second: Change
    cells: dict[tuple[int, int], Estimate | None]
    without: Difference | None
    beside: Difference | None
    contrast: Difference | None
    unit: str
    ended: str
    scatter: str
    n: int
    left_out: tuple[int, ...]
    adjusted_p: float | None = None
    verdict: str = NOT_SHOWN


def interaction(
    replicates: pd.DataFrame,
    first: Change,
    second: Change,
    *,
    higher_is_better: bool,
    unit: str = "",
    overlap: float = 0.0,
) -> Interaction:
    """Measure how two changes interact, before the correction over several pairs; see `judged`.

    Args:
        replicates: a line for each cell and seed, with columns first and second (0 before the change, 1 after it), seed
            and value; a missing value is NaN or has no line. An optional column ended names how a seed ended badly
            ("diverged"); it is "" elsewhere.
        first: the change whose gain is compared.
        second: the change that it may depend on.
        higher_is_better: the metric's direction.
        unit: of the metric.
        overlap: of the training parts; see `analysis.statistics.intervals`.

    Raises:
        ValueError: no seed was run in all four cells, or a seed has two lines in one.
    """
    frame = replicates.assign(ended=replicates.get("ended", ""), cell=_cell_numbers(replicates))
    if frame.duplicated(["cell", "seed"]).any():
        raise ValueError("replicates: a seed has two lines in one cell; give one for each cell and seed")
    values = frame.pivot(index="seed", columns="cell", values="value").reindex(columns=range(4)).astype(float)
    endings = (
        frame.pivot(index="seed", columns="cell", values="ended").reindex(columns=range(4)).astype(object).fillna("")
    )
    has_run = (values.notna() | (endings != "")).all(axis=1)
    used = values.index[has_run]
    if used.empty:
        raise ValueError("replicates: no seed was run in all four cells; give at least one that was")
    words = [ended_words(endings.loc[used, number]) for number in range(4)]
    whole = [None if ended else values.loc[used, number].to_numpy() for number, ended in enumerate(words)]
    sign = 1.0 if higher_is_better else -1.0
    gains = [None if a is None or b is None else sign * (b - a) for a, b in (whole[:2], whole[2:])]
    without, beside = (
        None if gain is None else paired_difference(gain, np.zeros_like(gain), overlap=overlap) for gain in gains
    )
    contrast = None
    if gains[0] is not None and gains[1] is not None:
        contrast = paired_difference(gains[1], gains[0], overlap=overlap)
    named = [_cell_words(first, second, cell) for cell in _CELLS]
    return Interaction(
        first=first,
        second=second,
        cells={
            cell: None if found is None else estimate(found, overlap=overlap)
            for cell, found in zip(_CELLS, whole, strict=True)
        },
        without=without,
        beside=beside,
        contrast=contrast,
        unit=unit,
        ended="; ".join(f"{name} {ended}" for name, ended in zip(named, words, strict=True) if ended),
        scatter=_scatter(named, whole) if unit == "%" else "",
        n=len(used),
        left_out=tuple(int(seed) for seed in values.index.difference(used)),
        verdict=NOT_SHOWN if contrast is not None else ENDED,
    )


def judged(found: Sequence[Interaction]) -> list[Interaction]:
    """Add p values, after Holm's correction over all interactions that have one, and verdicts."""
    adjusted = holm_of_known([None if pair.contrast is None else pair.contrast.p_value for pair in found])
    return [
        pair
        if p_value is None
        else replace(pair, adjusted_p=p_value, verdict=DEPENDS if p_value <= SIGNIFICANCE else NOT_SHOWN)
        for pair, p_value in zip(found, adjusted, strict=True)
    ]


def interaction_words(found: Interaction, *, decimals: int = 2) -> str:
    """Say in a sentence what two changes do together."""
    first, second, unit = found.first, found.second, difference_unit(found.unit)
    gains = ", ".join(
        f"{_gain_words(gain, decimals)}{f' {unit}' * (gain is not None and bool(unit))} with `{second.name} {level}`"
        for gain, level in ((found.beside, second.after), (found.without, second.before))
    )
    text = f"the gain of `{first.name} {first.after}` over `{first.before}` is {gains}"
    if found.contrast is None:
        return (
            f"{text}: {found.verdict} whether it depends, since the remaining seeds alone would flatter ({found.ended})"
        )
    p_value = "" if found.adjusted_p is None else f", {p_text(found.adjusted_p)}"
    text += f"; they differ by {_gain_words(found.contrast, decimals)} {unit}".rstrip()
    scatter = f" ({found.scatter})" if found.scatter else ""
    return f"{text} ({counted(found.n, 'seed')}{p_value}): {found.verdict}{scatter}"


def _cell_numbers(replicates: pd.DataFrame) -> "pd.Series[int]":
    levels = replicates[["first", "second"]]
    if not levels.isin([0, 1]).all(axis=None):
        raise ValueError("replicates: first and second are 0 before the change and 1 after it; give no other value")
    return levels["first"].astype(int) + 2 * levels["second"].astype(int)


def _cell_words(first: Change, second: Change, cell: tuple[int, int]) -> str:
    settings = (f"`{c.name} {c.after if made else c.before}`" for c, made in zip((first, second), cell, strict=True))
    return " with ".join(settings)


def _scatter(named: Sequence[str], whole: Sequence[np.ndarray | None]) -> str:
    cells = zip(named, whole, strict=True)
    words = ((name, no_normal_interval(values)) for name, values in cells if values is not None)
    return "; ".join(f"{name}: {scatter}" for name, scatter in words if scatter)


def _gain_words(gain: Difference | None, decimals: int) -> str:
    if gain is None:
        return "not known"
    if gain.half_width is not None:
        return format_difference(gain, decimals)
    return f"{signed(gain.mean, decimals)} ({'in every pair' if gain.n > 1 else 'one seed, no interval'})"
