"""The report on a terminal: what was found, and the tables, as wide as the terminal is. It writes no file."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table as Drawn
from rich.text import Text

from analysis.frames.evidence import Evidence
from analysis.frames.search_frames import goal_of
from analysis.published.beside import with_published
from analysis.published.reproduction import reproduction_of
from analysis.report.findings import findings_of, views_of
from analysis.report.path_findings import known_path
from analysis.report.search.sections import default_values
from analysis.report.search.sheets import best_sheet
from analysis.report.search.winner import fresh_words
from analysis.report.search.winner_sheets import steps_sheet
from analysis.report.stage_path import path_sheet
from analysis.statistics.comparisons import BETTER, WORSE
from analysis.tables.captions import shared_sentences
from analysis.tables.columns import columns, difference_parts
from analysis.tables.sheet import Column, Sheet
from analysis.tables.tables import TableView
from tune_jobs.words import broken, cells, printable

_DIFFERENCE = re.compile(r"^Difference from ")
_STYLES = {BETTER: "green", WORSE: "red"}
# Between two columns; and the width that a column of words can do with, since it can be folded.
_GAP, _LEAST_WORDS = 2, 24
# The interval or half-width after a mean.
_SPREAD = re.compile(r"^(.*?)( ±| \()(.*)$")
_COMMAND = re.compile(r"`[^`]*`")


@dataclass(frozen=True)
class _Ranked:
    """A column with its rank: the lower, the longer it stays as the terminal gets narrower."""

    column: Column
    rank: int


def print_report(evidence: Evidence, console: Console) -> None:
    """Print what was found, then the tables. Of a table too wide for the terminal, the least important columns go.

    Args:
        evidence: what the ledger knows of the study.
        console: takes it; decides on colours and width.
    """
    reproduction = reproduction_of(evidence)
    views = views_of(evidence)
    found = findings_of(evidence, views, reproduction)
    console.print(_text(evidence.study.title, style="bold"))
    console.print(_bullets(found.sentences))
    if reproduction is not None:
        views = [with_published(view, reproduction) for view in views]
    for view in views:
        _print_sheet(console, view.title, _of_view(view))
    for sheet in _further_sheets(evidence):
        _print_sheet(console, sheet.title, _of_sheet(sheet))
    shared = [one.words for one in shared_sentences([view.said for view in views])] or (
        list(views[0].caption) if len(views) == 1 else []
    )
    if shared:
        console.print()
        console.print(_text(" ".join(shared), style="dim"))


def _bullets(sentences: Sequence[str]) -> RenderableType:
    grid = Drawn.grid(padding=(0, 1, 0, 0))
    for sentence in sentences:
        text = _text(sentence, overflow="fold")
        text.highlight_regex(_COMMAND, "bold")
        grid.add_row("-", text)
    return grid


def _further_sheets(evidence: Evidence) -> list[Sheet]:
    """The best trials of a search, and the path to what it or the stages settled on."""
    state, sheets = evidence.standing.search, []
    goal = goal_of(state) if state is not None else None
    path = known_path(evidence)
    if state is not None and goal is not None:
        after = evidence.standing.follow_up
        fresh = fresh_words(evidence, after, goal) if after is not None else {}
        if state.best(1):
            default = default_values(evidence.study, state)
            sheets.append(best_sheet(evidence.study, state, evidence.searched, goal, default, fresh))
        if path is not None and path.steps:
            sheets.append(steps_sheet(path, goal))
    elif path is not None and path.steps:
        sheets.append(path_sheet(path, evidence))
    return sheets


def _of_view(view: TableView) -> list[_Ranked]:
    """The columns of a table, by rank: levels, the difference with its verdict, the metric, replicates, the others."""
    found = []
    for place, column in enumerate(columns(view)):
        if _DIFFERENCE.match(column.heading):
            numbers, verdicts = zip(*difference_parts(view), strict=True)
            found += [_Ranked(Column("Difference", numbers), 1), _Ranked(Column("Verdict", verdicts, "words"), 1)]
        elif column.heading in view.headings:
            found.append(_Ranked(column, 0))
        elif column.heading == "n":
            found.append(_Ranked(column, 3))
        else:
            found.append(_Ranked(column, 2 if place == len(view.headings) else 4 + place))
    return found


def _of_sheet(sheet: Sheet) -> list[_Ranked]:
    return [_Ranked(column, place) for place, column in enumerate(sheet.columns)]


def _print_sheet(console: Console, title: str, ranked: Sequence[_Ranked]) -> None:
    kept, left = _fitting(ranked, console)
    console.print()
    console.print(_text(title, style="bold"))
    if _width(kept, words=_longest_word) <= console.width:
        console.print(_drawn(kept))
    else:
        console.print(_listed(kept))
    if left:
        names = ", ".join(column.heading for column in left)
        console.print(_text(f"left out at this width: {names}", style="dim"))


def _fitting(ranked: Sequence[_Ranked], console: Console) -> tuple[list[Column], list[Column]]:
    """The columns that fit beside each other, and those that do not; the two of lowest rank always stay."""
    kept, left = list(ranked), []
    while len({one.rank for one in kept}) > 2 and _width([one.column for one in kept]) > console.width:
        worst = max(one.rank for one in kept)
        left += [one.column for one in kept if one.rank == worst]
        kept = [one for one in kept if one.rank != worst]
    return [one.column for one in kept], list(reversed(left))


def _width(shown: Sequence[Column], words: Callable[[Sequence[str]], int] | None = None) -> int:
    """How wide columns are beside each other; those of words as wide as `words` says of their lines."""
    widths = []
    for one in shown:
        lines = [*_head(one), *_aligned(one)]
        widest = max(map(cells, lines), default=0)
        can_fold = words(lines) if words is not None else _LEAST_WORDS
        widths.append(widest if one.kind == "number" else min(widest, can_fold))
    return sum(widths) + _GAP * (len(widths) - 1)


def _longest_word(lines: Sequence[str]) -> int:
    return max((cells(word) for line in lines for word in line.split()), default=0)


def _head(column: Column) -> list[str]:
    """The heading, broken at a blank where it is wider than the cells."""
    return broken(column.heading, max(8, *map(cells, column.cells)) if column.cells else 8)


def _listed(shown: Sequence[Column]) -> RenderableType:
    """The rows below each other, where not even the fewest columns fit: a line for each cell, with its heading."""
    first, *others = shown
    lines = []
    for name, *row in zip(first.cells, *(column.cells for column in others), strict=True):
        lines.append(_text(name, style="bold", overflow="fold"))
        for column, cell in zip(others, row, strict=True):
            if cell:
                lines.append(_text(f"  {column.heading}: {cell}", style=_style(cell), overflow="fold"))
    return Group(*lines)


def _drawn(shown: Sequence[Column]) -> RenderableType:
    table = Drawn(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="underline")
    for column in shown:
        words = column.kind != "number"
        heading = _text("\n".join(_head(column)))
        # Words may be folded where even the fewest columns are too wide; numbers never are.
        least = _longest_word([*_head(column), *column.cells]) if words else None
        table.add_column(
            heading, justify="left" if words else "right", no_wrap=not words, overflow="fold", min_width=least
        )
    for row in zip(*map(_aligned, shown), strict=True):
        table.add_row(*(_text(cell, style=_style(cell)) for cell in row))
    return table


def _text(words: str, **how: Any) -> Text:
    return Text(printable(words), **how)


def _style(cell: str) -> str:
    return next((style for verdict, style in _STYLES.items() if cell.split(" by ")[0] == verdict), "")


def _aligned(column: Column) -> list[str]:
    """Put the means of a column below each other, and what follows them too."""
    cells = list(column.cells)
    if column.kind != "number":
        return cells
    parts = [found.groups() if (found := _SPREAD.match(cell)) else None for cell in cells]
    spreads = [part[2] for part in parts if part is not None]
    if not spreads:
        return cells
    longest = max(map(len, spreads))
    side = ">" if all(part is None or "±" in part[1] for part in parts) else "<"
    # A mean without a spread stands below the others too.
    room = max(len(part[1]) for part in parts if part is not None) + longest
    return [
        f"{cell}{' ' * room if cell else ''}" if part is None else f"{part[0]}{part[1]}{part[2]:{side}{longest}}"
        for cell, part in zip(cells, parts, strict=True)
    ]
