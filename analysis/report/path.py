"""The path of a staged study: its waterfall, and the same numbers as a table."""

import pandas as pd

from analysis.frames.evidence import Evidence
from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER
from analysis.statistics.intervals import SIGNIFICANCE, Difference
from analysis.statistics.waterfall import Step, Waterfall, waterfall
from analysis.statistics.words import format_estimate
from analysis.tables.sheet import Column, Sheet
from analysis.text import format_number, percent_limits
from tune_jobs.study.model import FRESH_PATH, PATH
from tune_jobs.study.rows import path_labels
from tune_jobs.trial.config import METRIC_SPECS


def path_of(evidence: Evidence) -> Waterfall | None:
    """Return the path as far as it is known; None where not even its start has been run with a fresh seed."""
    fresh = shared(_points(evidence, FRESH_PATH))
    if fresh.empty:
        return None
    return waterfall(
        fresh,
        _points(evidence, PATH),
        labels=path_labels(evidence.study),
        chosen=[", ".join(choice.labels) for choice in evidence.standing.choices],
        higher_is_better=METRIC_SPECS[metric_of(evidence)].higher_is_better,
        unit=unit_of(evidence),
    )


def metric_of(evidence: Evidence) -> str:
    """Return the name of the metric that the stages are compared by."""
    own = evidence.trials[evidence.trials["table"] == FRESH_PATH]
    return str(next(name for name in own["metric"] if name))


def unit_of(evidence: Evidence) -> str:
    """Return the unit of that metric."""
    own = evidence.trials[evidence.trials["table"] == FRESH_PATH]
    return METRIC_SPECS[metric_of(evidence)].unit or next((str(unit) for unit in own["target_unit"] if unit), "")


def path_sheet(path: Waterfall, evidence: Evidence) -> Sheet:
    """Return the path as a table: what each stage chose, and what that gained with which seeds."""
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
            Column(f"Gain, fresh seeds ({points})", tuple(_gain(step.gain, step, decimals) for step in path.steps)),
            Column(
                f"Gain, seeds that chose ({points})", tuple(_gain(step.seen, step, decimals) for step in path.steps)
            ),
            Column("Verdict", tuple(_verdict(step) for step in path.steps), "words"),
        ),
        (
            f"Start: {_start(path, decimals, unit)}, {path.n} fresh seed{'s' * (path.n != 1)}.",
            f"Verdicts hold at {SIGNIFICANCE:.0%} after Holm's correction over the stages; a gain is an improvement.",
        ),
    )


def _points(evidence: Evidence, table: str) -> pd.DataFrame:
    own = evidence.trials[evidence.trials["table"] == table]
    order = {position: point for point, position in enumerate(own["position"].unique())}
    ended = own["outcome"].where(own["outcome"].isin(OUTCOMES_WITHOUT_NUMBER), "").str.replace("_", " ")
    return pd.DataFrame(
        {"point": own["position"].map(order), "seed": own["seed"], "value": own["validation_metric"], "ended": ended}
    ).reset_index(drop=True)


def shared(points: pd.DataFrame) -> pd.DataFrame:
    """Return the points up to the last at which some seed has ended, well or badly, at all points so far."""
    there = points.assign(there=points["value"].notna() | (points["ended"] != ""))
    wide = there.pivot(index="seed", columns="point", values="there").fillna(False).astype(bool)
    known = [point for point in wide if wide.loc[:, :point].all(axis=1).any()]
    return points[points["point"].isin(known)]


def _verdict(step: Step) -> str:
    return "; ".join(words for words in (step.ended or step.verdict, step.scatter) if words)


def _start(path: Waterfall, decimals: int, unit: str) -> str:
    if path.start is None:
        return path.ended
    mean, bracket, ends = format_estimate(path.start, decimals, percent_limits(unit)).partition(" (")
    return f"{mean}{unit if unit == '%' else f' {unit}'}{bracket}{ends}"


def _after(step: Step, decimals: int, unit: str) -> str:
    return step.ended if step.after is None else format_estimate(step.after, decimals, percent_limits(unit))


def _value(mean: float, half_width: float | None, decimals: int) -> str:
    text = format_number(mean, decimals)
    return text if half_width is None else f"{text} ± {format_number(half_width, decimals)}"


def _gain(gain: Difference | None, step: Step, decimals: int) -> str:
    if gain is None:
        return "–"
    return "0" if not step.chosen else ("+" if gain.mean > 0 else "") + _value(gain.mean, gain.half_width, decimals)


def _decimals(value: float) -> int:
    return 0 if abs(value) >= 1000 else 3
