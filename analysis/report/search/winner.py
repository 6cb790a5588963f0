"""The winner of a search: how it was chosen, what it reaches with fresh seeds, and which changes matter."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.figures.effects import PathPoint, ablation_path_figure
from analysis.frames.evidence import Evidence
from analysis.frames.search_frames import Goal, name_of
from analysis.report.search.ablation_path import (
    TakenBack,
    ended_words,
    replicate_values,
    steps_of,
    taken_back,
    tried_rows,
)
from analysis.report.search.winner_sheets import back_sheet, settings_sheet, steps_sheet, tried_sheet
from analysis.report.section import Picture, Section
from analysis.report.summary import settings
from analysis.report.test_results import openings_in_words, tested_sheet
from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE
from analysis.statistics.intervals import Estimate, estimate
from analysis.statistics.waterfall import Waterfall
from analysis.statistics.words import format_difference, format_with_unit
from analysis.tables.building import build_table
from analysis.tables.captions import Said
from analysis.tables.tables import TableView
from tune_jobs.standing.search.follow_up import FollowUp
from tune_jobs.standing.search.state import State
from tune_jobs.study.model import CONFIRM, SPLITS, STEPS, Showing, Table
from tune_jobs.study.rows import Row, training_overlap
from tune_jobs.study.search_identity import default_config
from tune_jobs.words import counted

_HEADING = "Configuration"


def winner_section(evidence: Evidence, after: FollowUp, state: State, goal: Goal) -> Section | None:
    """How the best trials compare, which one won, and what it reaches; None before any was compared."""
    rows = [(position, _named(row, after)) for position, row in evidence.rows_of(CONFIRM)]
    if not rows:
        return None
    view = _view(evidence, state, CONFIRM, "The best trials, compared with fresh seeds", rows)
    paragraphs = [
        *_chosen_words(evidence, after, goal, rows),
        "The best of many single runs looks better than it is. The best trials and the default were therefore trained "
        "again, with seeds and validation splits that no trial of the search had.",
        *openings_in_words(evidence.study.name, evidence.openings, evaluate=evidence.study.command("evaluate")),
    ]
    tested = tested_sheet(STEPS, evidence.own_openings())
    sheets = [tested] if tested is not None else []
    if after.winner is not None:
        default = default_config(evidence.study, state.search)
        winner, before = (settings(c, evidence.study, SPLITS["validation"]) for c in (after.winner, default))
        sheets.append(settings_sheet(winner, before))
    return Section("search-winner", "The winner", paragraphs, view=view, sheets=sheets)


def path_section(evidence: Evidence, after: FollowUp, goal: Goal) -> Section | None:
    """What each change gained from the default to the winner, and what it is worth there; None before that is known."""
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
    """A row that was compared, labelled as in the table of the best trials."""
    trial = next((t for t in after.confirmed if t.trial is not None and t.trial.config == row.config), None)
    return row if row.is_default or trial is None else replace(row, labels=(name_of(trial),))


def _view(evidence: Evidence, state: State, name: str, title: str, rows: Sequence[tuple[int, Row]]) -> TableView:
    of_study = evidence.study.showing
    # Replicates have validation parts of their own, so no claim is about a single split.
    claims = None if of_study.claims == "split" else of_study.claims
    showing = Showing(
        read=state.search.read,
        splits="validation",
        select=state.search.select,
        claims=claims,
        margin=of_study.margin,
        collapsed_below=of_study.collapsed_below,
    )
    table = Table(name, title, (_HEADING,), (), {}, showing)
    view = build_table(table, rows, evidence.trials, seeds=evidence.standing.seeds)
    optimistic = "The winner was picked by these means, so its own is optimistic; other seeds estimate it again."
    return replace(view, said=(*view.said, Said("", optimistic)))


def _chosen_words(evidence: Evidence, after: FollowUp, goal: Goal, rows: Sequence[tuple[int, Row]]) -> list[str]:
    if after.winner is None:
        return ["The winner is not known yet: some replicates have not been run."]
    position, row = next((position, row) for position, row in rows if row.config == after.winner)
    seeds = counted(len(row.seeds or ()), "seed")
    head = (
        f"None of the best trials was better than the default configuration on the mean of {seeds}: the default won, "
        "and nothing is changed."
        if after.default_won
        else f"{row.labels[0]} won: it has the best mean of {len(rows)} configurations over {seeds}."
    )
    seen = _estimate(evidence, position, goal)
    unbiased = _fresh_estimate(evidence, after, goal)
    if seen is None or isinstance(seen, str):
        return [head]
    chosen = f"the seeds that chose it gave {_shown(seen, goal)}, which is optimistic: it was picked for that."
    if unbiased is None:
        return [f"There is no estimate of the winner with fresh seeds yet; {chosen}", head]
    if isinstance(unbiased, str):
        return [f"With fresh seeds, the winner {unbiased}: there is no estimate.", head]
    return [
        f"The winner reaches {_shown(unbiased, goal)}, with {counted(unbiased.n, 'fresh seed')}. "
        f"This is the number to quote; {chosen} The two differ by selection bias and by chance.",
        head,
    ]


def fresh_words(evidence: Evidence, after: FollowUp, goal: Goal) -> dict[int, str]:
    """What fresh seeds say of each trial that was run with them, by its number.

    Of the winner these are seeds that did not choose it.
    """
    compared = {row.config: position for position, row in evidence.rows_of(CONFIRM)}
    found = {}
    for trial in after.confirmed:
        config = trial.trial.config if trial.trial is not None else None
        if config not in compared:
            continue
        won = config == after.winner
        value = _fresh_estimate(evidence, after, goal) if won else _estimate(evidence, compared[config], goal)
        if value is not None:
            found[trial.number] = value if isinstance(value, str) else _shown(value, goal)
    return found


def _fresh_estimate(evidence: Evidence, after: FollowUp, goal: Goal) -> Estimate | str | None:
    """What the winner reaches with fresh seeds; see `_estimate`."""
    fresh = evidence.rows_of(STEPS)
    return _estimate(evidence, fresh[-1][0], goal) if fresh and _is_end(fresh[-1][1], after) else None


def _is_end(row: Row, after: FollowUp) -> bool:
    return row.config is not None and after.winner is not None and row.config == after.winner.replace(seed=0)


def _estimate(evidence: Evidence, position: int, goal: Goal) -> Estimate | str | None:
    """The mean of a row; how it ended badly, in words; None where it has not been run at all seeds."""
    replicates = replicate_values(evidence, position, goal)
    if len(replicates) < len(evidence.standing.rows[position].seeds or ()):
        return None
    if words := ended_words(replicates):
        return words
    overlap = training_overlap(evidence.standing.rows[position])
    return estimate(replicates["value"], overlap=overlap) if len(replicates) else None


def _shown(value: Estimate, goal: Goal) -> str:
    return format_with_unit(value, goal.decimals(value.mean), goal.unit)


def _path_words(path: Waterfall | None, back: Sequence[TakenBack], after: FollowUp, goal: Goal) -> list[str]:
    words = [
        "The winner differs from the default in several settings at once. They are added one at a time, at each step "
        "the change that gains most, and then removed one at a time from the winner. All estimates here use seeds that "
        "chose neither the winner nor the order."
    ]
    if path is None:
        left = len(after.left)
        return [*words, f"The order is not known yet; {counted(left, 'change')} left." if left else "Not run yet."]
    if not path.complete:
        words.append("Not all of the path has been run yet.")
    if path.total is not None and path.complete and path.n > 1:
        total = f"{format_difference(path.total, goal.decimals(path.level))} {goal.difference_unit}".rstrip()
        words.append(f"Together, all changes gained {total}, the mean of {counted(path.n, 'seed')}.")
    by_step = {step.label: step.verdict for step in path.steps}
    by_back = {change.label: change.verdict for change in back}
    words += _verdict_words(by_step, by_back)
    if path.n == 1:
        words.append("With one seed, no gain can be told from chance.")
    return words


def _verdict_words(by_step: dict[str, str], by_back: dict[str, str]) -> list[str]:
    """Say which changes were shown to matter, and for which nothing is shown."""
    labels = list(dict.fromkeys([*by_step, *by_back]))
    both = {label: {by_step.get(label), by_back.get(label)} - {None} for label in labels}
    good = [label for label in labels if BETTER in both[label] and WORSE not in both[label]]
    bad = [label for label in labels if WORSE in both[label] and BETTER not in both[label]]
    mixed = [label for label in labels if {BETTER, WORSE} <= both[label]]
    equal = [label for label in labels if both[label] == {EQUAL}]
    neither = [label for label in labels if UNCLEAR in both[label] and both[label] <= {UNCLEAR, EQUAL}]
    found = []
    if good:
        found.append(f"Shown to improve the result, on the path or in the winner: {_list(good)}.")
    if bad:
        found.append(f"Shown to make it worse: {_list(bad)}.")
    if mixed:
        found.append(f"Better on the path and worse in the winner, or the reverse: {_list(mixed)}.")
    if equal:
        found.append(f"Practically equal with and without: {_list(equal)}.")
    if neither:
        found.append(
            f"No clear difference, on the path or in the winner: {_list(neither)}. That does not prove that "
            "they have none: the intervals say how large a missed effect may be."
        )
    return found


def _list(labels: Sequence[str]) -> str:
    return "; ".join(labels)


def _picture(path: Waterfall, back: Sequence[TakenBack], goal: Goal) -> Picture:
    points = [PathPoint(path.label, path.start, path.ended)]
    points += [PathPoint(f"+ {step.label}", step.after, step.ended) for step in path.steps]
    without = [PathPoint(f"− {change.label}", change.without, change.ended) for change in back]
    figure = ablation_path_figure(points, without, metric=goal.label, unit=goal.unit)
    interval = " with 95% intervals" if path.n > 1 else ""
    removed = (
        " On the right, the winner without one of its changes: a change clearly on the worse side of the dashed line, "
        "the winner's mean, is one that the winner needs."
        if back
        else ""
    )
    caption = (
        f"Validation {goal.words} from the default to the winner, each step added to the ones before it: means over "
        f"{counted(path.n, 'fresh seed')}{interval}.{removed} Intervals are for each configuration on its "
        "own; the differences, paired by seed, are in the table."
    )
    return Picture("search-path", figure, caption)
