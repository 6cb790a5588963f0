"""A display table as Markdown, LaTeX and CSV; escaping for each. A further form is one line in `RENDERERS`."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Mapping

from analysis.columns import Column, Sheet, sheet
from analysis.frames import COMPLETED, DIVERGED, FAILED, STOPPED_EARLY, TIMED_OUT
from analysis.tables import QUANTITIES, TableView
from tune_jobs.records import MISSING

_NOTE_WIDTH = "0.24\\linewidth"
_LONG_HEADING = 12
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$#&])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    # Long paths and names may break after these.
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
    """Return text that Markdown shows as it is, in one line."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))


def latex_text(text: str) -> str:
    """Return text that LaTeX sets as it is, in one line, with any engine; unknown symbols by their code point."""
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
    """Return the table in Markdown, its caption below."""
    lines = [
        "| " + " | ".join(markdown_text(column.heading) for column in shown.columns) + " |",
        "| " + " | ".join("---:" if column.kind == "number" else ":---" for column in shown.columns) + " |",
        *("| " + " | ".join(markdown_text(cell) for cell in row) + " |" for row in shown.rows),
    ]
    if shown.caption:
        lines += ["", " ".join(markdown_text(sentence) for sentence in shown.caption)]
    return "\n".join(lines) + "\n"


def to_latex(shown: Sheet) -> str:
    """Return the table as a LaTeX `table`; needs the packages array, booktabs and graphicx."""
    lines = [
        r"\begin{table}",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        _latex_caption(shown) + rf"\label{{tab:{shown.name}}}",
        # Shrunk to the width of the page where it is wider.
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
    """Return the table as a LaTeX `longtable`, which breaks over pages; needs array, booktabs and longtable.

    Columns of words and notes share the width of the page evenly.
    """
    wide = sum(column.kind != "number" for column in shown.columns)
    width = (0.96 - 0.11 * (len(shown.columns) - wide)) / max(wide, 1)
    kinds = "".join(
        "r" if column.kind == "number" else rf">{{\raggedright\arraybackslash}}p{{{width:.3f}\linewidth}}"
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


def _latex_caption(shown: Sheet) -> str:
    return rf"\caption{{\textbf{{{latex_text(shown.title)}.}} {' '.join(map(latex_text, shown.caption))}}}"


def _latex_head(shown: Sheet) -> list[str]:
    headings = " & ".join(_latex_heading(column) for column in shown.columns)
    return [r"\toprule", headings + r" \\", r"\midrule"]


def to_plain_csv(shown: Sheet) -> str:
    """Return the table's text, as it is shown."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.heading for column in shown.columns])
    writer.writerows(shown.rows)
    return stream.getvalue()


def to_csv(view: TableView) -> str:
    """Return the table's numbers in full precision, nothing of the formatted text."""
    outcomes = (COMPLETED, STOPPED_EARLY, DIVERGED, TIMED_OUT, FAILED, MISSING)
    heading = [*view.headings, "is_default", "replicates", *outcomes]
    for quantity in QUANTITIES:
        heading += [f"{quantity.name}_{part}" for part in ("mean", "half_width", "n")]
    heading += ["epochs_until_mean", "epochs_until_half_width", "epochs_until_n"]
    heading += [f"difference_{part}" for part in ("mean", "half_width", "n", "p_value", "holm_p_value", "verdict")]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*heading, "reason", "notes"])
    for line in view.lines:
        row: list[object] = [*line.labels, line.is_default, line.planned]
        row += [line.outcomes.get(outcome, 0) for outcome in outcomes]
        for quantity in QUANTITIES:
            value = line.estimates.get(quantity.name)
            row += [value.mean, value.half_width, value.n] if value else [None, None, 0]
        row += [line.until.mean, line.until.half_width, line.until.n] if line.until else [None, None, line.reached]
        if line.comparison:
            difference = line.comparison.difference
            row += [difference.mean, difference.half_width, difference.n, difference.p_value]
            row += [line.comparison.adjusted_p, line.comparison.verdict]
        else:
            row += [None] * 6
        writer.writerow([*row, line.reason, "; ".join(line.notes)])
    return stream.getvalue()


RENDERERS: Mapping[str, Callable[[TableView], str]] = {
    "md": lambda view: to_markdown(sheet(view)),
    "tex": lambda view: to_latex(sheet(view)),
    "csv": to_csv,
}


def _alignment(column: Column) -> str:
    return {"words": "l", "number": "r", "note": rf">{{\raggedright\arraybackslash}}p{{{_NOTE_WIDTH}}}"}[column.kind]


def _latex_heading(column: Column) -> str:
    words = column.heading.split()
    if len(column.heading) <= _LONG_HEADING or len(words) == 1:
        return latex_text(column.heading)
    cuts = range(1, len(words))
    cut = min(cuts, key=lambda cut: max(len(" ".join(words[:cut])), len(" ".join(words[cut:]))))
    halves = latex_text(" ".join(words[:cut])), latex_text(" ".join(words[cut:]))
    side = "r" if column.kind == "number" else "l"
    return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{halves[0]}\\{halves[1]}\end{{tabular}}"
