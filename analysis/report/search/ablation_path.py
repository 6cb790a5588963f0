"""The path from the default configuration to the winner of a search: what each change gained on it and in the winner.

Gains are over seeds that chose nothing, paired by seed and corrected by Holm. A row with a replicate that ended badly
has no mean: the mean of the survivors would look too good.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analysis.frames.evidence import Evidence
from analysis.frames.search_frames import Goal
from analysis.report.stage_path import bad_endings, shared
from analysis.statistics.intervals import SIGNIFICANCE, Difference, Estimate, estimate, holm_of_known, paired_difference
from analysis.statistics.waterfall import ENDED, GAINED, LOST, NOT_SHOWN, Waterfall, waterfall
from tune_jobs.ledger.record import MISSING
from tune_jobs.standing.search.follow_up import step_words
from tune_jobs.study.model import BACK, CONFIRM, STEPS, TRIED
from tune_jobs.study.rows import Row, training_overlap


@dataclass(frozen=True)
class TakenBack:
    """The winner without one of its changes, and what that change is worth in the winner.

    Attributes:
        label: the change, in words.
        without: the metric without it; None where a replicate ended badly or none has been run.
        worth: the winner's gain over that, paired by seed, above 0 where the change makes the winner better.
        ended: how many seeds ended badly, and how, in words; "" where all ended well.
        adjusted_p: the p value of the change being worth nothing, after Holm's correction over the changes.
        verdict: `GAINED`, `LOST` or `NOT_SHOWN`; `ENDED` where it is not known.
    """

    label: str
    without: Estimate | None
    worth: Difference | None
    ended: str
    adjusted_p: float | None = None
    verdict: str = NOT_SHOWN


def replicate_values(evidence: Evidence, position: int, goal: Goal) -> pd.DataFrame:
    """A line for each seed of a row that has ended: seed, value, and how it ended badly ("" where it ended well)."""
    trials = evidence.trials[evidence.trials["position"] == position]
    trials = trials[trials["outcome"] != MISSING]
    return pd.DataFrame(
        {
            "seed": trials["seed"],
            "value": trials[goal.quantity].astype(float),
            "ended": bad_endings(trials["outcome"]),
        }
    )


def ended_words(replicates: pd.DataFrame) -> str:
    """Say how many seeds ended badly, and how: "diverged in 1 of 4"; "" where all ended well."""
    counts = replicates.loc[replicates["ended"] != "", "ended"].value_counts(sort=False)
    return ", ".join(f"{word} in {count} of {len(replicates)}" for word, count in counts.items())


def steps_of(evidence: Evidence, goal: Goal) -> Waterfall | None:
    """The path from the default configuration to the winner; None where it is not known yet."""
    rows = evidence.rows_of(STEPS)
    if len(rows) < 2 or not rows[0][1].is_default:
        return None
    fresh = shared(_stacked(evidence, dict(enumerate(position for position, _ in rows)), goal))
    if fresh.empty:
        return None
    labels = [row.labels[0] for _, row in rows]
    return waterfall(
        fresh,
        _stacked(evidence, _choosing(evidence, labels), goal),
        labels=labels,
        chosen=labels[1:],
        higher_is_better=goal.higher_is_better,
        unit=goal.unit,
        overlap=(_overlap(evidence, STEPS), _overlap(evidence, TRIED)),
    )


def _overlap(evidence: Evidence, table: str) -> float:
    return max((training_overlap(row) for _, row in evidence.rows_of(table)), default=0.0)


def taken_back(evidence: Evidence, goal: Goal) -> list[TakenBack]:
    """What each change is worth in the winner, in the order of the changes; empty where the study does not ask."""
    path, back = evidence.rows_of(STEPS), evidence.rows_of(BACK)
    if not path or not back:
        return []
    winner = replicate_values(evidence, path[-1][0], goal)
    found = [_without_change(row, winner, replicate_values(evidence, position, goal), goal) for position, row in back]
    adjusted = holm_of_known([None if one.worth is None else one.worth.p_value for one in found])
    return [
        replace(one, adjusted_p=p_value, verdict=_verdict(one.worth, p_value))
        for one, p_value in zip(found, adjusted, strict=True)
    ]


def tried_rows(evidence: Evidence, goal: Goal) -> list[tuple[str, str, float | None, bool]]:
    """Each change that was tried: step, change, mean over the seeds that chose the order, whether it was taken."""
    after = evidence.standing.follow_up
    steps = after.steps if after is not None else []
    taken = {str(number): step_words(evidence.study, step) for number, step in enumerate(steps, start=1)}
    rows = []
    for position, row in evidence.rows_of(TRIED):
        replicates = replicate_values(evidence, position, goal)
        well = len(replicates) and (replicates["ended"] == "").all()
        mean = float(replicates["value"].mean()) if well else None
        rows.append((row.labels[1], row.labels[0], mean, row.labels[0] == taken.get(row.labels[1])))
    return rows


def _choosing(evidence: Evidence, labels: Sequence[str]) -> dict[int, int]:
    """The row, by position, that tried each point of the path with the seeds that chose the order."""
    tried = {(row.labels[1], row.labels[0]): position for position, row in evidence.rows_of(TRIED)}
    confirmed = evidence.rows_of(CONFIRM)
    start = [position for position, row in confirmed if row.is_default]
    found = {0: start[0]} if start else {}
    for point, label in enumerate(labels[1:], start=1):
        if (str(point), label) in tried:
            found[point] = tried[str(point), label]
    winner = evidence.standing.follow_up.winner if evidence.standing.follow_up is not None else None
    last = [position for position, row in confirmed if row.config == winner]
    return {**found, **({len(labels) - 1: last[0]} if last else {})}


def _stacked(evidence: Evidence, positions: dict[int, int], goal: Goal) -> pd.DataFrame:
    parts = [replicate_values(evidence, position, goal).assign(point=point) for point, position in positions.items()]
    if not parts:
        return pd.DataFrame(columns=["point", "seed", "value", "ended"])
    return pd.concat(parts, ignore_index=True)


def _without_change(row: Row, winner: pd.DataFrame, without: pd.DataFrame, goal: Goal) -> TakenBack:
    seeds = set(winner["seed"]) & set(without["seed"])
    if not seeds:
        return TakenBack(row.labels[0], None, None, "not run yet")
    mine, other = (frame[frame["seed"].isin(seeds)].set_index("seed").sort_index() for frame in (winner, without))
    ended = ended_words(other.reset_index())
    overlap = training_overlap(row)
    reference = None if ended else estimate(other["value"], overlap=overlap)
    if ended or (mine["ended"] != "").any():
        return TakenBack(row.labels[0], reference, None, ended or f"the winner {ended_words(mine.reset_index())}")
    worth = paired_difference(goal.sign * mine["value"], goal.sign * other["value"], overlap=overlap)
    return TakenBack(row.labels[0], reference, worth, "")


def _verdict(worth: Difference | None, adjusted_p: float | None) -> str:
    if worth is None:
        return ENDED
    if adjusted_p is None or adjusted_p > SIGNIFICANCE:
        return NOT_SHOWN
    return GAINED if worth.mean > 0 else LOST
