"""A study's table as a paper prints it: verdicts in a column of their own, and nothing that all levels share."""

from analysis.statistics.comparisons import UNCLEAR
from analysis.statistics.power import MOST_SEEDS
from analysis.statistics.words import format_difference
from analysis.tables.captions import DEFAULT_MARK, compared_words
from analysis.tables.columns import (
    count_columns,
    difference_form,
    epoch_columns,
    epochs_until_columns,
    estimate_columns,
    level_columns,
    other_columns,
    pairing_words,
)
from analysis.tables.comparing import COMPARED
from analysis.tables.sheet import Column, Sheet
from analysis.tables.tables import PUBLISHED_NOTE, Line, TableView
from analysis.text import NO_VALUE, format_number


def latex_sheet(view: TableView, *, short: bool = False) -> Sheet:
    """Write a study's table for LaTeX.

    Args:
        view: the table.
        short: only levels, the metric that is compared, differences and verdicts, and what became of replicates.
    """
    compared = [quantity for quantity in view.quantities if quantity.name == COMPARED]
    columns = [*level_columns(view), *estimate_columns(view, compared, beside=not short), *_differences(view)]
    if not short:
        columns += [*_outlooks(view), *other_columns(view)]
    columns += [*epoch_columns(view), *([] if short else epochs_until_columns(view)), *_counts(view)]
    notes = [_notes(line, short=short) for line in view.lines]
    columns.append(Column("Note", tuple(notes), kind="note"))
    return Sheet(view.name, view.title, tuple(columns), view.caption, _says(view))


def _says(view: TableView) -> str:
    words = compared_words(view.compared_label)
    metric = words[:1].upper() + words[1:]
    counts = sorted({line.planned for line in view.lines if line.outcomes})
    if not counts or counts[-1] == 1:
        return f"{metric}, one run of each level."
    runs = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    mark = f"; {DEFAULT_MARK} is the default" if any(line.is_default for line in view.lines) else ""
    return f"{metric}, mean ± 95% interval of {runs} replicates{mark}."


def _differences(view: TableView) -> list[Column]:
    if not any(line.comparison for line in view.lines):
        return []
    heading = f"Difference from {DEFAULT_MARK} ({pairing_words(view)})"
    return [
        Column(heading, tuple(_difference(line, view) for line in view.lines)),
        Column("Verdict", tuple(_verdict(line) for line in view.lines), kind="words"),
    ]


def _difference(line: Line, view: TableView) -> str:
    if line.comparison is None:
        return "" if line.is_default else NO_VALUE
    decimals, limits, ends = difference_form(view)
    found = None if line.comparison.reason else line.comparison.difference
    return format_difference(found, decimals, ends=ends, limits=limits)


def _verdict(line: Line) -> str:
    if line.comparison is None:
        return ""
    small = " by less than the margin" if line.comparison.small else ""
    return "not compared" if line.comparison.reason else f"{line.comparison.verdict}{small}"


def _outlooks(view: TableView) -> list[Column]:
    """What the seeds of an unclear difference could have shown, and how many would settle it."""
    quantity = next(quantity for quantity in view.measured if quantity.name == COMPARED)
    decimals = view.decimals(quantity)
    cells = [_outlook(line, decimals) for line in view.lines]
    if not any(smallest for smallest, _ in cells):
        return []
    smallest, seeds = zip(*cells, strict=True)
    return [Column("Smallest shown", smallest), Column("Seeds to settle", seeds)]


def _outlook(line: Line, decimals: int) -> tuple[str, str]:
    found = line.comparison
    if found is None or found.verdict != UNCLEAR or found.smallest is None or found.seeds is None:
        return "", ""
    seeds = str(found.seeds) if found.seeds <= MOST_SEEDS else f"over {MOST_SEEDS:,}"
    return format_number(found.smallest, decimals), seeds


def _counts(view: TableView) -> list[Column]:
    """How many replicates levels have, where these are not the same for all."""
    return [column for column in count_columns(view) if len({cell for cell in column.cells if cell != NO_VALUE}) > 1]


def _notes(line: Line, *, short: bool) -> str:
    notes = [note for note in line.notes if not (short and note.startswith(PUBLISHED_NOTE))]
    found = line.comparison
    if found is not None and found.shares is not None:
        (count, n), (other, of) = found.shares
        notes.append(f"collapsed {count} of {n} against {other} of {of}; the difference is where both learnt")
    return "; ".join(notes)
