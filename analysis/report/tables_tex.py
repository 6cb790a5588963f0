"""The file of tables that a paper takes in as it is."""

from collections.abc import Sequence

from analysis.report.section import Section
from analysis.tables.latex_text import latex_prose
from analysis.tables.long_latex import sheet_latex
from analysis.tables.paper import latex_sheet

# The tables for LaTeX: whole, or as a paper prints them.
STYLES = (FULL, PAPER) = ("full", "paper")


def tables_tex(sections: Sequence[Section], shared: Sequence[str], style: str) -> str:
    r"""Write the study's tables, each with its test results, for \input into a document that uses booktabs.

    Args:
        sections: of the report, without what their captions share.
        shared: that, in paragraphs.
        style: one of `STYLES`.
    """
    tables = [
        sheet_latex(table)
        for section in sections
        if section.view is not None
        for table in (latex_sheet(section.view, short=style == PAPER), *section.sheets)
    ]
    said = [rf"\par\noindent{{\footnotesize {latex_prose(words)}\par}}" for words in shared]
    return "\n".join([r"% Needs \usepackage{booktabs}.", *said, *tables])
