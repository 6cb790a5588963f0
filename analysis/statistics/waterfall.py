"""The path of a staged study: what each stage gained, as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

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

GAINED, LOST, NOT_SHOWN, KEPT, ENDED = "gained", "lost", "not shown", "kept", "not known"


@dataclass(frozen=True)
class Step:
    """What one stage changed, and what that gained; gains are above 0 where the metric became better.

    Attributes:
        label: of the stage.
        chosen: what it settled on, in words; "" where it kept what it started from.
        before: the metric before the stage, the mean over the fresh seeds; None where one of them ended badly.
        after: the metric after it, over the fresh seeds; None where one of them ended badly.
        gain: over the fresh seeds, paired by seed; None where one ended badly before or after the stage.
        seen: over the seeds that chose, paired by seed: the choice flatters it. None where they are not known, or where
            one ended badly.
        ended: how many fresh seeds ended badly after the stage, or before it, in words: why there is no gain.
        scatter: why no interval describes the metric after it, in words; "" where one does.
        adjusted_p: of the gain being zero, after Holm's correction over the stages that changed something; None
            where there is one fresh seed only, or where nothing was changed.
        verdict: `GAINED` or `LOST` at the level of significance, else `NOT_SHOWN`; `KEPT` where nothing was changed;
            `ENDED` without a gain.
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
        steps: one for each stage that is known so far.
        total: what all steps together gained, paired by seed; None without a step, or where a seed ended badly.
        complete: whether all stages are known.
        n: how many fresh seeds it is over.
        left_out: fresh seeds that have not been run at some point; they count nowhere.
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
        """The first metric that is known, for its order of magnitude; 0 without one."""
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
) -> Waterfall:
    """Return the path as far as it is known: up to the point before the first that no fresh seed was run at.

    Where a fresh seed ended badly there is no mean, and no gain of the stages before and after it: survivors are not
    averaged alone.

    Args:
        fresh: a line for each point and fresh seed, with columns point (0 is the start), seed and value; a value
            that is missing is NaN or has no line. Where there is a column ended, it says in a word how a seed ended
            badly ("diverged"), and is "" elsewhere.
        choosing: the same with the seeds that chose.
        labels: of the start and of each stage.
        chosen: what each stage settled on, in words; "" where it kept what it started from. As far as it is known.
        higher_is_better: the metric's direction.
        unit: of the metric.

    Raises:
        ValueError: the start has no value with a fresh seed, or more is chosen than there are stages.
    """
    if len(chosen) >= len(labels):
        raise ValueError(f"chosen: {len(chosen)} for {len(labels) - 1} stages; give at most one for each stage")
    wide, ended, seen = _wide(fresh), _endings(fresh), _wide(choosing).mask(_endings(choosing) != "", inf)
    there = wide.notna() | (ended != "")
    points = 0
    while points <= len(chosen) and points in wide and bool(there[points].any()):
        points += 1
    if points == 0:
        raise ValueError(f"fresh: has no value at point 0, {labels[0]}; give at least one")
    known = list(range(points))
    used = there.index[there[known].all(axis=1)]
    if used.empty:
        raise ValueError("fresh: no seed has a value at every point; give at least one that has")
    values = [None if (ended.loc[used, point] != "").any() else wide.loc[used, point] for point in known]
    words = [_ended_words(ended.loc[used, point]) for point in known]
    sign = 1.0 if higher_is_better else -1.0
    steps = [
        Step(
            label=labels[point],
            chosen=chosen[point - 1],
            before=_mean(before),
            after=None if after is None else estimate(after),
            gain=_gain(before, after, sign),
            seen=_seen(seen, point, sign),
            scatter="" if after is None or unit != "%" else no_normal_interval(after),
            ended=words[point] or (f"before it, {words[point - 1]}" if words[point - 1] else ""),
        )
        for point, before, after in zip(known[1:], values, values[1:], strict=False)
    ]
    return Waterfall(
        label=labels[0],
        start=None if values[0] is None else estimate(values[0]),
        steps=tuple(_judged(steps)),
        total=_gain(values[0], values[-1], sign) if steps else None,
        complete=points == len(labels),
        n=len(used),
        left_out=tuple(int(seed) for seed in there.index.difference(used)),
        higher_is_better=higher_is_better,
        ended=words[0],
    )


def _wide(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.pivot(index="seed", columns="point", values="value").astype(float).sort_index()


def _endings(frame: pd.DataFrame) -> pd.DataFrame:
    """Return in a word how each seed ended badly at each point; "" where it did not."""
    return (
        frame.assign(ended=frame.get("ended", ""))
        .pivot(index="seed", columns="point", values="ended")
        .fillna("")
        .sort_index()
    )


def _ended_words(endings: "pd.Series[str]") -> str:
    """Return how many seeds ended how: "diverged in 1 of 4"."""
    counts = endings[endings != ""].value_counts(sort=False)
    return ", ".join(f"{word} in {count} of {len(endings)}" for word, count in counts.items())


def _mean(values: "pd.Series[float] | None") -> float | None:
    return None if values is None else float(values.mean())


def _gain(before: "pd.Series[float] | None", after: "pd.Series[float] | None", sign: float) -> Difference | None:
    return None if before is None or after is None else paired_difference(sign * after, sign * before)


def _seen(wide: pd.DataFrame, point: int, sign: float) -> Difference | None:
    """Return the gain over the seeds that chose; a value is infinite where one of them ended badly."""
    if point not in wide or point - 1 not in wide:
        return None
    pairs = wide[[point - 1, point]].dropna()
    if pairs.empty or not np.isfinite(pairs).all(axis=None):
        return None
    return paired_difference(sign * pairs[point], sign * pairs[point - 1])


def _judged(steps: Sequence[Step]) -> list[Step]:
    """Return the steps with p values, corrected over those that changed something, and verdicts."""
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
