"""What a path gained, in plain sentences: that of a study's stages, or that from a search's default to its winner."""

import re
from collections.abc import Sequence

from analysis.frames.evidence import Evidence
from analysis.frames.search_frames import goal_of
from analysis.report.search.ablation_path import replicate_values, steps_of
from analysis.report.stage_path import metric_of, path_of, unit_of
from analysis.statistics.comparisons import BETTER, WORSE
from analysis.statistics.intervals import CONFIDENCE, Difference, paired_difference
from analysis.statistics.waterfall import Step, Waterfall
from analysis.text import difference_unit, format_range, heading_within, within_sentence
from tune_jobs.study.model import CONFIRM
from tune_jobs.trial.config import METRIC_SPECS
from tune_jobs.words import counted, signed

_LONG_NUMBER = re.compile(r"\d+\.\d{4,}")


def path_sentences(evidence: Evidence) -> list[str]:
    """Say what the stages, or the changes from a search's default to its winner, gained with fresh seeds."""
    return [*_stage_sentences(evidence), *_search_sentences(evidence)]


def path_gained(path: Waterfall | None) -> bool | None:
    """Whether the whole path is better than its start with fresh seeds; None where that is not known."""
    if path is None or path.total is None or not path.complete:
        return None
    return path.whole is not None and path.whole.verdict == BETTER


def known_path(evidence: Evidence) -> Waterfall | None:
    """The path of the search, or else of the stages; None where neither is known yet."""
    state = evidence.standing.search
    goal = goal_of(state) if state is not None else None
    if goal is not None:
        return steps_of(evidence, goal)
    return path_of(evidence) if evidence.study.stages else None


def path_quote(evidence: Evidence, path: Waterfall | None) -> str:
    """What the whole path gained with fresh seeds, as a paper would say it; "" where that is not known."""
    if path is None or path.whole is None or path.total is None or not path.complete:
        return ""
    state, total, unit = evidence.standing.search, path.total, path_unit(evidence)
    goal = goal_of(state) if state is not None else None
    what, label = ("The winner of the search", goal.label) if goal is not None else ("What the stages settled on", "")
    metric = within_sentence(label or METRIC_SPECS[metric_of(evidence)].label)
    details = [words for words in (_interval(total, unit), path.whole.verdict) if words]
    return (
        f"{what} in place of the {within_sentence(path.label)}: a gain of {_number(total.mean, unit)} in validation "
        f"{metric} ({'; '.join(details)}), mean of {counted(path.n, 'fresh seed')}"
    )


def path_unit(evidence: Evidence) -> str:
    """The unit of the metric of the path; "" where neither search nor stages have one."""
    state = evidence.standing.search
    goal = goal_of(state) if state is not None else None
    if goal is not None:
        return goal.unit
    return unit_of(evidence) if evidence.study.stages else ""


def _stage_sentences(evidence: Evidence) -> list[str]:
    path = path_of(evidence) if evidence.study.stages else None
    if path is None or path.total is None:
        return []
    label = METRIC_SPECS[metric_of(evidence)].label
    what = "The stages" if path.complete else "The stages so far"
    return _gain_sentences(path, what, unit_of(evidence), label)


def _search_sentences(evidence: Evidence) -> list[str]:
    state, after = evidence.standing.search, evidence.standing.follow_up
    goal = goal_of(state) if state is not None else None
    if after is None or goal is None:
        return []
    if after.default_won:
        return ["The search found nothing better than the default: with fresh seeds the default won."]
    path = steps_of(evidence, goal)
    if after.winner is None or path is None or path.total is None or not path.complete:
        return ["The search has not named its winner yet."]
    return [
        *_gain_sentences(path, "The winner of the search", goal.unit, goal.label),
        *_seen_sentence(evidence, path, goal.unit),
    ]


def _gain_sentences(path: Waterfall, what: str, unit: str, metric: str) -> list[str]:
    """Say what a path gained as a whole, and which of its steps were shown to."""
    total = path.total
    if path.whole is None or total is None:
        return []
    head = f"{what}: {_difference(total, unit)} in validation {within_sentence(metric)}"
    head += f" against the {within_sentence(path.label)}, with {counted(path.n, 'fresh seed')}"
    if path.n == 1:
        verdict = "which one seed cannot tell from chance"
    else:
        same = "the same in every pair, " if total.half_width is None else ""
        verdict = f"{same}{path.whole.verdict}"
    sentences = [f"{head}: {verdict}."]
    for kind, words in ((BETTER, "gained"), (WORSE, "lost")):
        shown = [
            f"{step_words(step)} {_difference(step.gain, unit)}"
            for step in path.steps
            if step.verdict == kind and step.gain is not None
        ]
        if shown:
            sentences.append(f"Shown to have {words} on the way: {'; '.join(shown)}.")
    return sentences


def _seen_sentence(evidence: Evidence, path: Waterfall, unit: str) -> list[str]:
    """Say what the seeds that chose the winner showed, which flatters it."""
    state, after = evidence.standing.search, evidence.standing.follow_up
    goal = goal_of(state) if state is not None else None
    rows = evidence.rows_of(CONFIRM)
    winner = [place for place, row in rows if after is not None and row.config == after.winner]
    default = [place for place, row in rows if row.is_default]
    if goal is None or not winner or not default or path.total is None:
        return []
    values, against = (
        replicate_values(evidence, places[0], goal).query("ended == ''").set_index("seed")["value"]
        for places in (winner, default)
    )
    seeds = values.index.intersection(against.index)
    if seeds.empty:
        return []
    seen = paired_difference(goal.sign * values[seeds], goal.sign * against[seeds])
    return [f"With the seeds that chose it the gain looked like {_number(seen.mean, unit)}, which flatters it."]


def _difference(found: Difference, unit: str) -> str:
    if found.low is None or found.high is None:
        return _number(found.mean, unit)
    return f"{_number(found.mean, unit)} ({format_range(found.low, found.high, _decimals(found.mean, unit))})"


def _interval(found: Difference, unit: str) -> str:
    if found.low is None or found.high is None:
        return ""
    return f"{CONFIDENCE:.0%} interval {format_range(found.low, found.high, _decimals(found.mean, unit))}"


def _number(value: float, unit: str) -> str:
    return f"{signed(value, _decimals(value, unit))} {difference_unit(unit)}".rstrip()


def _decimals(value: float, unit: str) -> int:
    if unit == "%":
        return 1 if abs(value) >= 0.1 else 2
    return 0 if abs(value) >= 100 else 2 if abs(value) >= 1 else 4


def chosen_words(path: Waterfall) -> Sequence[str]:
    """What the steps of a path chose, in words."""
    return [step_words(step) for step in path.steps if step.chosen]


def step_words(step: Step) -> str:
    """Name what a step changed, its numbers with three digits: "Learning rate 0.0255"."""
    label = heading_within(step.label)
    text = step.label if step.chosen in ("", step.label) else f"{label[:1].upper()}{label[1:]} {step.chosen}"
    return _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.3g}", text)
