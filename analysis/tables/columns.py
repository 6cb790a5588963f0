"""The columns of a table as text. A further column is one function and one line in `COLUMNS`."""

from collections.abc import Callable
from dataclasses import dataclass

from analysis.frames.frames import COMPLETED, STOPPED_EARLY
from analysis.statistics.intervals import Estimate
from analysis.tables.tables import COMPARED, DEFAULT_MARK, QUANTITIES, Comparison, Line, Quantity, TableView
from analysis.text import NO_VALUE, Limits, format_number, format_range, percent_limits


@dataclass(frozen=True)
class Column:
    """A column of text, a cell for each line. `kind` is "words", "number" or "note" (long, often empty)."""

    heading: str
    cells: tuple[str, ...]
    kind: str = "number"


@dataclass(frozen=True)
class Sheet:
    """A table of text as it is written: the same columns in every form.

    Attributes:
        name: of its files and its label.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    caption: tuple[str, ...] = ()

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells, line by line."""
        return list(zip(*(column.cells for column in self.columns), strict=True))


def sheet(view: TableView) -> Sheet:
    """Return a study's table as text."""
    return Sheet(view.name, view.title, tuple(columns(view)), view.caption)


def columns(view: TableView) -> list[Column]:
    """Return the table's columns of text, those left out that would say nothing."""
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
            tuple(
                format_estimate(line.estimates.get(quantity.name), view.decimals(quantity), _limits(view, quantity))
                for line in view.lines
            ),
        )
        for quantity in view.quantities
    ]


def _limits(view: TableView, quantity: Quantity) -> Limits:
    return percent_limits(view.unit) if quantity.kind == "metric" else None


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
    quantity = next(quantity for quantity in QUANTITIES if quantity.name == COMPARED)
    cells = []
    for line in view.lines:
        if line.comparison is None:
            cells.append("" if line.is_default else NO_VALUE)
        else:
            cells.append(f"{format_difference(line.comparison, view.decimals(quantity))}, {line.comparison.verdict}")
    return [Column(f"Difference from {DEFAULT_MARK} (paired)", tuple(cells))]


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
    _notes,
)


def format_estimate(value: Estimate | None, decimals: int, limits: Limits = None) -> str:
    """Return mean ± half-width, the bare mean where there is no interval, a dash where there is nothing.

    An interval that leaves what is possible is cut there and written by its ends: "99.2 (97.1 to 100.0)".
    """
    if value is None:
        return NO_VALUE
    mean = format_number(value.mean, decimals)
    if value.half_width is None or limits is None:
        return mean + _interval(value.half_width, decimals)
    low, high = value.mean - value.half_width, value.mean + value.half_width
    if limits[0] <= low and high <= limits[1]:
        return mean + _interval(value.half_width, decimals)
    return f"{mean} ({format_range(low, high, decimals, limits)})"


def format_difference(comparison: Comparison, decimals: int) -> str:
    """Return a signed difference with its half-width; or that every pair differs by just as much."""
    difference = comparison.difference
    number = format_number(difference.mean, decimals)
    sign = "+" if difference.mean > 0 else ""
    if difference.half_width is None and difference.n > 1:
        return f"{sign}{number} in every pair"
    return sign + number + _interval(difference.half_width, decimals)


def _interval(half_width: float | None, decimals: int) -> str:
    return "" if half_width is None else f" ± {format_number(half_width, decimals)}"


def _span(epochs: tuple[int, int] | None) -> str:
    if epochs is None:
        return NO_VALUE
    return str(epochs[0]) if epochs[0] == epochs[1] else f"{epochs[0]}–{epochs[1]}"


def _count(line: Line) -> str:
    if not line.outcomes:
        return NO_VALUE
    used = sum(line.outcomes.get(outcome, 0) for outcome in (COMPLETED, STOPPED_EARLY))
    return str(used) if used == line.planned else f"{used} of {line.planned}"
