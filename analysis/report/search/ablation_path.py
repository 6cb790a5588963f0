"""The path from the default configuration to the winner of a search: what each change gained on it and in the winner.

Gains are over seeds that chose nothing, paired by seed, and judged as the levels of
a table are. A row with a replicate that ended badly has no mean: the mean of the survivors would look too good.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analysis.frames.collapse import one_class
from analysis.frames.evidence import Evidence
from analysis.frames.search_frames import Goal
from analysis.report.measure import fresh_overlap, measure_of, read_words
from analysis.report.stage_path import bad_endings, shared
from analysis.statistics.comparisons import Comparison, Pairs
from analysis.statistics.intervals import Difference, Estimate
from analysis.statistics.measure import Array, Measure, collapse_words
from analysis.statistics.waterfall import UNKNOWN, Waterfall, waterfall
from analysis.tables.comparing import COMPARED, FAIR
from tune_jobs.ledger.record import MISSING
from tune_jobs.standing.search.follow_up import step_words
from tune_jobs.study.model import BACK, CONFIRM, STEPS, TRIED
from tune_jobs.study.rows import Row


@dataclass(frozen=True)
class TakenBack:
    """The winner without one of its changes, and what that change is worth in the winner.

    Attributes:
        label: the change, in words.
        without: the metric without it, over the seeds that learnt; None where a replicate ended badly or none has been
            run.
        ended: how many seeds ended badly, and how, or why both are not compared, in words; "" where both are.
        comparison: of the winner with that, better where the change makes the winner better; None where it is not
            known.
    """

    label: str
    without: Estimate | None
    ended: str
    comparison: Comparison | None = None

    @property
    def worth(self) -> Difference | None:
        """The winner's gain over the winner without the change; its interval is corrected for all changes."""
        return None if self.comparison is None else self.comparison.difference

    @property
    def adjusted_p(self) -> float | None:
        """Of the change being worth nothing, after Holm's correction; None where there is no test."""
        return None if self.comparison is None else self.comparison.adjusted_p

    @property
    def verdict(self) -> str:
        """One of the verdicts of comparisons; `UNKNOWN` where there is no comparison."""
        return UNKNOWN if self.comparison is None else self.comparison.verdict

    @property
    def collapse(self) -> str:
        """How many seeds of the winner collapsed, and how many without the change; "" where none did."""
        return collapse_words(self.comparison)


def replicate_values(evidence: Evidence, position: int, goal: Goal) -> pd.DataFrame:
    """A line for each seed of a row that has ended: seed, value, and how it ended badly ("" where it ended well)."""
    trials = evidence.trials[evidence.trials["position"] == position]
    trials = trials[trials["outcome"] != MISSING]
    return pd.DataFrame(
        {
            "seed": trials["seed"],
            "value": trials[goal.quantity].astype(float),
            "ended": bad_endings(trials["outcome"]),
            "one_class": one_class(trials),
        }
    )


def compared_values(evidence: Evidence, position: int, goal: Goal) -> pd.DataFrame:
    """The same, with the values by which configurations are compared; see `analysis.tables.comparing.FAIR`."""
    found = replicate_values(evidence, position, goal)
    if goal.quantity != COMPARED:
        return found
    return found.assign(value=evidence.trials.loc[found.index, FAIR].astype(float))


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
        measure=goal_measure(evidence, STEPS, goal),
        reads=[read_words(row) for _, row in rows],
        choosing_overlap=fresh_overlap([row for _, row in evidence.rows_of(TRIED)], evidence.study.showing),
    )


def goal_measure(evidence: Evidence, table: str, goal: Goal) -> Measure:
    """How the rows of a search's follow-up are judged."""
    return measure_of(evidence, table, goal.metric, goal.unit)


def taken_back(evidence: Evidence, goal: Goal) -> list[TakenBack]:
    """What each change is worth in the winner, in the order of the changes; empty where the study does not ask."""
    path, back = evidence.rows_of(STEPS), evidence.rows_of(BACK)
    if not path or not back:
        return []
    (position, row), measure = path[-1], goal_measure(evidence, STEPS, goal)
    winner = compared_values(evidence, position, goal)
    found = [_without_change(row, one, winner, compared_values(evidence, at, goal), measure) for at, one in back]
    mean = float(winner["value"].mean()) if len(winner) else 0.0
    comparisons = iter(measure.judge([pairs for _, pairs in found if pairs is not None], mean=mean))
    return [one if pairs is None else replace(one, comparison=next(comparisons)) for one, pairs in found]


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
    parts = [compared_values(evidence, position, goal).assign(point=point) for point, position in positions.items()]
    if not parts:
        return pd.DataFrame(columns=["point", "seed", "value", "ended", "one_class"])
    return pd.concat(parts, ignore_index=True)


def _without_change(
    row: Row, changed: Row, winner: pd.DataFrame, without: pd.DataFrame, measure: Measure
) -> tuple[TakenBack, Pairs | None]:
    """The winner without a change, and both over the seeds that they share; None where they are not compared."""
    label = changed.labels[0]
    seeds = set(winner["seed"]) & set(without["seed"])
    if not seeds:
        return TakenBack(label, None, "not run yet"), None
    mine, other = (frame[frame["seed"].isin(seeds)].set_index("seed").sort_index() for frame in (winner, without))
    ended, bad = (ended_words(frame.reset_index()) for frame in (other, mine))
    values: list[Array] = [frame["value"].to_numpy() for frame, words in ((other, ended), (mine, bad)) if not words]
    lost = measure.collapsed(values)
    reference = None if ended else measure.estimate(values[0], lost[0])
    unlike = read_words(row) != read_words(changed)
    if ended or bad or unlike:
        why = ended or (f"the winner {bad}" if bad else f"not compared: it shows {read_words(changed)}")
        return TakenBack(label, reference, why), None
    marks = [mark | frame["one_class"].to_numpy() for mark, frame in zip(lost, (other, mine), strict=True)]
    return TakenBack(label, reference, ""), measure.gain(values[1], values[0], marks[1], marks[0])
