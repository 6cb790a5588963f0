"""Tables as Markdown, LaTeX and CSV, each with its escaping. A new form is one line in `RENDERERS`."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

from analysis.frames.outcomes import COMPLETED, DIVERGED, FAILED, STOPPED_EARLY, TIMED_OUT
from analysis.tables.columns import table_sheet
from analysis.tables.sheet import Column, Sheet
from analysis.tables.tables import Line, TableView
from tune_jobs.ledger.record import MISSING

_NOTE_WIDTH = "0.24\\linewidth"
_LONG_HEADING = 12
# The width of a character in a long table, and of the gap between two columns, as fractions of the page's width.
_CHARACTER = 0.0098
_GAP = 0.017
# Longer texts get no more of the page than texts of this length.
_LONG_TEXT = 60
_CSV_OUTCOMES = (COMPLETED, STOPPED_EARLY, DIVERGED, TIMED_OUT, FAILED, MISSING)
_CSV_COUNTS = ("is_default", "replicates", *_CSV_OUTCOMES)
_CSV_DIFFERENCE = tuple(
    f"difference_{part}"
    for part in ("mean", "half_width", "n", "p_value", "holm_p_value", "verdict", "would_show", "seeds_to_settle")
)
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$#&])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    # Long paths and names may break after an underscore or a slash.
    "_": r"\_\allowbreak{}",
    "/": r"/\allowbreak{}",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "“": "``",
    "”": "''",
    "’": "'",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "≠": r"$\neq$",
    "→": r"$\rightarrow$",
    "∞": r"$\infty$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "ε": r"$\epsilon$",
    "η": r"$\eta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "µ": r"$\mu$",
    "σ": r"$\sigma$",
    "²": r"$^2$",
    "³": r"$^3$",
    "°": r"$^\circ$",
    "·": r"$\cdot$",
}


def markdown_text(text: str) -> str:
    """Escape text for Markdown, in one line."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))


def latex_text(text: str) -> str:
    """Escape text for any LaTeX engine, in one line; a symbol that it lacks becomes its code point."""
    return "".join(_latex_character(character) for character in " ".join(text.split()))


def _latex_character(character: str) -> str:
    if character in _LATEX:
        return _LATEX[character]
    if character.isascii() and character.isprintable():
        return character
    if character.isalpha() and ord(character) < 0x180:
        return character
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if c.isascii() and c.isprintable())
    return "".join(_LATEX.get(c, c) for c in plain) or f"{{[}}U+{ord(character):04X}{{]}}"


def to_markdown(shown: Sheet) -> str:
    """Write the table in Markdown, with its caption below."""
    lines = [
        "| " + " | ".join(markdown_text(column.heading) for column in shown.columns) + " |",
        "| " + " | ".join("---:" if column.kind == "number" else ":---" for column in shown.columns) + " |",
        *("| " + " | ".join(markdown_text(cell) for cell in row) + " |" for row in shown.rows),
    ]
    if shown.caption:
        lines += ["", " ".join(markdown_text(sentence) for sentence in shown.caption)]
    return "\n".join(lines) + "\n"


def to_latex(shown: Sheet) -> str:
    """Write the table as a LaTeX `table`; needs the packages array, booktabs and graphicx."""
    lines = [
        r"\begin{table}",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        _latex_caption(shown) + rf"\label{{tab:{shown.name}}}",
        # A table wider than the page is shrunk to its width.
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{@{{}}{''.join(_alignment(column) for column in shown.columns)}@{{}}}}",
        *_latex_head(shown),
        *(" & ".join(map(latex_text, row)) + r" \\" for row in shown.rows),
        r"\bottomrule",
        r"\end{tabular}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def to_long_latex(shown: Sheet) -> str:
    """Write the table as a LaTeX `longtable`, which breaks over pages; needs array, booktabs and longtable.

    Columns of words and notes share the width of the page that columns of numbers leave.
    """
    widths = _shares_of_page(shown)
    kinds = "".join(
        "r" if column.kind == "number" else rf">{{\raggedright\arraybackslash}}p{{{next(widths):.3f}\linewidth}}"
        for column in shown.columns
    )
    head = _latex_head(shown)
    lines = [
        r"{\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\begin{{longtable}}{{@{{}}{kinds}@{{}}}}",
        _latex_caption(shown) + rf"\label{{tab:{shown.name}}} \\",
        *head,
        r"\endfirsthead",
        *head,
        r"\endhead",
        *(" & ".join(map(latex_text, row)) + r" \\" for row in shown.rows),
        r"\bottomrule",
        r"\end{longtable}}",
    ]
    return "\n".join(lines) + "\n"


