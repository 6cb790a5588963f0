"""Columns of numbers for the LaTeX package siunitx: S columns, with cells as siunitx reads them, and text in braces."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.tables.latex_text import latex_text

PREAMBLE = (
    r"\sisetup{separate-uncertainty,retain-zero-uncertainty,retain-explicit-plus,"
    r"group-separator={,},group-minimum-digits=4}"
)
_NUMBER = r"[+−-]?\d[\d,]*(?:\.\d+)?"
# A mark of a published number, a number, and its half-width.
_CELL = re.compile(rf"(?:(\(?[≈≠]\)?) )?({_NUMBER})(?: ± ({_NUMBER}))?(?=$|[ ,;])")


def split_after_number(cell: str) -> tuple[str, str]:
    """Divide what siunitx reads, a number with its half-width, from what follows it; a text is not divided."""
    match = _CELL.match(cell)
    return (cell, "") if match is None else (match[0], cell[match.end() :])


@dataclass(frozen=True)
class _Format:
    """What a column of numbers has room for: a sign, digits before and after the point, a half-width, and a mark."""

    sign: str
    whole: int
    fraction: int
    half: int
    mark: str


def number_kind(cells: Sequence[str]) -> str:
    """The column for these cells: an S column as wide as the widest number, or a column of text without a number."""
    found = _format(cells)
    if found is None:
        return "c"
    options = f"table-format={found.sign}{found.whole}.{found.fraction}" + (f"({found.half})" if found.half else "")
    if found.mark:
        options += f",table-space-text-pre={{{_mark(found.mark)}}}"
    return f"S[{options}]"


def widest_number(cells: Sequence[str]) -> str:
    """A text as wide as the S column for these cells; "" without a number."""
    found = _format(cells)
    if found is None:
        return ""
    whole = f"{10**found.whole - 1:,}" if found.whole else ""
    number = f"{found.sign.replace('-', '−')}{whole}.{'9' * found.fraction}" if found.fraction else whole
    return f"{found.mark} {number}" + (f"  ± {'9' * found.half}." if found.half else "")


def _format(cells: Sequence[str]) -> _Format | None:
    found = [match for match in map(_CELL.match, cells) if match]
    if not found:
        return None
    marks, numbers, halves = ([match[place] or "" for match in found] for place in (1, 2, 3))
    whole, fraction = (max(map(len, parts)) for parts in zip(*map(_digits, numbers), strict=True))
    sign = next((sign for sign in ("+", "-") if any(_plain(number).startswith(sign) for number in numbers)), "")
    half = max((sum(map(len, _digits(half))) for half in halves if half), default=0)
    return _Format(sign, whole, fraction, half, max(marks, key=len))


def number_cell(text: str) -> str:
    """Write a cell of an S column."""
    match = _CELL.match(text)
    if match is None:
        return f"{{{latex_text(text)}}}" if text else ""
    mark, number, half = match.groups()
    before = f"{{{_mark(mark)}}} " if mark else ""
    return before + _plain(number) + (f" +- {_plain(half)}" if half else "")


def _digits(number: str) -> tuple[str, str]:
    whole, _, fraction = _plain(number).lstrip("+-").partition(".")
    return whole, fraction


def _plain(number: str) -> str:
    return number.replace(",", "").replace("−", "-")


def _mark(mark: str) -> str:
    return rf"{latex_text(mark)}\,"
