"""Tables for LaTeX that break over pages: those of many lines, or of long texts."""

import re
from collections.abc import Iterator

from analysis.tables.latex import below, caption_of, heading_lines, to_latex
from analysis.tables.latex_text import latex_prose, latex_text
from analysis.tables.sheet import Column, Sheet

# The width of a character, and of the gap between two columns, as fractions of the page's width.
_CHARACTER = 0.0098
_GAP = 0.017
# Longer texts get no more of the page than texts of this length.
_LONG_TEXT = 60
# More lines than these do not stand on a page, and longer texts need lines of their own.
_MOST_LINES, _MOST_WORDS = 40, 60


def sheet_latex(shown: Sheet, *, siunitx: bool = False) -> str:
    """Write a table as one that can be put anywhere, or where it is too long for that, over pages.

    Args:
        shown: the table.
        siunitx: align the numbers of the former by the package siunitx.
    """
    texts = [cell for column in shown.columns[1:] if column.kind == "words" for cell in column.cells]
    short = shown.height <= _MOST_LINES and max(map(len, texts), default=0) <= _MOST_WORDS
    return to_latex(shown, siunitx=siunitx) if short else to_long_latex(shown)


def to_long_latex(shown: Sheet) -> str:
    """Write the table as a LaTeX `longtable`, which breaks over pages; needs array, booktabs and longtable.

    Columns of words and notes share the width of the page that columns of numbers leave.
    """
    widths = _shares_of_page(shown)
    kinds = "".join(
        "r" if column.kind == "number" else rf">{{\raggedright\arraybackslash}}p{{{next(widths):.3f}\linewidth}}"
        for column in shown.columns
    )
    head = [r"\toprule", " & ".join(map(_heading, shown.columns)) + r" \\", r"\midrule"]
    lines = [
        r"{\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\begin{{longtable}}{{@{{}}{kinds}@{{}}}}",
        rf"\caption{{{caption_of(shown)}}}\label{{tab:{shown.name}}} \\",
        *head,
        r"\endfirsthead",
        *head,
        r"\endhead",
        *(" & ".join(map(latex_text, row)) + r" \\" for row in shown.rows),
        r"\bottomrule",
        r"\end{longtable}",
        *below([" ".join(map(latex_prose, shown.caption))]),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _shares_of_page(shown: Sheet) -> Iterator[float]:
    """Yield the width of each column of words: room for its longest word, and more for longer texts."""
    numbers = [column for column in shown.columns if column.kind == "number"]
    words = [[column.heading, *column.cells] for column in shown.columns if column.kind != "number"]
    taken = _GAP * (len(shown.columns) - 1)
    taken += sum(_CHARACTER * max(map(len, (*heading_lines(column.heading), *column.cells))) for column in numbers)
    least = [_CHARACTER * max(len(word) for text in texts for word in re.split(r"[\s_/]+", text)) for texts in words]
    wishes = [min(max(map(len, texts)), _LONG_TEXT) for texts in words]
    spare = max(0.99 - taken - sum(least), 0.0)
    for word, wish in zip(least, wishes, strict=True):
        yield word + spare * wish / sum(wishes)


def _heading(column: Column) -> str:
    lines = [latex_text(line) for line in heading_lines(column.heading)]
    if len(lines) == 1:
        return lines[0]
    side = "r" if column.kind == "number" else "l"
    return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}" + r"\\".join(lines) + r"\end{tabular}"
