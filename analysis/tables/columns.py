"""The columns of a table as text. A new column is a function and a line in `COLUMNS`."""

from collections.abc import Callable, Sequence
from math import inf

from analysis.frames.outcomes import COMPLETED, STOPPED_EARLY
from analysis.statistics.comparisons import comparison_parts, outlook_words
from analysis.statistics.words import format_estimates, is_cut
from analysis.tables.captions import DEFAULT_MARK
from analysis.tables.comparing import COMPARED
from analysis.tables.sheet import OUTLOOK, Column, Sheet
from analysis.tables.tables import Line, Quantity, TableView
from analysis.text import NO_VALUE, Limits, difference_limits, format_number, percent_limits

# Metrics that are never below 0.
_NEVER_NEGATIVE = ("RMSE",)


def table_sheet(view: TableView) -> Sheet:
    """Write a study's table as text."""
    return Sheet(view.name, view.title, tuple(columns(view)), view.caption)


def columns(view: TableView) -> list[Column]:
    """Write the table's columns, without those that would say nothing."""
    return [column for make in COLUMNS for column in make(view)]


def level_columns(view: TableView) -> list[Column]:
    """The labels of the levels, a column for each factor."""
    return [
        Column(heading, tuple(line.shown_labels[index] for line in view.lines), kind="words")
        for index, heading in enumerate(view.headings)
    ]


def _compared(view: TableView) -> list[Column]:
    """The metric that is compared, what stands beside it, and the differences from the default."""
    shown = [quantity for quantity in view.quantities if quantity.name == COMPARED]
    return [*estimate_columns(view, shown), *_differences(view), *_outlooks(view)]


def other_columns(view: TableView) -> list[Column]:
    """The other quantities, and what stands beside those that the table does not show."""
    shown = [quantity for quantity in view.quantities if quantity.name != COMPARED]
    known = {quantity.name for quantity in view.quantities}
    return [*estimate_columns(view, shown), *(column for name, column in view.beside.items() if name not in known)]


def estimate_columns(view: TableView, shown: Sequence[Quantity], *, beside: bool = True) -> list[Column]:
    """Means with their intervals, and what stands beside them."""
    found = []
    for quantity in shown:
        found.append(Column(view.heading(quantity), _estimate_cells(view, quantity)))
        found += [view.beside[quantity.name]] if beside and quantity.name in view.beside else []
    return found


def _estimate_cells(view: TableView, quantity: Quantity) -> tuple[str, ...]:
    """The means of a quantity; where some replicates collapsed, the validation metric's is that of the rest."""
    shown, remarks = [], []
    for line in view.lines:
        collapse = None if quantity.name != COMPARED else line.collapse
        rest = None if collapse is None else collapse.rest
        shown.append(rest or line.estimates.get(quantity.name))
        remarks.append("" if rest is None or collapse is None else f", {rest.n} of {collapse.n}")
    cells = format_estimates(shown, view.decimals(quantity), _limits(view, quantity))
    return tuple(f"{cell}{remark}" for cell, remark in zip(cells, remarks, strict=True))


def _limits(view: TableView, quantity: Quantity) -> Limits:
    if quantity.kind == "seconds" or (quantity.name == COMPARED and view.metric in _NEVER_NEGATIVE):
        return (0.0, inf)
    return percent_limits(view.unit_of(quantity)) if quantity.kind in ("metric", "reported") else None


def epoch_columns(view: TableView) -> list[Column]:
    """The epochs that levels are read at, where they are not the same."""
    varied = any(line.epochs is not None and line.epochs[0] != line.epochs[1] for line in view.lines)
    stopped = any(line.outcomes.get(STOPPED_EARLY) for line in view.lines)
    if not varied and not stopped:
        return []
    return [Column("Epoch", tuple(_span(line.epochs) for line in view.lines))]


def epochs_until_columns(view: TableView) -> list[Column]:
    """The epochs until the table's target is reached, where it has one."""
    if view.target is None:
        return []
    known = format_estimates([line.until for line in view.lines], 1, (1.0, inf))
    cells = [
        cell
        if line.until is not None
        else f"reached by {line.reached} of {line.planned}"
        if line.outcomes
        else NO_VALUE
        for line, cell in zip(view.lines, known, strict=True)
    ]
    unit = view.unit if view.unit == "%" else f" {view.unit}"
    return [Column(f"Epochs until {format_number(view.target, 0)}{unit}".rstrip(), tuple(cells))]


def count_columns(view: TableView) -> list[Column]:
    """How many replicates count."""
    if not view.replicated:
        return []
    return [Column("n", tuple(_count(line) for line in view.lines))]


def _differences(view: TableView) -> list[Column]:
    if not any(line.comparison for line in view.lines):
        return []
    cells = tuple(", ".join(part for part in parts if part) for parts in difference_parts(view))
    return [Column(f"Difference from {DEFAULT_MARK} ({pairing_words(view)})", cells)]


def difference_parts(view: TableView) -> list[tuple[str, str]]:
    """The difference of each line from the default, and its verdict."""
    decimals, limits, ends = difference_form(view)
    return [
        comparison_parts(line.comparison, decimals, ends=ends, limits=limits)
        if line.comparison is not None
        else ("", "" if line.is_default else NO_VALUE)
        for line in view.lines
    ]


def difference_form(view: TableView) -> tuple[int, Limits, bool]:
    """How a table's differences are written: decimals, limits, and whether intervals are written by their ends."""
    quantity = next(quantity for quantity in view.measured if quantity.name == COMPARED)
    limits = difference_limits(view.unit)
    ends = any(line.comparison is not None and is_cut(line.comparison.difference, limits) for line in view.lines)
    return view.decimals(quantity), limits, ends


def pairing_words(view: TableView) -> str:
    """How levels are compared with the default: paired, or by Welch's test."""
    kinds = {line.comparison.paired for line in view.lines if line.comparison}
    return "paired, or Welch" if len(kinds) > 1 else "paired" if True in kinds else "Welch"


def _outlooks(view: TableView) -> list[Column]:
    """What the seeds of an unclear difference could have shown, and how many would settle it."""
    quantity = next(quantity for quantity in view.measured if quantity.name == COMPARED)
    cells = [outlook_words(line.comparison, view.decimals(quantity)) for line in view.lines]
    return [Column(OUTLOOK, tuple(cells))] if any(cells) else []


def _notes(view: TableView) -> list[Column]:
    if not any(line.notes for line in view.lines):
        return []
    return [Column("Note", tuple("; ".join(line.notes) for line in view.lines), kind="note")]


COLUMNS: tuple[Callable[[TableView], list[Column]], ...] = (
    level_columns,
    _compared,
    other_columns,
    epoch_columns,
    epochs_until_columns,
    count_columns,
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
