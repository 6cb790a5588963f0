"""The path of a staged study: what each stage gained."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import pandas as pd

from analysis.statistics.collapse import no_normal_interval
from analysis.statistics.intervals import (
    SIGNIFICANCE,
    Difference,
    Estimate,
    estimate,
    holm_of_known,
    paired_difference,
)
from analysis.statistics.words import ended_words

GAINED, LOST, NOT_SHOWN, KEPT, ENDED = "gained", "lost", "no clear difference", "kept", "not known"


@dataclass(frozen=True)
class Step:
    """What one stage changed, and what that gained; a gain is above 0 where the metric became better.

    Attributes:
        label: of the stage.
        chosen: what it settled on, in words; "" where it kept what it started from.
        before: the metric before the stage, the mean over the fresh seeds; None where a seed ended badly.
        after: the metric after it, over the fresh seeds; None where a seed ended badly.
        gain: over the fresh seeds, paired by seed; None where a seed ended badly before or after the stage.
        seen: the gain over the seeds that chose, paired by seed, which the choice flatters. None where it is not known,
            or a seed ended badly.
        ended: how many fresh seeds ended badly after the stage, or before it, in words; the reason for no gain.
        scatter: why no interval describes the metric after it, in words; "" where one does.
        adjusted_p: of a gain of zero, after Holm's correction over the stages that changed something; None where there
            is only one fresh seed, or nothing was changed.
        verdict: `GAINED` or `LOST` at the level of significance, else `NOT_SHOWN`; `KEPT` where nothing was changed;
            `ENDED` where there is no gain.
    """

    label: str
    chosen: str
    before: float | None
    after: Estimate | None
    gain: Difference | None
    seen: Difference | None
    ended: str = ""
    scatter: str = ""
    adjusted_p: float | None = None
    verdict: str = NOT_SHOWN


@dataclass(frozen=True)
class Waterfall:
    """The path of a staged study, over the fresh seeds.

    Attributes:
        label: of the start.
        start: the metric before the first stage; None where a fresh seed ended badly.
        steps: one for each stage that is known.
        total: what all steps together gained, paired by seed; None without a step, or where a seed ended badly.
        complete: whether all stages are known.
        n: the number of fresh seeds.
        left_out: fresh seeds that have not been run at every point; they are not used.
        ended: how many fresh seeds ended badly at the start, in words.
    """

    label: str
    start: Estimate | None
    steps: tuple[Step, ...]
    total: Difference | None
    complete: bool
    n: int
    left_out: tuple[int, ...]
    higher_is_better: bool
    ended: str = ""

    @property
    def end(self) -> Estimate | None:
        """The metric after the last step; None where a fresh seed ended badly."""
        return self.steps[-1].after if self.steps else self.start

    @property
    def level(self) -> float:
        """The first metric that is known, for its order of magnitude; 0 where there is none."""
        known = (point.mean for point in (self.start, *(step.after for step in self.steps)) if point is not None)
        return next(known, 0.0)


def waterfall(
    fresh: pd.DataFrame,
    choosing: pd.DataFrame,
    *,
    labels: Sequence[str],
    chosen: Sequence[str],
    higher_is_better: bool,
    unit: str = "",
    overlap: tuple[float, float] = (0.0, 0.0),
) -> Waterfall:
    """Follow the path as far as it is known: up to the first point at which no fresh seed was run.

    Where a fresh seed ended badly there is no mean, and no gain of the stages before and after it: the remaining seeds
    alone would flatter them.

    Args:
        fresh: a line for each point and fresh seed, with columns point (0 is the start), seed and value; a missing
            value is NaN or has no line. An optional column ended names how a seed ended badly ("diverged"); it is ""
            elsewhere.
        choosing: the same with the seeds that chose.
        labels: of the start and of each stage.
        chosen: what each stage that is known settled on, in words; "" where it kept what it started from.
        higher_is_better: the metric's direction.
        unit: of the metric.
        overlap: of the training parts of fresh seeds, and of those that chose; see `analysis.statistics.intervals`.

    Raises:
        ValueError: the start has no value with a fresh seed, or more is chosen than there are stages.
    """
    if len(chosen) >= len(labels):
        raise ValueError(f"chosen: {len(chosen)} for {len(labels) - 1} stages; give at most one for each stage")
    wide, ended, seen = _wide(fresh), _endings(fresh), _wide(choosing).mask(_endings(choosing) != "", inf)
    has_run = wide.notna() | (ended != "")
    known, used = _known_points(has_run, labels, len(chosen))
    values = [None if (ended.loc[used, point] != "").any() else wide.loc[used, point] for point in known]
    words = [ended_words(ended.loc[used, point]) for point in known]
    sign = 1.0 if higher_is_better else -1.0
    steps = [
        Step(
            label=labels[point],
            chosen=chosen[point - 1],
            before=None if before is None else float(before.mean()),
            after=None if after is None else estimate(after, overlap=overlap[0]),
            gain=_gain(before, after, sign, overlap[0]),
            seen=_seen(seen, point, sign, overlap[1]),
            scatter="" if after is None or unit != "%" else no_normal_interval(after),
            ended=words[point] or (f"before it, {words[point - 1]}" if words[point - 1] else ""),
        )
        for point, before, after in zip(known[1:], values, values[1:], strict=False)
    ]
    return Waterfall(
        label=labels[0],
        start=None if values[0] is None else estimate(values[0], overlap=overlap[0]),
        steps=tuple(_judged(steps)),
        total=_gain(values[0], values[-1], sign, overlap[0]) if steps else None,
        complete=len(known) == len(labels),
        n=len(used),
        left_out=tuple(int(seed) for seed in has_run.index.difference(used)),
        higher_is_better=higher_is_better,
        ended=words[0],
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


def _endings(frame: pd.DataFrame) -> pd.DataFrame:
    """How each seed ended badly at each point; "" where it ended well."""
    return (
        frame.assign(ended=frame.get("ended", ""))
        .pivot(index="seed", columns="point", values="ended")
        .fillna("")
        .sort_index()
    )


def _gain(
    before: "pd.Series[float] | None", after: "pd.Series[float] | None", sign: float, overlap: float
) -> Difference | None:
    if before is None or after is None:
        return None
    return paired_difference(sign * after, sign * before, overlap=overlap)


def _seen(wide: pd.DataFrame, point: int, sign: float, overlap: float) -> Difference | None:
    """The gain over the seeds that chose; a value is infinite where a seed ended badly."""
    if point not in wide or point - 1 not in wide:
        return None
    pairs = wide[[point - 1, point]].dropna()
    if pairs.empty or not np.isfinite(pairs).all(axis=None):
        return None
    return paired_difference(sign * pairs[point], sign * pairs[point - 1], overlap=overlap)


def _judged(steps: Sequence[Step]) -> list[Step]:
    """Add p values, corrected over the steps that changed something, and verdicts."""
    adjusted = holm_of_known([step.gain.p_value if step.chosen and step.gain is not None else None for step in steps])
    return [
        replace(step, adjusted_p=p_value, verdict=_verdict(step, p_value))
        for step, p_value in zip(steps, adjusted, strict=True)
    ]


def _verdict(step: Step, adjusted_p: float | None) -> str:
    if step.gain is None:
        return ENDED
    if not step.chosen:
        return KEPT
    if adjusted_p is None or adjusted_p > SIGNIFICANCE:
        return NOT_SHOWN
    return GAINED if step.gain.mean > 0 else LOST
