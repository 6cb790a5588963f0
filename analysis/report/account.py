"""What a reader asks beside the differences, in plain sentences: what went wrong, the test set, and the cost."""

from collections.abc import Sequence
from math import isfinite

from analysis.frames.evidence import Evidence
from analysis.report.differences import factor_names
from analysis.report.test_results import openings_count, reached_words
from analysis.tables.tables import TableView
from tune_jobs.words import counted, duration

# So many levels that did not go as planned are named.
_MOST_NAMED = 3
# More of a reason is left to the table.
_MOST_LETTERS = 60


def ending_sentences(unplanned: Sequence[tuple[str, str, str]], views: Sequence[TableView]) -> list[str]:
    """Say which trainings did not go as planned, and which collapsed.

    Args:
        unplanned: of `analysis.report.summary.not_as_planned`.
        views: all tables of the report.
    """
    sentences = []
    if unplanned:
        named = "; ".join(f"{table}, {level}: {_short(what)}" for table, level, what in unplanned[:_MOST_NAMED])
        more = len(unplanned) - _MOST_NAMED
        rest = f"; and {more} more, listed below." if more > 0 else "" if named.endswith("…") else "."
        sentences.append(f"Not as planned: {named}{rest}")
    names = factor_names(views)
    collapsed = [
        f"{names[view.name]} {' × '.join(line.labels)} in {line.collapse.count} of {line.collapse.n}"
        for view in views
        for line in view.lines
        if line.collapse is not None
    ]
    if collapsed:
        more = len(collapsed) - _MOST_NAMED
        rest = f"; and {more} more" if more > 0 else ""
        sentences.append(f"Accuracy collapsed: {'; '.join(collapsed[:_MOST_NAMED])}{rest}.")
    return sentences


def test_sentences(evidence: Evidence) -> list[str]:
    """Say how often the study opened its test set, and what the last opening said."""
    study = evidence.study.name
    times = openings_count(study, evidence.openings)
    if times is None:
        fixed = all(table.showing.splits == "fixed" for table in evidence.study.tables)
        split = ", on one split of the data" if evidence.study.tables and fixed else ""
        return [f"The test set has not been opened: all numbers here are of validation{split}."]
    last = next((one for one in reversed(evidence.own_openings()) if one.finished), None)
    if last is None:
        return [f"{times}."]
    said = "; ".join(reached_words(one) for one in last.tested if all(map(isfinite, one.metrics)))
    return [f"{times}: {said}." if said else f"{times}."]


def cost_sentences(evidence: Evidence) -> list[str]:
    """Say how many trainings there were, how long they took, and how many cells of tables they fill."""
    records = evidence.records
    if not records:
        return []
    search = evidence.standing.search
    trainings = counted(len(records), "training")
    cells = len(evidence.trials)
    if search is not None:
        drawn = len(search.trials)
        follow = len(records) - sum(one.record is not None for one in search.trials.values())
        trainings += f" ({counted(drawn, 'trial')} of the search, {counted(max(follow, 0), 'follow-up trial')})"
        filled = ""
    else:
        filled = f" fill {cells:,} table cells and" if cells > len(records) else ""
    seconds = sum(record.wall_seconds for record in records.values())
    return [f"{trainings}{filled} took {duration(seconds)}, summed over the trials."]


def _short(words: str) -> str:
    """Cut what is long, after a word where it has any."""
    if len(words) <= _MOST_LETTERS:
        return words
    start = words[:_MOST_LETTERS]
    return f"{(start.rpartition(' ')[0] or start).rstrip(' ,;:')}…"
