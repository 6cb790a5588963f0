"""Tables as Markdown, LaTeX and CSV, each with its escaping. A new form is one line in `RENDERERS`."""

import re
from collections.abc import Callable, Mapping

from analysis.frames.outcomes import COMPLETED, DIVERGED, FAILED, STOPPED_EARLY, TIMED_OUT
from analysis.tables.columns import table_sheet
from analysis.tables.latex import to_latex
from analysis.tables.paper import latex_sheet
from analysis.tables.sheet import Sheet
from analysis.tables.spreadsheet import csv_text
from analysis.tables.tables import Line, TableView
from tune_jobs.ledger.record import MISSING

_CSV_OUTCOMES = (COMPLETED, STOPPED_EARLY, DIVERGED, TIMED_OUT, FAILED, MISSING)
_CSV_COUNTS = ("is_default", "replicates", *_CSV_OUTCOMES)
_CSV_DIFFERENCE = tuple(
    f"difference_{part}"
    for part in ("mean", "half_width", "n", "p_value", "holm_p_value", "verdict", "would_show", "seeds_to_settle")
)
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$#&])")

# Commands within a sentence.
_CODE = re.compile(r"(`[^`|]+`)")
# What begins a list, a rule or the underline of a heading where it begins a paragraph.
_MARKDOWN_BLOCK = re.compile(r"^(\d*)([-+=.)])(?=\s|$|[-=+])")


def markdown_text(text: str) -> str:
    """Escape text for Markdown, in one line."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))


def markdown_prose(text: str) -> str:
    """Escape sentences, and leave the commands in them as they are; what would begin a list or a line does not."""
    parts = _CODE.split(" ".join(text.split()))
    escaped = "".join(part if number % 2 else _MARKDOWN_SPECIAL.sub(r"\\\1", part) for number, part in enumerate(parts))
    return _MARKDOWN_BLOCK.sub(r"\1\\\2", escaped)


def to_markdown(shown: Sheet) -> str:
    """Write the table in Markdown, with its caption below."""
    lines = [
        "| " + " | ".join(markdown_text(column.heading) for column in shown.columns) + " |",
        "| " + " | ".join("---:" if column.kind == "number" else ":---" for column in shown.columns) + " |",
        *("| " + " | ".join(markdown_text(cell) for cell in row) + " |" for row in shown.rows),
    ]
    if shown.caption:
        lines += ["", " ".join(markdown_prose(sentence) for sentence in shown.caption)]
    return "\n".join(lines) + "\n"


def to_plain_csv(shown: Sheet, *, safe: bool = True) -> str:
    """Write the table's text as CSV, as it is shown; see `csv_text`."""
    return csv_text([[column.heading for column in shown.columns], *shown.rows], safe=safe)


def to_csv(view: TableView, *, safe: bool = True) -> str:
    """Write the table's numbers in full precision; see `csv_text`."""
    names = [*(quantity.name for quantity in view.measured), "epochs_until"]
    numbers = [f"{name}_{part}" for name in names for part in ("mean", "half_width", "n")]
    rows: list[list[object]] = [[*view.headings, *_CSV_COUNTS, *numbers, *_CSV_DIFFERENCE, "reason", "notes"]]
    for line in view.lines:
        counts = [line.is_default, line.planned, *(line.outcomes.get(outcome, 0) for outcome in _CSV_OUTCOMES)]
        notes = "; ".join(line.notes)
        rows.append([*line.labels, *counts, *_csv_numbers(line, view), *_csv_difference(line), line.reason, notes])
    return csv_text(rows, safe=safe)


def _csv_numbers(line: Line, view: TableView) -> list[object]:
    estimates = (line.estimates.get(quantity.name) for quantity in view.measured)
    numbers = [(value.mean, value.half_width, value.n) if value else (None, None, 0) for value in estimates]
    until = (line.until.mean, line.until.half_width, line.until.n) if line.until else (None, None, line.reached)
    return [part for parts in (*numbers, until) for part in parts]


def _csv_difference(line: Line) -> list[object]:
    if line.comparison is None:
        return [None] * len(_CSV_DIFFERENCE)
    found, difference = line.comparison, line.comparison.difference
    numbers: tuple[object, ...] = (None,) * 4
    if difference is not None:
        numbers = (difference.mean, difference.half_width, difference.n, difference.p_value)
    return [*numbers, found.adjusted_p, found.verdict or found.reason, found.smallest, found.seeds]


RENDERERS: Mapping[str, Callable[[TableView], str]] = {
    "md": lambda view: to_markdown(table_sheet(view)),
    "tex": lambda view: to_latex(latex_sheet(view)),
    "csv": to_csv,
}
