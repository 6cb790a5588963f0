"""The path of a staged study: what each stage gained, judged as the levels of a table are.

Gains are paired by seed over fresh seeds. Those of the stages that changed something share one chance of error
(`analysis.statistics.comparisons`); the whole path is a comparison of its own. Points that are read at different kinds
of epoch are not compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf

import numpy as np
import pandas as pd

from analysis.statistics.comparisons import Comparison, Pairs
from analysis.statistics.intervals import Difference, Estimate, paired_difference
from analysis.statistics.measure import Array, Measure, by_seed, collapse_words
from analysis.statistics.words import ended_words

# Beside the verdicts of `analysis.statistics.comparisons`.
KEPT, UNKNOWN = "kept", "not known"


@dataclass(frozen=True)
class Step:
    """What one stage changed, and what that gained; a gain is above 0 where the metric became better.

    Attributes:
        label: of the stage.
        chosen: what it settled on, in words; "" where it kept what it started from.
        before: the metric before the stage, the mean over the fresh seeds; None where a seed ended badly.
        after: the metric after it, over the fresh seeds; None where a seed ended badly. Where some seeds collapsed,
            both are those of the rest.
        gain: over the fresh seeds, paired by seed, with an interval that is corrected for the stages that changed
            something. None where a seed ended badly before or after the stage, where none learnt both times, or where
            both are read differently.
        seen: the gain over the seeds that chose, paired by seed, which the choice flatters. None where it is not known,
            or a seed ended badly.
        comparison: of the stage; None where it changed nothing, or has no gain.
        ended: how many fresh seeds ended badly after the stage, or before it, in words; the reason for no gain.
        unlike: why both are not compared, in words; "" where they are read at the same kind of epoch.
    """

    label: str
    chosen: str
    before: float | None
    after: Estimate | None
    gain: Difference | None
    seen: Difference | None
    comparison: Comparison | None = None
    ended: str = ""
    unlike: str = ""

    @property
    def adjusted_p(self) -> float | None:
        """Of a gain of zero, after Holm's correction; None where there is no test."""
        return None if self.comparison is None else self.comparison.adjusted_p

    @property
    def verdict(self) -> str:
        """One of the verdicts of comparisons; `KEPT` where nothing was changed; `UNKNOWN` without a gain."""
        if self.comparison is not None:
            return self.comparison.verdict
        return KEPT if self.gain is not None and not self.chosen else UNKNOWN

    @property
    def missing(self) -> str:
        """Why there is no gain, in words; "" where there is one."""
        return self.ended or self.unlike

    @property
    def collapse(self) -> str:
        """How many seeds collapsed after the stage and before it, in words; "" where none did."""
        return collapse_words(self.comparison)


@dataclass(frozen=True)
class Waterfall:
    """The path of a staged study, over the fresh seeds.

    Attributes:
        label: of the start.
        start: the metric before the first stage; None where a fresh seed ended badly.
        steps: one for each stage that is known.
        whole: what all steps together gained, a comparison of its own; None without a step, where a seed ended badly,
            or where start and end are read differently.
        complete: whether all stages are known.
        n: the number of fresh seeds.
        left_out: fresh seeds that have not been run at every point; they are not used.
        margin: within which a gain is none for practical purposes; None where that is not known.
        ended: how many fresh seeds ended badly at the start, in words.
    """

    label: str
    start: Estimate | None
    steps: tuple[Step, ...]
    whole: Comparison | None
    complete: bool
    n: int
    left_out: tuple[int, ...]
    higher_is_better: bool
    margin: float | None = None
    ended: str = ""

    @property
    def total(self) -> Difference | None:
        """What all steps together gained, with the interval of a single comparison; None where that is not known."""
        return None if self.whole is None else self.whole.difference

    @property
    def end(self) -> Estimate | None:
        """The metric after the last step; None where a fresh seed ended badly."""
        return self.steps[-1].after if self.steps else self.start

    @property
    def level(self) -> float:
        """The first metric that is known, for its order of magnitude; 0 where there is none."""
        known = (point.mean for point in (self.start, *(step.after for step in self.steps)) if point is not None)
        return next(known, 0.0)


@dataclass(frozen=True)
class _Point:
    """A point of the path over the fresh seeds.

    Attributes:
        values: [n]; None where a seed ended badly.
        lost: which of them collapsed, [n].
        ended: how many ended badly, in words.
        read: the kind of epoch that it shows, in words.
    """

    values: Array | None
    lost: np.ndarray
    ended: str
    read: str

    def estimate(self, measure: Measure) -> Estimate | None:
        return None if self.values is None else measure.estimate(self.values, self.lost)

    def gain_over(self, before: "_Point", measure: Measure) -> Pairs | None:
        """None where a seed ended badly, or where both are read differently."""
        if self.values is None or before.values is None or self.read != before.read:
            return None
        return measure.gain(self.values, before.values, self.lost, before.lost)


