"""The columns of a table as text. A new column is a function and a line in `COLUMNS`."""

from collections.abc import Callable

from analysis.frames.outcomes import COMPLETED, STOPPED_EARLY
from analysis.statistics.comparisons import UNCLEAR, comparison_words, seeds_words
from analysis.statistics.words import format_estimate
from analysis.tables.captions import DEFAULT_MARK
from analysis.tables.comparing import COMPARED
from analysis.tables.sheet import Column, Sheet
from analysis.tables.tables import Line, Quantity, TableView
from analysis.text import NO_VALUE, Limits, format_number, percent_limits


def table_sheet(view: TableView) -> Sheet:
    """Write a study's table as text."""
    return Sheet(view.name, view.title, tuple(columns(view)), view.caption)


def columns(view: TableView) -> list[Column]:
    """Write the table's columns, without those that would say nothing."""
    return [column for make in COLUMNS for column in make(view)]


def _levels(view: TableView) -> list[Column]:
    return [
        Column(heading, tuple(line.shown_labels[index] for line in view.lines), kind="words")
        for index, heading in enumerate(view.headings)
    ]


def _estimates(view: TableView) -> list[Column]:
    return [
        Column(
            view.heading(quantity),
            tuple(_estimate(line, quantity, view) for line in view.lines),
        )
        for quantity in view.quantities
    ]


def _estimate(line: Line, quantity: Quantity, view: TableView) -> str:
    """The mean of a quantity; where some replicates collapsed, the validation metric's is that of the rest."""
    found, collapse = line.estimates.get(quantity.name), line.collapse
    rest = None if collapse is None or quantity.name != COMPARED else collapse.rest
    text = format_estimate(rest or found, view.decimals(quantity), _limits(view, quantity))
    return text if rest is None or collapse is None else f"{text}, {rest.n} of {collapse.n}"


def _limits(view: TableView, quantity: Quantity) -> Limits:
    return percent_limits(view.unit_of(quantity)) if quantity.kind in ("metric", "reported") else None


def _epochs(view: TableView) -> list[Column]:
    varied = any(line.epochs is not None and line.epochs[0] != line.epochs[1] for line in view.lines)
    stopped = any(line.outcomes.get(STOPPED_EARLY) for line in view.lines)
    if not varied and not stopped:
        return []
    return [Column("Epoch", tuple(_span(line.epochs) for line in view.lines))]


def _epochs_until(view: TableView) -> list[Column]:
    if view.target is None:
        return []
    cells = []
    for line in view.lines:
        if line.until is not None:
            cells.append(format_estimate(line.until, 1))
        else:
            cells.append(f"reached by {line.reached} of {line.planned}" if line.outcomes else NO_VALUE)
    unit = view.unit if view.unit == "%" else f" {view.unit}"
    return [Column(f"Epochs until {format_number(view.target, 0)}{unit}".rstrip(), tuple(cells))]


def _counts(view: TableView) -> list[Column]:
    if not view.replicated:
        return []
    return [Column("n", tuple(_count(line) for line in view.lines))]


def _differences(view: TableView) -> list[Column]:
    if not any(line.comparison for line in view.lines):
        return []
    quantity = next(quantity for quantity in view.measured if quantity.name == COMPARED)
    cells = []
    for line in view.lines:
        if line.comparison is None:
            cells.append("" if line.is_default else NO_VALUE)
        else:
            cells.append(comparison_words(line.comparison, view.decimals(quantity)))
    kinds = {line.comparison.paired for line in view.lines if line.comparison}
    words = "paired, or Welch" if len(kinds) > 1 else "paired" if True in kinds else "Welch"
    return [Column(f"Difference from {DEFAULT_MARK} ({words})", tuple(cells))]


def _outlooks(view: TableView) -> list[Column]:
    """What the seeds of an unclear difference could have shown, and how many would settle it."""
    quantity = next(quantity for quantity in view.measured if quantity.name == COMPARED)
    cells = [_outlook(line, view.decimals(quantity)) for line in view.lines]
    return [Column("Would show; would settle", tuple(cells))] if any(cells) else []


def _outlook(line: Line, decimals: int) -> str:
    found = line.comparison
    if found is None or found.verdict != UNCLEAR or found.smallest is None or found.seeds is None:
        return ""
    return f"{format_number(found.smallest, decimals)}; {seeds_words(found.seeds)}"


def _notes(view: TableView) -> list[Column]:
    if not any(line.notes for line in view.lines):
        return []
    return [Column("Note", tuple("; ".join(line.notes) for line in view.lines), kind="note")]


COLUMNS: tuple[Callable[[TableView], list[Column]], ...] = (
    _levels,
    _estimates,
    _epochs,
    _epochs_until,
    _counts,
    _differences,
    _outlooks,
    _notes,
)


def _span(epochs: tuple[int, int] | None) -> str:
    if epochs is None:
        return NO_VALUE
    return str(epochs[0]) if epochs[0] == epochs[1] else f"{epochs[0]}–{epochs[1]}"


def _count(line: Line) -> str:
    if not line.outcomes:
        return NO_VALUE
    used = sum(line.outcomes.get(outcome, 0) for outcome in (COMPLETED, STOPPED_EARLY))
    return str(used) if used == line.planned else f"{used} of {line.planned}"
