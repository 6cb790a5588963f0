"""The winner of a search: how it was chosen, what it reaches with seeds that chose nothing, and what made it good."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.figures.effects import PathPoint, ablation_path_figure
from analysis.frames.evidence import Evidence
from analysis.frames.search_frames import Goal, name_of
from analysis.report.search.path import (
    TakenBack,
    ended_words,
    replicate_values,
    steps_of,
    taken_back,
    tried_rows,
)
from analysis.report.search.sheets import back_sheet, gain_words, settings_sheet, steps_sheet, tried_sheet
from analysis.report.section import Picture, Section
from analysis.report.summary import settings
from analysis.report.test_results import openings_in_words, tested_sheet
from analysis.statistics.intervals import Estimate, estimate
from analysis.statistics.waterfall import GAINED, LOST, NOT_SHOWN, Waterfall
from analysis.statistics.words import format_estimate
from analysis.tables.tables import TableView, build_table
from analysis.text import percent_limits
from tune_jobs.standing.search.follow_up import FollowUp
from tune_jobs.standing.search.state import State
from tune_jobs.study.model import CONFIRM, SPLITS, STEPS, Showing, Table
from tune_jobs.study.rows import Row
from tune_jobs.study.search_identity import default_config

_HEADING = "Configuration"


def winner_section(evidence: Evidence, after: FollowUp, state: State, goal: Goal) -> Section | None:
    """Return how the best trials compared, which one won, and what it reaches; None before any was compared."""
    own = [(position, _named(row, after)) for position, row in evidence.rows_of(CONFIRM)]
    if not own:
        return None
    view = _view(evidence, state, CONFIRM, "The best trials, compared with fresh seeds", own)
    paragraphs = [
        "A single run that was the best of many flatters. So the best trials and the default were trained again, each "
        "with weights and validation parts that no trial of the search had.",
        *_chosen_words(evidence, after, goal, own),
        *openings_in_words(evidence.study.name, evidence.openings),
    ]
    tested = tested_sheet(STEPS, evidence.own_openings())
    sheets = [tested] if tested is not None else []
    if after.winner is not None:
        fixed, own_parts = default_config(evidence.study, state.search), evidence.study.own
        facts, default = (settings(one, own_parts, SPLITS["validation"]) for one in (after.winner, fixed))
        sheets.append(settings_sheet(facts, default))
    return Section("search-winner", "The winner", paragraphs, view=view, sheets=sheets)


def path_section(evidence: Evidence, after: FollowUp, goal: Goal) -> Section | None:
    """Return the way from the default to the winner, and back by one change each; None before either is known."""
    path, back = steps_of(evidence, goal), taken_back(evidence, goal)
    tried = tried_rows(evidence, goal)
    if after.default_won or not evidence.study.search or not evidence.study.search.path or not (path or back or tried):
        return None
    sheets, pictures = [], []
    if path is not None:
        sheets.append(steps_sheet(path, goal))
        if path.complete:
            pictures.append(_picture(path, back, goal))
    if back:
        sheets.append(back_sheet(back, goal))
    if tried:
        sheets.append(tried_sheet(tried, goal, evidence.study.search.path))
    return Section(
        "search-path",
        "From the default to the winner",
        _path_words(path, back, after, goal),
        sheets=sheets,
        pictures=pictures,
    )


def _named(row: Row, after: FollowUp) -> Row:
    """Return a row that was compared, called as in the table of the best trials."""
    one = next((one for one in after.confirmed if one.trial is not None and one.trial.config == row.config), None)
    return row if row.is_default or one is None else replace(row, labels=(name_of(one),))


def _view(evidence: Evidence, state: State, name: str, title: str, own: Sequence[tuple[int, Row]]) -> TableView:
    showing = Showing(read=state.search.read, splits="validation", select=state.search.select)
    table = Table(name, title, (_HEADING,), (), {}, showing)
    return build_table(table, own, evidence.trials, seeds=evidence.standing.seeds)


def _chosen_words(evidence: Evidence, after: FollowUp, goal: Goal, own: Sequence[tuple[int, Row]]) -> list[str]:
    if after.winner is None:
        return ["The winner is not known yet: replicates are still to come."]
    position, row = next((position, row) for position, row in own if row.config == after.winner)
    count = len(row.seeds or ())
    head = (
        "None of the best trials was better than the default configuration on the mean of "
        f"{count} seed{'s' * (count != 1)}: the default won, and nothing is changed."
        if after.default_won
        else f"{row.labels[0]} won: it has the best mean of {len(own)} configurations over {count} "
        f"seed{'s' * (count != 1)}."
    )
    seen = _estimate(evidence, position, goal)
    fresh = evidence.rows_of(STEPS)
    unbiased = _estimate(evidence, fresh[-1][0], goal) if fresh and _is_end(fresh[-1][1], after) else None
    if seen is None or isinstance(seen, str):
        return [head]
    if unbiased is None:
        return [head, f"Its mean there, {_shown(seen, goal)}, is flattered by having been chosen."]
    if isinstance(unbiased, str):
        return [head, f"With seeds that chose nothing, it {unbiased}: there is no estimate of it."]
    return [
        head,
        f"Its estimate, with {unbiased.n} seeds that chose nothing, is {_shown(unbiased, goal)}. With the seeds that "
        f"chose it, it was {_shown(seen, goal)}, which is flattered by the choice; the two differ by that, and by "
        "chance.",
    ]


def _is_end(row: Row, after: FollowUp) -> bool:
    return row.config is not None and after.winner is not None and row.config == after.winner.replace(seed=0)


def _estimate(evidence: Evidence, position: int, goal: Goal) -> Estimate | str | None:
    """Return the mean of a row, how it ended badly in words, or None where not all of it has been run."""
    replicates = replicate_values(evidence, position, goal)
    if len(replicates) < len(evidence.standing.rows[position].seeds or ()):
        return None
    if words := ended_words(replicates):
        return words
    return estimate(replicates["value"]) if len(replicates) else None


def _shown(value: Estimate, goal: Goal) -> str:
    text = format_estimate(value, goal.decimals(value.mean), percent_limits(goal.unit))
    if goal.unit != "%":
        return f"{text} {goal.unit}".rstrip()
    mean, bracket, ends = text.partition(" (")
    return f"{mean}%{bracket}{ends}"


def _path_words(path: Waterfall | None, back: Sequence[TakenBack], after: FollowUp, goal: Goal) -> list[str]:
    words = [
        "The winner differs from the default in several settings at once. They are taken on one after another, each "
        "step the one that gained most, and then taken back one at a time from the winner. What is estimated here is "
        "with seeds that chose neither the winner nor the order."
    ]
    if path is None:
        left = len(after.left)
        return [*words, f"The order is not known yet; {left} changes are left." if left else "Not run yet."]
    if not path.complete:
        words.append("Not all of the path has been run yet.")
    if path.total is not None and path.complete and path.n > 1:
        total = f"{gain_words(path.total, goal.decimals(path.level))} {goal.difference_unit}".rstrip()
        words.append(f"All changes together gained {total}, the mean of {path.n} seeds.")
    by_step = {step.label: step.verdict for step in path.steps}
    by_back = {one.label: one.verdict for one in back}
    words += _verdict_words(by_step, by_back)
    if path.n == 1:
        words.append("With one seed no gain can be told from chance.")
    return words


def _verdict_words(by_step: dict[str, str], by_back: dict[str, str]) -> list[str]:
    """Return which changes were shown to matter, and which nothing is shown of."""
    labels = list(dict.fromkeys([*by_step, *by_back]))
    both = {label: {by_step.get(label), by_back.get(label)} - {None} for label in labels}
    good = [label for label in labels if GAINED in both[label] and LOST not in both[label]]
    bad = [label for label in labels if LOST in both[label] and GAINED not in both[label]]
    mixed = [label for label in labels if {GAINED, LOST} <= both[label]]
    neither = [label for label in labels if both[label] == {NOT_SHOWN}]
    found = []
    if good:
        found.append(f"Shown to make it better, on the way or in the winner: {_list(good)}.")
    if bad:
        found.append(f"Shown to make it worse: {_list(bad)}.")
    if mixed:
        found.append(f"Better on the way and worse in the winner, or the reverse: {_list(mixed)}.")
    if neither:
        found.append(
            f"Not shown to do anything, on the way or in the winner: {_list(neither)}. That is no proof that they do "
            "nothing: the intervals say how large an effect may have been missed."
        )
    return found


def _list(labels: Sequence[str]) -> str:
    return "; ".join(labels)


def _picture(path: Waterfall, back: Sequence[TakenBack], goal: Goal) -> Picture:
    points = [PathPoint(path.label, path.start, path.ended)]
    points += [PathPoint(f"+ {step.label}", step.after, step.ended) for step in path.steps]
    without = [PathPoint(f"− {one.label}", one.without, one.ended) for one in back]
    figure = ablation_path_figure(points, without, metric=goal.label, unit=goal.unit)
    interval = " with 95% intervals" if path.n > 1 else ""
    beside = (
        " To the right, the winner with one change taken back each: what lies clearly on the worse side of the dashed "
        "line, the winner's mean, is a change that the winner needs."
        if back
        else ""
    )
    caption = (
        f"Validation {goal.words} from the default to the winner, each step on top of the ones before it: means over "
        f"{path.n} seed{'s' * (path.n != 1)} that chose nothing{interval}.{beside} Intervals are of each "
        "configuration by itself; the table has the differences, which are paired by seed."
    )
    return Picture("search-path", figure, caption)