def waterfall(
    fresh: pd.DataFrame,
    choosing: pd.DataFrame,
    *,
    labels: Sequence[str],
    chosen: Sequence[str],
    measure: Measure,
    reads: Sequence[str] = (),
    choosing_overlap: float = 0.0,
) -> Waterfall:
    """Follow the path as far as it is known: up to the first point at which no fresh seed was run.

    Where a fresh seed ended badly there is no mean, and no gain of the stages before and after it: the remaining seeds
    alone would flatter them.

    Args:
        fresh: a line for each point and fresh seed, with columns point (0 is the start), seed and value; a missing
            value is NaN or has no line. An optional column ended names how a seed ended badly ("diverged"); it is ""
            elsewhere. An optional column one_class marks those that predict one class only, and so collapsed.
        choosing: the same with the seeds that chose.
        labels: of the start and of each stage.
        chosen: what each stage that is known settled on, in words; "" where it kept what it started from.
        measure: of the values; its overlap is that of fresh seeds.
        reads: the kind of epoch that each point shows, in words; empty where all show the same.
        choosing_overlap: of the training parts of the seeds that chose.

    Raises:
        ValueError: the start has no value with a fresh seed, or more is chosen than there are stages.
    """
    if len(chosen) >= len(labels):
        raise ValueError(f"chosen: {len(chosen)} for {len(labels) - 1} stages; give at most one for each stage")
    wide, ended, seen = _wide(fresh), by_seed(fresh, "point", "ended", ""), _wide(choosing)
    seen = seen.mask(by_seed(choosing, "point", "ended", "") != "", inf)
    has_run = wide.notna() | (ended != "")
    known, used = _known_points(has_run, labels, len(chosen))
    one_class = by_seed(fresh, "point", "one_class", False)
    points = _points(wide.loc[used, known], ended.loc[used, known], one_class.loc[used, known], measure, reads)
    steps = [
        Step(
            label=labels[place],
            chosen=chosen[place - 1],
            before=_mean(points[place - 1].estimate(measure)),
            after=points[place].estimate(measure),
            gain=None,
            seen=_seen(seen, place, measure.sign, choosing_overlap),
            ended=points[place].ended or (f"before it, {points[place - 1].ended}" if points[place - 1].ended else ""),
            unlike=_unlike(points[place - 1], points[place]),
        )
        for place in known[1:]
    ]
    start = points[0].estimate(measure)
    mean = next((found.mean for point in points if (found := point.estimate(measure)) is not None), 0.0)
    pairs = [after.gain_over(before, measure) for before, after in pairwise(points)]
    return Waterfall(
        label=labels[0],
        start=start,
        steps=tuple(_judged(steps, pairs, measure, mean)),
        whole=_whole(points, pairs, measure, mean),
        complete=len(known) == len(labels),
        n=len(used),
        left_out=tuple(int(seed) for seed in has_run.index.difference(used)),
        higher_is_better=measure.higher_is_better,
        margin=measure.margin_at(mean),
        ended=points[0].ended,
    )


def _known_points(has_run: pd.DataFrame, labels: Sequence[str], stages: int) -> tuple[list[int], pd.Index]:
    """The points that are known, and the fresh seeds that have run at all of them."""
    count = 0
    while count <= stages and count in has_run and bool(has_run[count].any()):
        count += 1
    if count == 0:
        raise ValueError(f"fresh: has no value at point 0, {labels[0]}; give at least one")
    known = list(range(count))
    used = has_run.index[has_run[known].all(axis=1)]
    if used.empty:
        raise ValueError("fresh: no seed has a value at every point; give at least one that has")
    return known, used


def _wide(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.pivot(index="seed", columns="point", values="value").astype(float).sort_index()


def _points(
    values: pd.DataFrame, ended: pd.DataFrame, one_class: pd.DataFrame, measure: Measure, reads: Sequence[str]
) -> list[_Point]:
    words = [ended_words(ended[point]) for point in values]
    whole = [None if bad else values[point].to_numpy() for point, bad in zip(values, words, strict=True)]
    marks = iter(measure.collapsed([found for found in whole if found is not None]))
    return [
        _Point(
            found,
            np.zeros(len(values), dtype=bool) if found is None else next(marks) | one_class[point].to_numpy(),
            bad,
            reads[place] if reads else "",
        )
        for place, (point, found, bad) in enumerate(zip(values, whole, words, strict=True))
    ]


def _mean(found: Estimate | None) -> float | None:
    return None if found is None else found.mean


def _unlike(before: _Point, after: _Point) -> str:
    return "" if before.read == after.read else f"not compared: it shows {after.read}, and before it {before.read}"


def _seen(wide: pd.DataFrame, point: int, sign: float, overlap: float) -> Difference | None:
    """The gain over the seeds that chose; a value is infinite where a seed ended badly."""
    if point not in wide or point - 1 not in wide:
        return None
    pairs = wide[[point - 1, point]].dropna()
    if pairs.empty or not np.isfinite(pairs).all(axis=None):
        return None
    return paired_difference(sign * pairs[point], sign * pairs[point - 1], overlap=overlap)


def _judged(steps: Sequence[Step], pairs: Sequence[Pairs | None], measure: Measure, mean: float) -> list[Step]:
    """Compare the steps that changed something with what was before them, as one family."""
    tested = [pair for step, pair in zip(steps, pairs, strict=True) if step.chosen and pair is not None]
    found = iter(measure.judge(tested, mean=mean))
    judged = []
    for step, pair in zip(steps, pairs, strict=True):
        if pair is None:
            judged.append(step)
        elif not step.chosen:
            judged.append(replace(step, gain=paired_difference(pair.values, pair.reference, overlap=measure.overlap)))
        else:
            comparison = next(found)
            judged.append(replace(step, gain=comparison.difference, comparison=comparison))
    return judged


def _whole(points: Sequence[_Point], pairs: Sequence[Pairs | None], measure: Measure, mean: float) -> Comparison | None:
    """Compare the end with the start; the steps tell how far gains spread."""
    pair = points[-1].gain_over(points[0], measure) if len(points) > 1 else None
    if pair is None:
        return None
    return measure.judge([pair], mean=mean, settled=[one for one in pairs if one is not None])[0]