def _shares_of_page(shown: Sheet) -> Iterator[float]:
    """Yield the width of each column of words: room for its longest word, and more for longer texts."""
    numbers = [column for column in shown.columns if column.kind == "number"]
    words = [[column.heading, *column.cells] for column in shown.columns if column.kind != "number"]
    taken = _GAP * (len(shown.columns) - 1)
    taken += sum(_CHARACTER * max(map(len, (*_heading_lines(column), *column.cells))) for column in numbers)
    least = [_CHARACTER * max(len(word) for text in texts for word in re.split(r"[\s_/]+", text)) for texts in words]
    wishes = [min(max(map(len, texts)), _LONG_TEXT) for texts in words]
    spare = max(0.99 - taken - sum(least), 0.0)
    for word, wish in zip(least, wishes, strict=True):
        yield word + spare * wish / sum(wishes)


def _latex_caption(shown: Sheet) -> str:
    return rf"\caption{{\textbf{{{latex_text(shown.title)}.}} {' '.join(map(latex_text, shown.caption))}}}"


def _latex_head(shown: Sheet) -> list[str]:
    headings = " & ".join(_latex_heading(column) for column in shown.columns)
    return [r"\toprule", headings + r" \\", r"\midrule"]


def to_plain_csv(shown: Sheet) -> str:
    """Write the table's text as CSV, as it is shown."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.heading for column in shown.columns])
    writer.writerows(shown.rows)
    return stream.getvalue()


def to_csv(view: TableView) -> str:
    """Write the table's numbers in full precision."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = [*(quantity.name for quantity in view.measured), "epochs_until"]
    numbers = [f"{name}_{part}" for name in names for part in ("mean", "half_width", "n")]
    writer.writerow([*view.headings, *_CSV_COUNTS, *numbers, *_CSV_DIFFERENCE, "reason", "notes"])
    for line in view.lines:
        counts = [line.is_default, line.planned, *(line.outcomes.get(outcome, 0) for outcome in _CSV_OUTCOMES)]
        notes = "; ".join(line.notes)
        writer.writerow([*line.labels, *counts, *_csv_numbers(line, view), *_csv_difference(line), line.reason, notes])
    return stream.getvalue()


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


def _alignment(column: Column) -> str:
    return {"words": "l", "number": "r", "note": rf">{{\raggedright\arraybackslash}}p{{{_NOTE_WIDTH}}}"}[column.kind]


def _heading_lines(column: Column) -> list[str]:
    words = column.heading.split()
    if len(column.heading) <= _LONG_HEADING or len(words) == 1:
        return [column.heading]
    halves = [[" ".join(words[:cut]), " ".join(words[cut:])] for cut in range(1, len(words))]
    return min(halves, key=lambda half: max(map(len, half)))


def _latex_heading(column: Column) -> str:
    lines = [latex_text(line) for line in _heading_lines(column)]
    if len(lines) == 1:
        return lines[0]
    side = "r" if column.kind == "number" else "l"
    return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{lines[0]}\\{lines[1]}\end{{tabular}}"


RENDERERS: Mapping[str, Callable[[TableView], str]] = {
    "md": lambda view: to_markdown(table_sheet(view)),
    "tex": lambda view: to_latex(table_sheet(view)),
    "csv": to_csv,
}
