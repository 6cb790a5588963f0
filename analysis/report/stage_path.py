"""The path of a staged study: what each stage chose and gained, as a waterfall and as a table."""

import pandas as pd

from analysis.frames.collapse import one_class
from analysis.frames.evidence import Evidence
from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER
from analysis.report.measure import fresh_overlap, measure_of, read_words
from analysis.statistics.comparisons import outlook_words
from analysis.statistics.intervals import Difference
from analysis.statistics.waterfall import Step, Waterfall, waterfall
from analysis.statistics.words import format_difference, format_estimate, format_with_unit
from analysis.tables.captions import OVERLAP_WORDS, judging_words
from analysis.tables.comparing import FAIR
from analysis.tables.sheet import OUTLOOK, Column, Sheet
from analysis.text import percent_limits
from tune_jobs.study.model import FRESH_PATH, PATH
from tune_jobs.study.rows import path_labels
from tune_jobs.trial.config import METRIC_SPECS
from tune_jobs.words import counted


def path_of(evidence: Evidence) -> Waterfall | None:
    """The path as far as it is known; None until its start has been run with a fresh seed."""
    fresh = shared(_points(evidence, FRESH_PATH))
    if fresh.empty:
        return None
    return waterfall(
        fresh,
        _points(evidence, PATH),
        labels=path_labels(evidence.study),
        chosen=[", ".join(choice.labels) for choice in evidence.standing.choices],
        measure=measure_of(evidence, FRESH_PATH, metric_of(evidence), unit_of(evidence)),
        reads=[read_words(row) for _, row in evidence.rows_of(FRESH_PATH)],
        choosing_overlap=fresh_overlap([row for _, row in evidence.rows_of(PATH)], evidence.study.showing),
    )


def metric_of(evidence: Evidence) -> str:
    """The name of the metric by which the stages choose."""
    trials = evidence.trials[evidence.trials["table"] == FRESH_PATH]
    return str(next(name for name in trials["metric"] if name))


def unit_of(evidence: Evidence) -> str:
    """The unit of that metric."""
    trials = evidence.trials[evidence.trials["table"] == FRESH_PATH]
    return METRIC_SPECS[metric_of(evidence)].unit or next((str(unit) for unit in trials["target_unit"] if unit), "")


def path_sheet(path: Waterfall, evidence: Evidence) -> Sheet:
    """The path as a table: what each stage chose, and what that gained."""
    metric, unit = METRIC_SPECS[metric_of(evidence)], unit_of(evidence)
    points = "points" if unit == "%" else unit
    decimals = 2 if unit == "%" else _decimals(path.level)
    levels = {choice.stage: choice.levels for choice in evidence.standing.choices}
    counts = [levels[stage.name] for stage in evidence.study.stages if stage.name in levels]
    return Sheet(
        "path",
        "What each stage gained",
        (
            Column("Stage", tuple(step.label for step in path.steps), "words"),
            Column("Chosen", tuple(step.chosen or "as before" for step in path.steps), "words"),
            Column("of levels", tuple(str(count) for count in counts[: len(path.steps)])),
            Column(
                f"Validation {metric.label} ({unit})",
                tuple(_after(step, decimals, unit) for step in path.steps),
            ),
            Column(f"Gain, fresh seeds ({points})", tuple(_gain(s, s.gain, decimals) for s in path.steps)),
            Column(
                f"Gain, seeds that chose ({points})", tuple(_gain(step, step.seen, decimals) for step in path.steps)
            ),
            Column("Verdict", tuple(_verdict(step) for step in path.steps), "words"),
            *_outlooks(path, decimals),
        ),
        (
            f"Start: {_start(path, decimals, unit)}, {counted(path.n, 'fresh seed')}.",
            f"A positive gain is an improvement. {judging_words('stages', path.margin, points)}{OVERLAP_WORDS}",
        ),
    )


def _outlooks(path: Waterfall, decimals: int) -> list[Column]:
    cells = tuple(outlook_words(step.comparison, decimals) for step in path.steps)
    return [Column(OUTLOOK, cells)] if any(cells) else []


def _points(evidence: Evidence, table: str) -> pd.DataFrame:
    trials = evidence.trials[evidence.trials["table"] == table]
    order = {position: point for point, position in enumerate(trials["position"].unique())}
    return pd.DataFrame(
        {
            "point": trials["position"].map(order),
            "seed": trials["seed"],
            "value": trials[FAIR],
            "ended": bad_endings(trials["outcome"]),
            "one_class": one_class(trials),
        }
    ).reset_index(drop=True)


def bad_endings(outcomes: "pd.Series[str]") -> "pd.Series[str]":
    """How each replicate ended badly, in words; "" where it ended well or has not been run."""
    return outcomes.where(outcomes.isin(OUTCOMES_WITHOUT_NUMBER), "").str.replace("_", " ")


def shared(points: pd.DataFrame) -> pd.DataFrame:
    """The points up to the last one that some seed has reached, well or badly, with all points before it."""
    there = points.assign(there=points["value"].notna() | (points["ended"] != ""))
    wide = there.pivot(index="seed", columns="point", values="there").fillna(False).astype(bool)
    known = [point for point in wide if wide.loc[:, :point].all(axis=1).any()]
    return points[points["point"].isin(known)]


def _verdict(step: Step) -> str:
    return "; ".join(words for words in (step.missing or step.verdict, step.collapse) if words)


def _start(path: Waterfall, decimals: int, unit: str) -> str:
    return path.ended if path.start is None else format_with_unit(path.start, decimals, unit)


def _after(step: Step, decimals: int, unit: str) -> str:
    return step.ended if step.after is None else format_estimate(step.after, decimals, percent_limits(unit))


def _gain(step: Step, gain: Difference | None, decimals: int) -> str:
    return "0" if gain is not None and not step.chosen else format_difference(gain, decimals)


def _decimals(value: float) -> int:
    return 0 if abs(value) >= 1000 else 3
